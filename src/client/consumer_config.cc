#include "client/consumer_config.h"

#include <fmt/format.h>

namespace semel::client {

std::expected<ConsumerConfig, ConfigRefusal> ConsumerConfig::from(
    std::span<const ClientSetting> given, KafkaVersion version) {
  auto checked = CheckedSettings::check(consumer_config_keys(), given, version);
  if (!checked) return std::unexpected(checked.error());
  CheckedSettings& settings = *checked;
  ConsumerConfig config;
  auto connection = connection_settings(settings, version);
  if (!connection) return std::unexpected(connection.error());
  config.connection = std::move(*connection);
  config.is_read_committed = settings.text("isolation.level") == "read_committed";
  config.checks_crcs = settings.flag("check.crcs");
  config.may_create_topics = settings.flag("allow.auto.create.topics");
  const std::string& reset = settings.text("auto.offset.reset");
  if (reset == "earliest") config.offset_reset = OffsetReset::kEarliest;
  if (reset == "none") config.offset_reset = OffsetReset::kNone;
  if (reset != "earliest" && reset != "none" && reset != "latest")
    return std::unexpected(ConfigRefusal{fmt::format(
        "Invalid value {} for configuration auto.offset.reset: it must be latest, earliest or none",
        reset)});
  const auto number = [&](std::string_view key) {
    return static_cast<int32_t>(settings.number(key));
  };
  config.fetch_min_bytes = number("fetch.min.bytes");
  config.fetch_max_bytes = number("fetch.max.bytes");
  config.partition_fetch_bytes = number("max.partition.fetch.bytes");
  config.fetch_max_wait = Milliseconds{number("fetch.max.wait.ms")};
  config.poll_records_max = number("max.poll.records");
  config.warnings = settings.warnings();
  return config;
}

}  // namespace semel::client
