#include "cluster/resource_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace semel::cluster {
namespace {

using enum ConfigType;

// clang-format off
constexpr BrokerConfigKey kGroupKeys[] = {
    {"consumer.assignment.interval.ms", kInt, "1000", false, true, 0},
    {"consumer.heartbeat.interval.ms", kInt, "5000", false, true, 1},
    {"consumer.session.timeout.ms", kInt, "45000", false, true, 1},
    {"share.assignment.interval.ms", kInt, "1000", false, true, 0},
    {"share.auto.offset.reset", kString, "latest", false, true},
    {"share.delivery.count.limit", kInt, "5", false, true, 2},
    {"share.heartbeat.interval.ms", kInt, "5000", false, true, 1},
    {"share.isolation.level", kString, "read_uncommitted", false, true, INT64_MIN, INT64_MAX, "read_committed, read_uncommitted"},
    {"share.partition.max.record.locks", kInt, "2000", false, true, 100},
    {"share.record.lock.duration.ms", kInt, "30000", false, true, 1000},
    {"share.renew.acknowledge.enable", kBoolean, "true", false, true},
    {"share.session.timeout.ms", kInt, "45000", false, true, 1},
    {"streams.assignment.interval.ms", kInt, "1000", false, true, 0},
    {"streams.heartbeat.interval.ms", kInt, "5000", false, true, 1},
    {"streams.initial.rebalance.delay.ms", kInt, "3000", false, true, 0},
    {"streams.num.standby.replicas", kInt, "0", false, true, 0},
    {"streams.session.timeout.ms", kInt, "45000", false, true, 1},
};
constexpr BrokerConfigKey kClientMetricsKeys[] = {
    {"interval.ms", kInt, "300000", false, true},
    {"match", kList, "", false, true},
    {"metrics", kList, "", false, true},
};
// clang-format on

constexpr std::array<std::string_view, 6> kMatchable = {"client_id",
                                                        "client_instance_id",
                                                        "client_software_name",
                                                        "client_software_version",
                                                        "client_source_address",
                                                        "client_source_port"};

const BrokerConfigKey* find(ConfigResourceType type, std::string_view name) {
  const auto keys = resource_config_keys(type);
  const auto at =
      std::ranges::find_if(keys, [&](const BrokerConfigKey& key) { return key.name == name; });
  return at == keys.end() ? nullptr : &*at;
}

/// A value whose type was checked.
int64_t number_of(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// "consumer.session.timeout.ms" → "group.consumer.min.session.timeout.ms"
std::string limit_name(std::string_view name, std::string_view which) {
  const size_t dot = name.find('.');
  return fmt::format("group.{}.{}.{}", name.substr(0, dot), which, name.substr(dot + 1));
}

Result<void> check_limits(const std::string& name, const std::string& value,
                          const ConfigLayers& broker) {
  const std::string lowest = limit_name(name, "min");
  const std::string highest = limit_name(name, "max");
  if (find_broker_config(lowest) != nullptr &&
      number_of(value) < broker_config_number(lowest, broker))
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} must be greater than or equal to {}", name, lowest));
  if (find_broker_config(highest) != nullptr &&
      number_of(value) > broker_config_number(highest, broker))
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} must be less than or equal to {}", name, highest));
  return {};
}

Result<void> check_group_value(const std::string& name, const std::string& value,
                               const ConfigLayers& broker) {
  const bool is_reset = name == "share.auto.offset.reset";
  if (is_reset && value != "latest" && value != "earliest" && !value.starts_with("by_duration:P"))
    return fail(
        ErrorCode::kInvalidConfig,
        fmt::format(
            "Invalid value {} for configuration {}: Invalid value `{}` for configuration {}. The "
            "value "
            "must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
            value, name, value, name));
  return check_limits(name, value, broker);
}

/// "key=pattern,key=pattern"; patterns are not compiled, only looked at.
bool is_matcher(std::string_view list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view pair = list.substr(0, comma);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos ||
        std::ranges::find(kMatchable, pair.substr(0, equals)) == kMatchable.end())
      return false;
    const std::string_view pattern = pair.substr(equals + 1);
    if (std::ranges::count(pattern, '[') > std::ranges::count(pattern, ']') ||
        std::ranges::count(pattern, '(') != std::ranges::count(pattern, ')'))
      return false;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return true;
}

Result<void> check_client_metrics_value(const std::string& name, const std::string& value) {
  constexpr int64_t kIntervalMin = 100;
  constexpr int64_t kIntervalMax = 3'600'000;
  const bool is_in_range = number_of(value) >= kIntervalMin && number_of(value) <= kIntervalMax;
  if (name == "interval.ms" && !is_in_range)
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("Invalid value {} for interval.ms, interval must be between "
                            "100 and 3600000 (1 hour)",
                            value));
  if (name == "match" && !is_matcher(value))
    return fail(ErrorCode::kInvalidConfig, "Illegal client matching pattern: " + value);
  return {};
}

}  // namespace

std::span<const BrokerConfigKey> resource_config_keys(ConfigResourceType type) {
  if (type == ConfigResourceType::kGroup) return kGroupKeys;
  if (type == ConfigResourceType::kClientMetrics) return kClientMetricsKeys;
  return {};
}

Result<void> check_resource_config(ConfigResourceType type, const ConfigMap& configs,
                                   const ConfigLayers& broker) {
  const bool is_group = type == ConfigResourceType::kGroup;
  for (const auto& [name, value] : configs) {
    const BrokerConfigKey* key = find(type, name);
    if (key == nullptr && is_group)
      return fail(ErrorCode::kInvalidConfig, "Unknown group config name: " + name);
    if (key == nullptr)
      return fail(ErrorCode::kInvalidRequest, "Unknown client metrics configuration: " + name);
    auto typed = check_broker_value(*key, value);
    if (!typed) return fail(ErrorCode::kInvalidConfig, typed.error().context);
    SEMEL_CHECK(is_group ? check_group_value(name, value, broker)
                         : check_client_metrics_value(name, value));
  }
  return {};
}

EffectiveConfig effective_resource_config(ConfigResourceType type, const BrokerConfigKey& key,
                                          const ConfigMap* own, const ConfigLayers& broker) {
  const bool is_group = type == ConfigResourceType::kGroup;
  EffectiveConfig result;
  result.value = key.default_value;
  const auto set =
      own == nullptr ? ConfigMap::const_iterator{} : own->find(std::string_view(key.name));
  const bool is_set = own != nullptr && set != own->end();
  if (is_set)
    result.synonyms.push_back(
        {key.name, set->second, is_group ? ConfigSource::kGroup : ConfigSource::kClientMetrics});
  if (is_group) {
    const BrokerConfigKey* of_broker = find_broker_config(std::string("group.") + key.name);
    const auto from_broker =
        of_broker == nullptr ? std::nullopt : effective_broker_config(*of_broker, broker);
    if (from_broker) {
      result.value = from_broker->value;
      result.synonyms.insert(result.synonyms.end(), from_broker->synonyms.begin(),
                             from_broker->synonyms.end());
    } else {
      result.synonyms.push_back({key.name, key.default_value, ConfigSource::kDefault});
    }
  }
  if (is_set) result.value = set->second;
  if (!result.synonyms.empty()) result.source = result.synonyms.front().source;
  return result;
}

}  // namespace semel::cluster
