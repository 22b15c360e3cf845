#include "cli/client_settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "broker/properties.h"
#include "cli/kafka_errors.h"

namespace semel::cli {

void put_setting(Settings& settings, std::string key, std::string value) {
  std::erase_if(settings, [&](const client::ClientSetting& s) { return s.key == key; });
  settings.push_back({std::move(key), std::move(value)});
}

bool has_setting(const Settings& settings, std::string_view key) {
  return std::any_of(settings.begin(), settings.end(),
                     [&](const client::ClientSetting& s) { return s.key == key; });
}

Result<void> add_settings_file(Settings& settings, rt::Disk& disk, const std::string& path) {
  SEMEL_TRY(const auto text, rt::read_file(disk, path, 16u << 20));
  SEMEL_TRY(const auto parsed, broker::parse_properties(text.text(), path));
  for (const broker::Setting& setting : parsed) put_setting(settings, setting.key, setting.value);
  return {};
}

Result<void> add_settings_words(Settings& settings, std::span<const std::string> words) {
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == 0 || word.empty())
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("'{}' is no setting; write key=value", word));
    put_setting(settings, word.substr(0, equals),
                equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  return {};
}

std::string java_text(const client::ConfigRefusal& refusal) {
  const std::string_view package =
      refusal.kind == "ConfigException" ? "org.apache.kafka.common.config." : "java.lang.";
  std::string cause = fmt::format("{}{}: {}", package, refusal.kind, refusal.text);
  if (!refusal.is_from_constructor) return cause;
  return "org.apache.kafka.common.KafkaException: Failed to construct kafka producer\nCaused by: " +
         cause;
}

std::string java_text(const Error& error) {
  return fmt::format("{}: {}", java_exception_of(error.code), error.context);
}

}  // namespace semel::cli
