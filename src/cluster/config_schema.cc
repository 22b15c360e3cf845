#include "cluster/config_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

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

std::unexpected<Error> invalid(std::string_view name, std::string_view value, std::string_view why) {
  return fail(ErrorCode::kInvalidConfig,
              fmt::format("Invalid value {} for configuration {}: {}", value, name, why));
}

bool is_one_of(std::string_view value, std::string_view allowed) {
  const auto parts = split(allowed);
  return std::ranges::find(parts, value) != parts.end();
}

std::string_view type_name(ConfigType type) {
  return type == ConfigType::kInt ? "INT" : type == ConfigType::kDouble ? "DOUBLE" : "LONG";
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
  if (key.type == ConfigType::kInt && (*number > INT32_MAX || *number < INT32_MIN)) return not_a_number();
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
  return invalid(key.name, fmt::format("[{}]", fmt::join(parts, ", ")),
                 fmt::format("{} must be the literal '*' or a list of replicas in the following format: "
                             "[partitionId]:[brokerId],[partitionId]:[brokerId],...", key.name));
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
    case ConfigType::kInt:
    case ConfigType::kLong:
    case ConfigType::kDouble: return check_number(key, text);
    case ConfigType::kBoolean: {
      std::string lower(trim(text));
      std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
      if (lower == "true" || lower == "false") return {};
      return invalid(key.name, text, "Expected value to be either true or false");
    }
    case ConfigType::kList: return check_list(key, text);
    default:
      if (key.values == nullptr || is_one_of(trim(text), key.values)) return {};
      return invalid(key.name, trim(text), fmt::format("String must be one of: {}", key.values));
  }
}

template <class Key>
const Key* find_key(std::span<const Key> keys, std::string_view name) {
  const auto at = std::ranges::lower_bound(keys, name, {}, [](const Key& key) { return std::string_view(key.name); });
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

/// Every layer that names `name`, strongest first; `value` is told in the topic's unit.
void add_broker_layers(std::string_view name, const ConfigLayers& layers, std::vector<ConfigSynonym>& out) {
  const std::pair<const ConfigMap*, ConfigSource> order[] = {
      {layers.broker, ConfigSource::kDynamicBroker},
      {layers.cluster, ConfigSource::kDynamicDefaultBroker},
      {layers.static_broker, ConfigSource::kStaticBroker}};
  for (const auto& [map, source] : order)
    if (const std::string* value = look_up(map, name)) out.push_back({std::string(name), *value, source});
}

}  // namespace

const TopicConfigKey* find_topic_config(std::string_view name) { return find_key(topic_config_keys(), name); }
const BrokerConfigKey* find_broker_config(std::string_view name) { return find_key(broker_config_keys(), name); }

Result<void> validate_topic_config(const ConfigMap& configs) {
  for (const auto& [name, value] : configs)
    if (find_topic_config(name) == nullptr)
      return fail(ErrorCode::kInvalidConfig, fmt::format("Unknown topic config name: {}", name));
  for (const auto& [name, value] : configs) SEMEL_CHECK(check_value(*find_topic_config(name), value));
  const ConfigLayers layers{.topic = &configs};
  const int64_t min_lag = topic_config_number("min.compaction.lag.ms", layers);
  const int64_t max_lag = topic_config_number("max.compaction.lag.ms", layers);
  if (min_lag > max_lag)
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > "
                            "max.compaction.lag.ms ({})", min_lag, max_lag));
  return {};
}

EffectiveConfig effective_topic_config(const TopicConfigKey& key, const ConfigLayers& layers) {
  EffectiveConfig result;
  result.value = key.default_value == nullptr ? "" : key.default_value;
  std::optional<std::string> strongest;
  if (const std::string* own = look_up(layers.topic, key.name)) {
    result.synonyms.push_back({key.name, *own, ConfigSource::kDynamicTopic});
    strongest = *own;
  }
  for (const ConfigSynonymKey& synonym : key.synonyms) {
    if (synonym.name == nullptr) break;
    const size_t before = result.synonyms.size();
    add_broker_layers(synonym.name, layers, result.synonyms);
    if (!strongest && result.synonyms.size() > before)
      strongest = scaled(result.synonyms[before].value, synonym.factor);
  }
  if (const char* first = key.synonyms[0].name) {
    const BrokerConfigKey* broker_key = find_broker_config(first);
    if (broker_key != nullptr && broker_key->default_value != nullptr)
      result.synonyms.push_back({first, broker_key->default_value, ConfigSource::kDefault});
  }
  if (!result.synonyms.empty()) result.source = result.synonyms.front().source;
  if (strongest) result.value = *std::move(strongest);
  return result;
}

std::optional<EffectiveConfig> effective_broker_config(const BrokerConfigKey& key,
                                                       const ConfigLayers& layers) {
  EffectiveConfig result;
  add_broker_layers(key.name, layers, result.synonyms);
  if (key.default_value != nullptr)
    result.synonyms.push_back({key.name, key.default_value, ConfigSource::kDefault});
  if (result.synonyms.empty()) return std::nullopt;
  result.value = result.synonyms.front().value;
  result.source = result.synonyms.front().source;
  return result;
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
