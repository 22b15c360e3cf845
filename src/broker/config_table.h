// What semel does with each broker setting. Types, defaults and ranges: cluster/config_schema.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace semel::broker {

/// What semel does with a setting that is present.
enum class Effect : uint8_t {
  kActs,      // semel acts on it
  kSilent,    // it tunes Kafka's own machinery; nothing is lost without it, nothing is said
  kIgnored,   // semel does not act on it: one warning
  kProtects,  // it protects access and semel does not act on it yet: the start is refused
};

struct ConfigKey {
  std::string_view name;
  Effect effect;
};

/// Sorted by name; the names are those of cluster::broker_config_keys().
std::span<const ConfigKey> config_table();
/// Null if Kafka 4.3.1 and semel know no such setting.
const ConfigKey* find_config_key(std::string_view name);
/// The known name most like `name`, or "" if none is near.
std::string_view nearest_config_key(std::string_view name);

}  // namespace semel::broker
