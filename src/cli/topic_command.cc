#include "cli/topic_command.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/client_options.h"
#include "cli/dump_printer.h"
#include "cli/help.h"
#include "cli/topic_admin.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel topic create orders --partitions 3\n"
    "  semel topic create logs --config retention.ms=86400000\n"
    "  semel topic list -o json\n"
    "  semel topic describe orders\n"
    "  semel topic delete orders\n";

struct Options : ClientOptions {
  std::vector<std::string> names;
  int32_t partitions = -1;
  int16_t replication_factor = -1;
  std::vector<std::string> configs;
  bool with_internal = false;
};

nlohmann::ordered_json to_json(const TopicInfo& topic) {
  nlohmann::ordered_json json{
      {"name", topic.name}, {"id", topic.id.to_text()}, {"internal", topic.is_internal}};
  for (const auto& [name, value] : topic.configs) json["configs"][name] = value;
  for (const PartitionInfo& partition : topic.partitions)
    json["partitions"].push_back({{"partition", partition.partition},
                                  {"leader", partition.leader},
                                  {"replicas", partition.replicas},
                                  {"isr", partition.isr}});
  return json;
}

Result<void> create(TopicAdmin& admin, const Options& options, Output& output) {
  for (const std::string& name : options.names) {
    NewTopic topic{name, options.partitions, options.replication_factor, {}, {}};
    for (const std::string& pair : options.configs) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos)
        return fail(
            ErrorCode::kInvalidConfig,
            fmt::format("--config {}: no '='; write for example --config retention.ms=60000",
                        pair));
      topic.configs[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    SEMEL_CHECK(admin.create(topic));
    if (options.is_json()) {
      output.out(json_text({{"created", name}}) + "\n");
    } else {
      output.out(fmt::format("created {}\n", name));
    }
  }
  return {};
}

Result<void> list(TopicAdmin& admin, const Options& options, Output& output) {
  SEMEL_TRY(const auto names, admin.list(options.with_internal));
  if (options.is_json()) {
    output.out(json_text(names) + "\n");
    return {};
  }
  for (const std::string& name : names) output.out(name + "\n");
  return {};
}

void print(const TopicInfo& topic, Output& output) {
  output.out(fmt::format("{}  id {}  {} partition{}\n", topic.name, topic.id.to_text(),
                         topic.partitions.size(), topic.partitions.size() == 1 ? "" : "s"));
  for (const auto& [name, value] : topic.configs)
    output.out(fmt::format("  {} = {}\n", name, value));
  for (const PartitionInfo& partition : topic.partitions)
    output.out(fmt::format("  partition {}  leader {}  replicas {}  in sync {}\n",
                           partition.partition,
                           partition.leader < 0 ? "none" : std::to_string(partition.leader),
                           fmt::join(partition.replicas, ","), fmt::join(partition.isr, ",")));
}

Result<void> describe(TopicAdmin& admin, const Options& options, Output& output) {
  const auto topics = admin.describe(options.names);
  if (!topics) return fail(about_topic(topics.error(), topics.error().context));
  if (options.is_json()) {
    auto json = nlohmann::ordered_json::array();
    for (const TopicInfo& topic : *topics) json.push_back(to_json(topic));
    output.out(json_text(json) + "\n");
    return {};
  }
  for (const TopicInfo& topic : *topics) print(topic, output);
  return {};
}

Result<void> remove(TopicAdmin& admin, const Options& options, Output& output) {
  for (const std::string& name : options.names) {
    if (const auto removed = admin.remove(name); !removed)
      return fail(about_topic(removed.error(), name));
    if (options.is_json()) {
      output.out(json_text({{"deleted", name}}) + "\n");
    } else {
      output.out(fmt::format("deleted {}\n", name));
    }
  }
  return {};
}

using Action = Result<void> (*)(TopicAdmin&, const Options&, Output&);

}  // namespace

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
      return kNotFound;
    case ErrorCode::kNetworkException:
    case ErrorCode::kRequestTimedOut:
      return kUnreachable;
    case ErrorCode::kTopicAuthorizationFailed:
    case ErrorCode::kClusterAuthorizationFailed:
      return kNotAuthorised;
    case ErrorCode::kTopicAlreadyExists:
      return kConflict;
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kInvalidRequest:
      return kUsage;
    default:
      return kFailed;
  }
}

Error about_topic(Error error, std::string_view topic) {
  if (error.code == ErrorCode::kUnknownTopicOrPartition)
    error.context =
        fmt::format("topic {} does not exist; semel topic list shows those that do", topic);
  return error;
}

std::string connect_failure(const Error& error) {
  if (error.cause == Cause::kNotFound)
    return fmt::format("--command-config {}: there is no such file", error.context);
  if (error.context.starts_with("Invalid url in bootstrap.servers"))
    return error.context + "; write host:port, for example localhost:9092";
  return error.context;
}

int run_topic_command(std::span<const std::string> arguments, const Connect& connect,
                      Output& output) {
  Options options;
  Action action = nullptr;
  CLI::App app("Create, list, describe and delete topics.", "semel topic");
  app.footer(kExamples);
  put_examples_first(app);
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, Action run, bool needs_names) {
    CLI::App* command = app.add_subcommand(name, about);
    options.add_to(*command, "client", "text or json");
    auto* names = command->add_option("name", options.names, "topic");
    if (needs_names) names->required();
    command->callback([&action, run] { action = run; });
    return command;
  };
  CLI::App* creating = add("create", "create topics", &create, true);
  creating->add_option("-p,--partitions", options.partitions, "number of partitions")
      ->check(whole_number(1));
  creating
      ->add_option("-r,--replication-factor", options.replication_factor,
                   "replicas of each partition")
      ->check(whole_number(1));
  creating->add_option("-c,--config", options.configs, "name=value, may be repeated");
  add("list", "names of all topics", &list, false)
      ->add_flag("--internal", options.with_internal, "internal topics too");
  add("describe", "partitions, replicas and settings", &describe, false);
  add("delete", "delete topics and all their records", &remove, true);
  if (const auto code = parse_command_line(app, arguments, output)) return *code;
  auto caller = connect(options.cluster);
  if (!caller) {
    output.err(fmt::format("semel topic: {}\n", connect_failure(caller.error())));
    return exit_code_of(caller.error());
  }
  TopicAdmin admin(**caller);
  const auto done = action(admin, options, output);
  if (done) return kOk;
  output.err(
      fmt::format("semel topic: {} ({})\n", done.error().context, error_name(done.error().code)));
  return exit_code_of(done.error());
}

}  // namespace semel::cli
