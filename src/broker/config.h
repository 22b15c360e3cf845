// Config: what a broker process is told, checked and typed. Built from Kafka's server.properties
// and
// `--set key=value`; later settings win.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "broker/properties.h"
#include "rt/network.h"

namespace semel::broker {

/// One socket to listen on, and how clients are told to reach it.
struct ListenerConfig {
  std::string name;        // "PLAINTEXT", "CONTROLLER", …
  rt::Address bind;        // an empty host = every address
  rt::Address advertised;  // what Metadata answers; host never empty
};

/// Which of Kafka's layouts the process serves (DESIGN: roles).
enum class Roles : uint8_t {
  kEmbedded,    // process.roles unset: a broker, and beside it a controller of its own
  kCombined,    // broker,controller: one node id, Kafka's quick-start layout
  kBroker,      // broker alone; its controllers are elsewhere
  kController,  // controller alone
};

struct Config {
  Roles roles = Roles::kEmbedded;
  BrokerId node_id{1};
  bool node_id_is_given = false;
  std::vector<std::string> log_dirs;
  std::string metadata_dir;                           // where __cluster_metadata-0 lies
  std::vector<ListenerConfig> listeners;              // the broker's
  std::optional<ListenerConfig> controller_listener;  // TCP, only where one is configured
  std::string rack;
  std::string data_text;  // where the data lies, as it was asked for

  /// Every setting given, by name, after `--set`; values as written.
  std::map<std::string, Setting> given;
  /// One line each, to be logged once at start.
  std::vector<std::string> warnings;

  /// The value given for `key`, or Kafka's default as text.
  std::string text(std::string_view key) const;
  /// The same, as a number; `key` must name a numeric setting (checked when the Config was made).
  int64_t number(std::string_view key) const;
  bool flag(std::string_view key) const;
  /// The first of `keys` that was given, or nothing.
  std::optional<std::string> first_given(std::initializer_list<std::string_view> keys) const;
};

/// What the command line adds.
struct ConfigSources {
  std::vector<Setting> file;       // server.properties; may be empty
  std::vector<Setting> overrides;  // --set, in order
  std::string data_dir;            // --data; "" = not given
  std::string listen;              // --listen HOST:PORT; "" = not given
};

/// Checks everything; the error names where, what, why and what to try (kInvalidConfig).
Result<Config> make_config(const ConfigSources& sources);

}  // namespace semel::broker
