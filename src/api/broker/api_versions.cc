#include "api/broker/api_versions.h"

#include <algorithm>

#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_valid_software_name(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::ranges::all_of(text,
                             [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

Progress ApiVersionsHandler::admit(RequestContext& context) {
  response_.reset();
  if (!context.version_is_known) {
    answer_unknown_version(context);
    return Progress::kReady;
  }
  const int16_t version = context.header.version;
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  request_.reset();
  const auto decoded = request_.decode(reader, version);
  if (!decoded) return Progress::kClose;
  constexpr int16_t kFirstWithSoftware = 3;
  if (version >= kFirstWithSoftware) {
    if (!is_valid_software_name(request_.client_software_name) ||
        !is_valid_software_name(request_.client_software_version)) {
      response_.error_code = wire_code(ErrorCode::kInvalidRequest);
      context.respond(response_);
      return Progress::kReady;
    }
    context.connection().client_software_name = request_.client_software_name;
    context.connection().client_software_version = request_.client_software_version;
    list_features(version);
  }
  for (const ApiRow& row : dispatcher_.rows()) {
    if (row.handler == nullptr) continue;
    auto& api = response_.api_keys.append();
    api.api_key = row.key;
    api.min_version = row.listed_from;
    api.max_version = row.max_version;
  }
  context.respond(response_);
  return Progress::kReady;
}

void ApiVersionsHandler::list_features(int16_t version) {
  // Old Java clients refuse a supported feature whose lowest level is 0 (KAFKA-17492).
  constexpr int16_t kFirstWithZero = 4;
  for (const auto& [name, levels] : services_.facts.supported_features) {
    if (levels.min == 0 && version < kFirstWithZero) continue;
    auto& feature = response_.supported_features.append();
    feature.name = name;
    feature.min_version = levels.min;
    feature.max_version = levels.max;
  }
  const cluster::ImagePtr image = services_.images.current();
  if (image->last_offset.value < 0) return;
  response_.finalized_features_epoch = image->last_offset.value;
  for (const auto& [name, level] : image->features) {
    if (level == 0) continue;
    auto& feature = response_.finalized_features.append();
    feature.name = name;
    feature.max_version_level = level;
    feature.min_version_level = level;
  }
}

/// Version 0, whatever was asked, and only how to ask again.
void ApiVersionsHandler::answer_unknown_version(RequestContext& context) {
  response_.error_code = wire_code(ErrorCode::kUnsupportedVersion);
  auto& api = response_.api_keys.append();
  api.api_key = context.row->key;
  api.min_version = context.row->min_version;
  api.max_version = context.row->max_version;
  const auto encoded = response_.encode(context.begin_response(false), 0);
  if (!encoded) return context.drop_response(encoded.error());
  context.end_response();
}

}  // namespace semel::api::broker
