#include "cluster/config_schema.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/assert.h"

namespace semel::cluster {
namespace {

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!trim(list).empty()) {
    const size_t comma = list.find(',');
    parts.push_back(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return parts;
}

std::unexpected<Error> invalid(std::string_view name, std::string_view value,
                               std::string_view why) {
  return fail(ErrorCode::kInvalidConfig,
              fmt::format("Invalid value {} for configuration {}: {}", value, name, why));
}

bool is_one_of(std::string_view value, std::string_view allowed) {
  const auto parts = split(allowed);
  return std::ranges::find(parts, value) != parts.end();
}

std::string_view type_name(ConfigType type) {
  switch (type) {
    case ConfigType::kShort:
      return "SHORT";
    case ConfigType::kInt:
      return "INT";
    case ConfigType::kDouble:
      return "DOUBLE";
    default:
      return "LONG";
  }
}

template <class Number>
std::optional<Number> to_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Doubles are printed as Java prints them: with a fraction.
std::string java_text(ConfigType type, std::string_view text, double number) {
  if (type != ConfigType::kDouble) return std::string(text);
  const std::string plain = fmt::format("{}", number);
  return plain.find_first_of(".en") == std::string::npos ? plain + ".0" : plain;
}

Result<void> check_range(const TopicConfigKey& key, std::string_view text, double number) {
  const std::string shown = java_text(key.type, text, number);
  if (std::string_view(key.name) == "compression.gzip.level") {
    if (number == -1 || (number >= 1 && number <= 9)) return {};
    return invalid(key.name, shown, "Value must be between 1 and 9 or equal to -1");
  }
  if (key.min && number < *key.min)
    return invalid(key.name, shown, fmt::format("Value must be at least {:.0f}", *key.min));
  if (key.max && number > *key.max)
    return invalid(key.name, shown, fmt::format("Value must be no more than {:.0f}", *key.max));
  return {};
}

Result<void> check_number(const TopicConfigKey& key, std::string_view text) {
  const std::string_view trimmed = trim(text);
  const auto not_a_number = [&] {
    return invalid(key.name, text, fmt::format("Not a number of type {}", type_name(key.type)));
  };
  if (key.type == ConfigType::kDouble) {
    const auto number = to_number<double>(trimmed);
    if (!number) return not_a_number();
    return check_range(key, trimmed, *number);
  }
  const auto number = to_number<int64_t>(trimmed);
  if (!number) return not_a_number();
  if (key.type == ConfigType::kShort && (*number > INT16_MAX || *number < INT16_MIN))
    return not_a_number();
  if (key.type == ConfigType::kInt && (*number > INT32_MAX || *number < INT32_MIN))
    return not_a_number();
  return check_range(key, trimmed, static_cast<double>(*number));
}

/// "*", or "partition:broker" elements.
Result<void> check_throttled_replicas(const TopicConfigKey& key, std::string_view text) {
  const auto parts = split(text);
  if (parts.size() == 1 && parts[0] == "*") return {};
  const auto is_pair = [](std::string_view part) {
    const size_t colon = part.find(':');
    return colon != std::string_view::npos && to_number<int32_t>(part.substr(0, colon)) &&
           to_number<int32_t>(part.substr(colon + 1));
  };
  if (std::ranges::all_of(parts, is_pair)) return {};
  return invalid(
      key.name, fmt::format("[{}]", fmt::join(parts, ", ")),
      fmt::format("{} must be the literal '*' or a list of replicas in the following format: "
                  "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                  key.name));
}

Result<void> check_list(const TopicConfigKey& key, std::string_view text) {
  if (key.values == nullptr) return check_throttled_replicas(key, text);
  for (const std::string_view part : split(text))
    if (!is_one_of(part, key.values))
      return invalid(key.name, part, fmt::format("String must be one of: {}", key.values));
  return {};
}

Result<void> check_value(const TopicConfigKey& key, std::string_view text) {
  switch (key.type) {
    case ConfigType::kShort:
    case ConfigType::kInt:
    case ConfigType::kLong:
    case ConfigType::kDouble:
      return check_number(key, text);
    case ConfigType::kBoolean: {
      std::string lower(trim(text));
      std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
      if (lower == "true" || lower == "false") return {};
      return invalid(key.name, text, "Expected value to be either true or false");
    }
    case ConfigType::kList:
      return check_list(key, text);
    default:
      if (key.values == nullptr || is_one_of(trim(text), key.values)) return {};
      return invalid(key.name, trim(text), fmt::format("String must be one of: {}", key.values));
  }
}

template <class Key>
const Key* find_key(std::span<const Key> keys, std::string_view name) {
  const auto at = std::ranges::lower_bound(
      keys, name, {}, [](const Key& key) { return std::string_view(key.name); });
  return at == keys.end() || at->name != name ? nullptr : &*at;
}

const std::string* look_up(const ConfigMap* map, std::string_view name) {
  if (map == nullptr) return nullptr;
  const auto at = map->find(name);
  return at == map->end() ? nullptr : &at->second;
}

std::string scaled(const std::string& value, int64_t factor) {
  if (factor == 1) return value;
  const auto number = to_number<int64_t>(trim(value));
  if (!number || *number < 0) return value;
  return fmt::format("{}", *number * factor);
}

/// Settings that say the same in other units: the first one that is set counts.
constexpr std::array<std::array<const char*, 3>, 4> kChains = {{
    {"log.flush.interval.ms", "log.flush.scheduler.interval.ms", nullptr},
    {"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
    {"log.roll.jitter.ms", "log.roll.jitter.hours", nullptr},
    {"log.roll.ms", "log.roll.hours", nullptr},
}};

std::vector<std::string_view> chain_of(std::string_view name) {
  std::vector<std::string_view> chain;
  for (const auto& names : kChains) {
    for (const char* other : names)
      if (other != nullptr) chain.emplace_back(other);
    if (std::ranges::find(chain, name) != chain.end()) return chain;
    chain.clear();
  }
  return {name};
}

/// What every layer says of `name` and its synonyms, strongest layer first, as Kafka lists it: what
/// stands before the first mention of `name` itself is left out.
std::vector<ConfigSynonym> broker_synonyms(std::string_view name, const ConfigLayers& layers) {
  const std::pair<const ConfigMap*, ConfigSource> order[] = {
      {layers.broker, ConfigSource::kDynamicBroker},
      {layers.cluster, ConfigSource::kDynamicDefaultBroker},
      {layers.static_broker, ConfigSource::kStaticBroker}};
  // The scheduler's interval is a default of the other one, and not the other way round.
  const auto chain = name == "log.flush.scheduler.interval.ms" ? std::vector{name} : chain_of(name);
  std::vector<ConfigSynonym> found;
  for (const auto& [map, source] : order)
    for (const std::string_view other : chain)
      if (const std::string* value = look_up(map, other))
        found.push_back({std::string(other), *value, source});
  for (const std::string_view other : chain) {
    const BrokerConfigKey* key = find_broker_config(other);
    if (key != nullptr && key->default_value != nullptr)
      found.push_back({std::string(other), key->default_value, ConfigSource::kDefault});
  }
  const auto first = std::ranges::find(found, name, &ConfigSynonym::name);
  found.erase(found.begin(), first);
  return found;
}

/// What the strongest layer says of `name`.
const std::string* strongest_value(std::string_view name, const ConfigLayers& layers) {
  for (const ConfigMap* map : {layers.broker, layers.cluster, layers.static_broker})
    if (const std::string* value = look_up(map, name)) return value;
  return nullptr;
}

}  // namespace

const TopicConfigKey* find_topic_config(std::string_view name) {
  return find_key(topic_config_keys(), name);
}
const BrokerConfigKey* find_broker_config(std::string_view name) {
  return find_key(broker_config_keys(), name);
}

Result<void> validate_topic_config(const ConfigMap& configs) {
  for (const auto& [name, value] : configs)
    if (find_topic_config(name) == nullptr)
      return fail(ErrorCode::kInvalidConfig, fmt::format("Unknown topic config name: {}", name));
  for (const auto& [name, value] : configs)
    SEMEL_CHECK(check_value(*find_topic_config(name), value));
  const ConfigLayers layers{.topic = &configs};
  const int64_t min_lag = topic_config_number("min.compaction.lag.ms", layers);
  const int64_t max_lag = topic_config_number("max.compaction.lag.ms", layers);
  if (min_lag > max_lag)
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > "
                            "max.compaction.lag.ms ({})",
                            min_lag, max_lag));
  return {};
}

EffectiveConfig effective_topic_config(const TopicConfigKey& key, const ConfigLayers& layers) {
  EffectiveConfig result;
  result.value = key.default_value == nullptr ? "" : key.default_value;
  const std::string* own = look_up(layers.topic, key.name);
  if (own != nullptr) result.synonyms.push_back({key.name, *own, ConfigSource::kDynamicTopic});
  if (key.synonyms[0].name != nullptr)
    for (ConfigSynonym& synonym : broker_synonyms(key.synonyms[0].name, layers))
      result.synonyms.push_back(std::move(synonym));
  if (!result.synonyms.empty()) result.source = result.synonyms.front().source;
  if (own != nullptr) {
    result.value = *own;
    return result;
  }
  for (const ConfigSynonymKey& synonym : key.synonyms) {
    const std::string* value =
        synonym.name == nullptr ? nullptr : strongest_value(synonym.name, layers);
    if (value == nullptr) continue;
    result.value = scaled(*value, synonym.factor);
    break;
  }
  // A broker's retention below 0 is for ever.
  if (std::string_view(key.name) == "retention.ms" && result.value.starts_with('-'))
    result.value = "-1";
  return result;
}

std::optional<EffectiveConfig> effective_broker_config(const BrokerConfigKey& key,
                                                       const ConfigLayers& layers) {
  EffectiveConfig result;
  result.synonyms = broker_synonyms(key.name, layers);
  if (result.synonyms.empty()) return std::nullopt;
  result.value = result.synonyms.front().value;
  result.source = result.synonyms.front().source;
  return result;
}

std::string broker_config_value(std::string_view name, const ConfigLayers& layers) {
  const BrokerConfigKey* key = find_broker_config(name);
  SEMEL_ASSERT(key != nullptr, "a broker setting that is not in the table");
  if (const std::string* value = strongest_value(name, layers)) return *value;
  SEMEL_ASSERT(key->default_value != nullptr, "a broker setting without a value");
  return key->default_value;
}

int64_t broker_config_number(std::string_view name, const ConfigLayers& layers) {
  const auto number = to_number<int64_t>(trim(broker_config_value(name, layers)));
  if (number) return *number;
  return to_number<int64_t>(find_broker_config(name)->default_value).value_or(0);
}

Result<void> check_broker_value(const BrokerConfigKey& key, std::string_view value) {
  if (key.type == ConfigType::kList && key.values == nullptr) return {};
  TopicConfigKey as_topic{key.name,     key.type,     key.default_value,
                          std::nullopt, std::nullopt, key.values};
  if (key.lowest != INT64_MIN) as_topic.min = static_cast<double>(key.lowest);
  if (key.highest != INT64_MAX) as_topic.max = static_cast<double>(key.highest);
  auto checked = check_value(as_topic, value);
  if (!checked) checked.error().code = ErrorCode::kInvalidRequest;
  return checked;
}

std::string topic_config_value(std::string_view name, const ConfigLayers& layers) {
  const TopicConfigKey* key = find_topic_config(name);
  SEMEL_ASSERT(key != nullptr, "a topic setting that is not in the table");
  return effective_topic_config(*key, layers).value;
}

int64_t topic_config_number(std::string_view name, const ConfigLayers& layers) {
  const std::string value = topic_config_value(name, layers);
  const auto number = to_number<int64_t>(trim(value));
  if (number) return *number;
  return to_number<int64_t>(find_topic_config(name)->default_value).value_or(0);
}

}  // namespace semel::cluster
