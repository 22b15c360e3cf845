#include "cluster/broker_config_rules.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace semel::cluster {
namespace {

/// They hold for one listener, and are set with its prefix.
constexpr std::string_view kPerListener[] = {"ssl.key.password",
                                             "ssl.keystore.certificate.chain",
                                             "ssl.keystore.key",
                                             "ssl.keystore.location",
                                             "ssl.keystore.password",
                                             "ssl.keystore.type",
                                             "ssl.truststore.certificates",
                                             "ssl.truststore.location",
                                             "ssl.truststore.password",
                                             "ssl.truststore.type"};

/// Dynamic settings that hold for all brokers together although they belong to listeners.
constexpr std::string_view kOfAllBrokers[] = {"max.connection.creation.rate", "max.connections",
                                              "num.network.threads"};

constexpr std::string_view kThreadCounts[] = {
    "background.threads", "num.io.threads", "num.network.threads",
    "num.recovery.threads.per.data.dir", "num.replica.fetchers"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool has_listener_prefix(std::string_view name) { return name.starts_with("listener.name."); }

bool is_per_broker(std::string_view name) {
  if (has_listener_prefix(name)) return true;
  if (is_one_of(name, kOfAllBrokers)) return false;
  return is_one_of(name, kPerListener) || name.starts_with("sasl.") || name.starts_with("ssl.") ||
         name == "listeners" || name == "listener.security.protocol.map" ||
         name == "principal.builder.class";
}

template <class Test>
Result<void> refuse_all(const std::set<std::string>& names, std::string_view why, Test is_refused) {
  std::vector<std::string> refused;
  for (const std::string& name : names)
    if (is_refused(name)) refused.push_back(name);
  if (refused.empty()) return {};
  return fail(ErrorCode::kInvalidRequest, fmt::format("{}: [{}]", why, fmt::join(refused, ", ")));
}

bool is_static(std::string_view name) {
  const BrokerConfigKey* key = find_broker_config(name);
  return key != nullptr && !key->is_dynamic;
}

Result<void> check_thread_count(const std::string& name, const std::string& value,
                                const ConfigLayers& effective) {
  int64_t wanted = 0;
  std::from_chars(value.data(), value.data() + value.size(), wanted);
  const int64_t current = broker_config_number(name, effective);
  std::string why;
  if (wanted < current / 2)
    why = fmt::format("value should be at least half the current value {}", current);
  if (wanted > current * 2)
    why = fmt::format("value should not be greater than double the current value {}", current);
  if (why.empty()) return {};
  return fail(
      ErrorCode::kInvalidRequest,
      fmt::format("Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread "
                  "count update "
                  "validation failed for {}={}, {} for configuration Invalid dynamic configuration",
                  name, value, why));
}

/// "host:count,host:count"
Result<void> check_overrides(std::string_view list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view pair = list.substr(0, comma);
    if (pair.rfind(':') == std::string_view::npos)
      return fail(
          ErrorCode::kInvalidRequest,
          fmt::format("Error parsing configuration property 'max.connections.per.ip.overrides': "
                      "begin 0, end -1, length {}",
                      pair.size()));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return {};
}

Result<void> check_values(const BrokerConfigChange& change) {
  for (const std::string& name : change.changed) {
    const BrokerConfigKey* key = find_broker_config(name);
    const std::string& value = change.after.at(name);
    if (key != nullptr) SEMEL_CHECK(check_broker_value(*key, value));
    if (name == "max.connections.per.ip.overrides") SEMEL_CHECK(check_overrides(value));
  }
  return {};
}

Result<void> check_relations(const BrokerConfigChange& change) {
  for (const std::string& name : change.changed)
    if (is_one_of(name, kThreadCounts))
      SEMEL_CHECK(check_thread_count(name, change.after.at(name), change.effective));
  const auto per_ip = change.after.find("max.connections.per.ip");
  if (per_ip == change.after.end() || per_ip->second != "0") return {};
  const bool has_overrides =
      change.after.contains("max.connections.per.ip.overrides") ||
      !broker_config_value("max.connections.per.ip.overrides", change.effective).empty();
  if (has_overrides) return {};
  return fail(ErrorCode::kInvalidRequest,
              "requirement failed: max.connections.per.ip can be set to zero only if "
              "max.connections.per.ip.overrides property is set.");
}

}  // namespace

Result<void> check_broker_config_change(const BrokerConfigChange& change) {
  SEMEL_CHECK(refuse_all(change.changed, "Cannot update these configs dynamically", &is_static));
  SEMEL_CHECK(refuse_all(change.changed, "These settings are not known; is there a typing error",
                         [](std::string_view name) {
                           return name.starts_with("semel.") && find_broker_config(name) == nullptr;
                         }));
  SEMEL_CHECK(refuse_all(change.changed,
                         "These security configs can be dynamically updated only per-listener "
                         "using the listener prefix",
                         [](std::string_view name) { return is_one_of(name, kPerListener); }));
  SEMEL_CHECK(check_values(change));
  if (!change.is_for_one_broker)
    SEMEL_CHECK(refuse_all(
        change.changed,
        "Cannot update these configs at default cluster level, broker id must be specified",
        &is_per_broker));
  return check_relations(change);
}

}  // namespace semel::cluster
