#include "client/admin.h"

#include "client/config_table.h"

namespace semel::client {

std::expected<ConnectionSettings, ConfigRefusal> admin_settings(
    std::span<const ClientSetting> given, KafkaVersion version) {
  // An admin client's keys are among a consumer's.
  auto checked = CheckedSettings::check(consumer_config_keys(), given, version);
  if (!checked) return std::unexpected(checked.error());
  return connection_settings(*checked, version);
}

}  // namespace semel::client
