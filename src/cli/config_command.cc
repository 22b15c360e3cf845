#include "cli/config_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/client_options.h"
#include "cli/cluster_admin.h"
#include "cli/dump_printer.h"
#include "cli/help.h"
#include "cli/topic_command.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel config list topic orders                        settings that were made\n"
    "  semel config list topic orders --all                  with the defaults\n"
    "  semel config get topic orders retention.ms\n"
    "  semel config set topic orders retention.ms=3600000 cleanup.policy=compact,delete\n"
    "  semel config unset topic orders retention.ms          back to the default\n"
    "  semel config set broker 1 semel.flush=ack             one broker\n"
    "  semel config set brokers log.retention.ms=3600000     all brokers\n";

struct Options : ClientOptions {
  std::vector<std::string> words;  // topic NAME …, broker ID …, brokers …
  bool is_all = false;
};

/// Whose settings, and the words behind.
struct Target {
  ConfigResource resource = ConfigResource::kTopic;
  std::string name;  // "" = the default of all brokers
  std::vector<std::string> rest;

  std::string text() const {
    if (resource == ConfigResource::kTopic) return "topic " + name;
    return name.empty() ? "all brokers" : "broker " + name;
  }
};

std::unexpected<Error> usage(std::string text) {
  return fail(ErrorCode::kInvalidRequest, std::move(text));
}

Result<Target> target_of(const std::vector<std::string>& words) {
  Target target;
  const bool has_name = words.front() == "topic" || words.front() == "broker";
  if (!has_name && words.front() != "brokers")
    return usage(fmt::format("{}: write topic NAME, broker ID or brokers", words.front()));
  if (has_name && words.size() < 2)
    return usage(fmt::format("{}: its name is missing; see semel config --help", words.front()));
  if (words.front() != "topic") target.resource = ConfigResource::kBroker;
  if (has_name) target.name = words[1];
  target.rest.assign(words.begin() + (has_name ? 2 : 1), words.end());
  return target;
}

/// "topic setting", "broker setting", "default of all brokers", …
std::string_view source_text(int8_t source) {
  switch (static_cast<ConfigSource>(source)) {
    case ConfigSource::kTopic:
      return "set for the topic";
    case ConfigSource::kBroker:
      return "set for the broker";
    case ConfigSource::kDefaultBroker:
      return "set for all brokers";
    case ConfigSource::kStatic:
      return "from the broker's file";
    case ConfigSource::kDefault:
      return "default";
    default:
      return "";
  }
}

bool was_made(int8_t source) {
  return source != static_cast<int8_t>(ConfigSource::kDefault) &&
         source != static_cast<int8_t>(ConfigSource::kUnknown);
}

Result<int> list(ClusterAdmin& admin, const Target& target, const Options& options,
                 Output& output) {
  if (!target.rest.empty()) return usage(target.rest.front() + ": a word too many");
  SEMEL_TRY(auto entries, admin.describe_configs(target.resource, target.name));
  std::ranges::sort(entries, {}, [](const auto& entry) { return entry.name; });
  DumpPrinter printer(output, options.is_json());
  for (const auto& entry : entries) {
    if (!options.is_all && !was_made(entry.config_source)) continue;
    const std::string value = entry.is_sensitive ? "(hidden)" : entry.value.value_or("");
    printer.row(
        "config", fmt::format("{}={}  ({})", entry.name, value, source_text(entry.config_source)),
        DumpPrinter::Json{
            {"name", entry.name},
            {"value", entry.value ? DumpPrinter::Json(*entry.value) : DumpPrinter::Json(nullptr)},
            {"source", config_source_name(entry.config_source)},
            {"sensitive", entry.is_sensitive},
            {"readOnly", entry.read_only}});
  }
  return kOk;
}

Result<int> get(ClusterAdmin& admin, const Target& target, const Options& options, Output& output) {
  if (target.rest.size() != 1) return usage("get: name one setting, for example retention.ms");
  SEMEL_TRY(const auto entries, admin.describe_configs(target.resource, target.name));
  const auto at = std::ranges::find_if(
      entries, [&](const auto& entry) { return entry.name == target.rest.front(); });
  if (at == entries.end()) {
    output.err(fmt::format("semel config: {} has no setting {}; see semel config list {} --all\n",
                           target.text(), target.rest.front(), target.text()));
    return kNotFound;
  }
  const std::string value = at->value.value_or("");
  output.out(options.is_json() ? json_text({{"name", at->name},
                                            {"value", value},
                                            {"source", config_source_name(at->config_source)}}) +
                                     "\n"
                               : value + "\n");
  return kOk;
}

Result<int> change(ClusterAdmin& admin, const Target& target,
                   const std::vector<ConfigChange>& changes, const Options& options,
                   Output& output) {
  if (changes.empty()) return usage("name at least one setting; see semel config --help");
  SEMEL_CHECK(admin.alter_configs(target.resource, target.name, changes));
  DumpPrinter printer(output, options.is_json());
  for (const ConfigChange& change : changes)
    printer.row("config",
                change.value
                    ? fmt::format("{}: {}={}", target.text(), change.name, *change.value)
                    : fmt::format("{}: {} is back to the default", target.text(), change.name),
                DumpPrinter::Json{{"target", target.text()},
                                  {"name", change.name},
                                  {"value", change.value ? DumpPrinter::Json(*change.value)
                                                         : DumpPrinter::Json(nullptr)}});
  return kOk;
}

Result<int> set(ClusterAdmin& admin, const Target& target, const Options& options, Output& output) {
  std::vector<ConfigChange> changes;
  for (const std::string& pair : target.rest) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return usage(fmt::format("{}: no '='; write for example retention.ms=60000", pair));
    changes.push_back({pair.substr(0, equals), pair.substr(equals + 1)});
  }
  return change(admin, target, changes, options, output);
}

Result<int> unset(ClusterAdmin& admin, const Target& target, const Options& options,
                  Output& output) {
  std::vector<ConfigChange> changes;
  for (const std::string& name : target.rest) changes.push_back({name, std::nullopt});
  return change(admin, target, changes, options, output);
}

using Action = Result<int> (*)(ClusterAdmin&, const Target&, const Options&, Output&);

Result<int> act(const Options& options, Action action, const Connect& connect, Output& output) {
  SEMEL_TRY(const Target target, target_of(options.words));
  SEMEL_TRY(const auto caller, connect(options.cluster));
  ClusterAdmin admin(*caller);
  auto done = action(admin, target, options, output);
  if (done || target.resource != ConfigResource::kTopic) return done;
  return fail(about_topic(done.error(), target.name));
}

}  // namespace

int run_config_command(std::span<const std::string> arguments, const Connect& connect,
                       Output& output) {
  Options options;
  Action action = nullptr;
  CLI::App app("Shows and changes settings of topics and brokers.", "semel config");
  app.footer(kExamples);
  put_examples_first(app);
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, Action run) {
    CLI::App* command = app.add_subcommand(name, about);
    options.add_to(*command, "client", "text or json (one object a line)");
    command->add_option("words", options.words, "topic NAME, broker ID or brokers; then settings")
        ->required();
    command->callback([&action, run] { action = run; });
    return command;
  };
  add("get", "the value of one setting", &get);
  add("set", "name=value …", &set);
  add("unset", "settings back to their defaults", &unset);
  add("list", "settings that were made", &list)
      ->add_flag("--all", options.is_all, "defaults and the broker's file too");
  if (const auto code = parse_command_line(app, arguments, output)) return *code;
  const auto code = act(options, action, connect, output);
  if (code) return *code;
  output.err(fmt::format("semel config: {}\n", connect_failure(code.error())));
  return exit_code_of(code.error());
}

}  // namespace semel::cli
