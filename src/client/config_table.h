// What Kafka's clients call their settings, which values they take, and how that changed between
// versions. Source: ConfigDef of ProducerConfig and ConsumerConfig in
// kafka-clients 2.6.0, 3.9.1, 4.3.1; librdkafka's CONFIGURATION.md for the aliases.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace semel::client {

/// Whose defaults and refusals count: 2.6.0, the 3.x line (3.9.1), the 4.x line (4.3.1).
enum class KafkaVersion : uint8_t { k26, k39, k43 };
inline constexpr size_t kKafkaVersionCount = 3;

enum class ConfigType : uint8_t { kString, kInt, kLong, kBoolean, kList, kClass };

/// One key. `defaults`: per version, null where that version does not know the key. `check`:
///   ""  any value · ">=N" · "A..B" · "A..B|N" · "in:a,b" · "IN:A,B" (in any case) · "full"
///   (non-empty)
struct ConfigKey {
  std::string_view name;
  ConfigType type;
  std::array<const char*, kKafkaVersionCount> defaults;
  std::string_view check;
};

/// A refusal in Kafka's words. `text` is the message of its exception.
struct ConfigRefusal {
  std::string text;
  /// The Java class that carries it, e.g. "ConfigException".
  std::string_view kind = "ConfigException";
  /// True: found by the constructor, whose own message ("Failed to construct kafka producer")
  /// stands before it as the outer exception's.
  bool is_from_constructor = false;
};

/// One setting as the user wrote it, last one wins.
struct ClientSetting {
  std::string key;
  std::string value;
};

/// Settings checked against a table: every key that the version knows has a value.
class CheckedSettings {
 public:
  /// Fails with the text of Kafka's ConfigException for the first wrong value in table order.
  /// Unknown keys and keys that nothing acts on are reported by `warnings`. librdkafka's aliases
  /// are translated.
  static std::expected<CheckedSettings, ConfigRefusal> check(
      std::span<const ConfigKey> table, std::span<const ClientSetting> settings,
      KafkaVersion version);

  /// True if the user gave it.
  bool is_given(std::string_view key) const;
  /// The value or the default, trimmed; "" for keys without one.
  const std::string& text(std::string_view key) const;
  /// `key` is an int or a long.
  int64_t number(std::string_view key) const;
  bool flag(std::string_view key) const;
  const std::vector<std::string>& warnings() const { return warnings_; }
  void warn(std::string text) { warnings_.push_back(std::move(text)); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::string, std::less<>> given_;
  std::vector<std::string> warnings_;
};

std::span<const ConfigKey> producer_config_keys();
std::span<const ConfigKey> consumer_config_keys();

}  // namespace semel::client
