// The table of broker settings: what Kafka 4.3.1 knows, and what semel does with each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace semel::broker {

enum class ConfigType : uint8_t { kBool, kShort, kInt, kLong, kDouble, kString, kList };

/// What semel does with a setting that is present.
enum class Effect : uint8_t {
  kActs,      // semel acts on it
  kSilent,    // it tunes Kafka's own machinery; nothing is lost without it, nothing is said
  kIgnored,   // semel does not act on it: one warning
  kProtects,  // it protects access and semel does not act on it yet: the start is refused
};

struct ConfigKey {
  std::string_view name;
  ConfigType type;
  std::string_view default_text;  // Kafka's, "" = null or none
  int64_t lowest;                 // for numbers, inclusive
  int64_t highest;
  std::string_view choices;  // comma-separated, "" = any
  Effect effect;
};

/// Sorted by name.
std::span<const ConfigKey> config_table();
/// Null if Kafka 4.3.1 and semel know no such setting.
const ConfigKey* find_config_key(std::string_view name);
/// The known name most like `name`, or "" if none is near.
std::string_view nearest_config_key(std::string_view name);

}  // namespace semel::broker
