// ClientOptions: what every command of semel's own that talks to a cluster takes on its command
// line.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "cli/api_caller.h"
#include "cli/client_settings.h"

namespace semel::cli {

struct ClientOptions {
  ClusterAddress cluster{"localhost:9092", ""};
  std::string format = "text";

  bool is_json() const { return format == "json"; }
  /// --bootstrap-server, --command-config ("file with KIND settings") and --output; `app` may be a
  /// subcommand.
  void add_to(CLI::App& app, const std::string& kind, const std::string& output_about);
};

/// Of a command that sends to a topic or reads it, with the client library.
struct TopicOptions : ClientOptions {
  std::string topic;
  std::vector<std::string> settings;  // key=value each

  struct Words {
    std::string topic;   // what the topic is for
    std::string kind;    // "producer", "consumer", "client"
    std::string output;  // what --output does
    std::string set = "--set,-s";
  };
  /// The same, the topic, and --set.
  void add_to(CLI::App& app, const Words& words);

  /// The client's settings: `settings`, where the file replaces `base` and the words replace both.
  /// Errors as add_settings_file, add_settings_words.
  Result<Settings> read_settings(Settings base, rt::Disk& disk) const;
};

/// `config`, or its refusal as an error; its warnings go to standard error behind "semel COMMAND:
/// ".
template <class Config>
Result<Config> take_config(std::expected<Config, client::ConfigRefusal> config,
                           std::string_view command, Output& output) {
  if (!config) return fail(ErrorCode::kInvalidConfig, config.error().text);
  for (const std::string& warning : config->warnings)
    output.err("semel " + std::string(command) + ": " + warning + "\n");
  return std::move(*config);
}

}  // namespace semel::cli
