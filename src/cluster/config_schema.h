// The settings of topics and brokers as Kafka 4.3.1 knows them, and semel's own: types, defaults,
// bounds, and where an effective value comes from. What a setting does is not decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/image.h"

namespace semel::cluster {

/// Numbers of DescribeConfigs (org.apache.kafka.common.requests.DescribeConfigsResponse).
enum class ConfigType : int8_t {
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kShort = 4,
  kLong = 5,
  kDouble = 6,
  kList = 7,
  kClass = 8,
  kPassword = 9,
};
enum class ConfigSource : int8_t {
  kDynamicTopic = 1,
  kDynamicBroker = 2,
  kDynamicDefaultBroker = 3,
  kStaticBroker = 4,
  kDefault = 5,
  kBrokerLogger = 6,
  kClientMetrics = 7,
  kGroup = 8,
};

/// A broker setting that gives topics their default: the topic's value is `factor` times it.
struct ConfigSynonymKey {
  const char* name = nullptr;
  int64_t factor = 1;
};

struct TopicConfigKey {
  const char* name;
  ConfigType type;
  const char* default_value;  // nullptr = none (internal settings)
  std::optional<double> min;  // numbers
  std::optional<double> max;
  const char* values = nullptr;       // "a, b, c": what is allowed
  ConfigSynonymKey synonyms[3] = {};  // the first one set wins
  bool is_internal = false;
};

struct BrokerConfigKey {
  const char* name;
  ConfigType type;
  const char* default_value;  // nullptr = none
  bool is_internal;
  bool is_dynamic;
  int64_t lowest = INT64_MIN;  // of whole numbers; the type's own limits hold too
  int64_t highest = INT64_MAX;
  const char* values = nullptr;  // "a, b, c": what is allowed
};

/// Sorted by name.
std::span<const TopicConfigKey> topic_config_keys();
std::span<const BrokerConfigKey> broker_config_keys();
/// Null if unknown.
const TopicConfigKey* find_topic_config(std::string_view name);
const BrokerConfigKey* find_broker_config(std::string_view name);

/// One value of a broker setting, by its type and bounds. kInvalidRequest with Kafka's own text.
Result<void> check_broker_value(const BrokerConfigKey& key, std::string_view value);

/// All settings of one topic together. kInvalidConfig with Kafka's own text.
Result<void> validate_topic_config(const ConfigMap& configs);

/// Where settings come from, strongest first; null = nothing there. Borrowed.
struct ConfigLayers {
  const ConfigMap* topic = nullptr;
  const ConfigMap* broker = nullptr;         // dynamic, of this broker
  const ConfigMap* cluster = nullptr;        // dynamic, of every broker
  const ConfigMap* static_broker = nullptr;  // server.properties
};

struct ConfigSynonym {
  std::string name;
  std::string value;
  ConfigSource source = ConfigSource::kDefault;
};

struct EffectiveConfig {
  std::string value;
  ConfigSource source = ConfigSource::kDefault;
  std::vector<ConfigSynonym> synonyms;  // strongest first, as DescribeConfigs lists them
};

EffectiveConfig effective_topic_config(const TopicConfigKey& key, const ConfigLayers& layers);
/// Nothing if it has no value anywhere. Synonyms (log.retention.hours of log.retention.ms, …) are
/// listed from the first layer on that names the key itself, as Kafka does.
std::optional<EffectiveConfig> effective_broker_config(const BrokerConfigKey& key,
                                                       const ConfigLayers& layers);
/// The value of a topic setting; the key must exist.
std::string topic_config_value(std::string_view name, const ConfigLayers& layers);
/// As above, for settings of type int and long.
int64_t topic_config_number(std::string_view name, const ConfigLayers& layers);

/// The value of a broker setting; the key must exist and have a default or be set.
std::string broker_config_value(std::string_view name, const ConfigLayers& layers);
/// As above, for settings of type short, int and long.
int64_t broker_config_number(std::string_view name, const ConfigLayers& layers);

}  // namespace semel::cluster
