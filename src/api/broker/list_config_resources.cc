#include "gen/list_config_resources.h"

#include <algorithm>
#include <array>

#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

using cluster::ConfigResourceType;
using Answer = gen::ListConfigResourcesResponse;

/// In the order of Kafka's answer.
constexpr std::array kListed = {ConfigResourceType::kGroup, ConfigResourceType::kClientMetrics,
                                ConfigResourceType::kBrokerLogger, ConfigResourceType::kBroker,
                                ConfigResourceType::kTopic};

void put(std::string_view name, ConfigResourceType type, Answer& response) {
  auto& resource = response.config_resources.append();
  resource.resource_name = name;
  resource.resource_type = static_cast<int8_t>(type);
}

void list(const cluster::MetadataImage& image, ConfigResourceType type, Answer& response) {
  switch (type) {
    case ConfigResourceType::kTopic:
      return image.topics->by_name.for_each(
          [&](const std::string& name, const cluster::TopicPtr&) { put(name, type, response); });
    case ConfigResourceType::kBroker:
    case ConfigResourceType::kBrokerLogger:
      for (const auto& [id, broker] : image.brokers->brokers)
        if (!broker->fenced) put(std::to_string(id.value), type, response);
      return;
    default:
      return image.configs->for_each(
          [&](const cluster::ConfigResource& resource, const cluster::ConfigMapPtr&) {
            if (resource.type == type && !resource.name.empty()) put(resource.name, type, response);
          });
  }
}

}  // namespace

Progress ListConfigResourcesHandler::admit(RequestContext& context) {
  constexpr int16_t kFirstWithTypes = 1;
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::ListConfigResourcesRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  const auto is_asked = [&](ConfigResourceType type) {
    if (context.header.version < kFirstWithTypes) return type == ConfigResourceType::kClientMetrics;
    return request.resource_types.empty() ||
           std::ranges::count(request.resource_types, static_cast<int8_t>(type)) > 0;
  };
  const auto is_known = [](int8_t type) {
    return std::ranges::count(kListed, static_cast<ConfigResourceType>(type)) > 0;
  };
  Answer response;
  if (!services_.authorizer.allows(context.connection().principal,
                                   security::Operation::kDescribeConfigs,
                                   security::ResourceType::kCluster, security::kClusterName)) {
    response.error_code = wire_code(ErrorCode::kClusterAuthorizationFailed);
  } else if (!std::ranges::all_of(request.resource_types, is_known)) {
    response.error_code = wire_code(ErrorCode::kUnsupportedVersion);
  } else {
    const cluster::ImagePtr image = services_.images.current();
    for (const ConfigResourceType type : kListed)
      if (is_asked(type)) list(*image, type, response);
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
