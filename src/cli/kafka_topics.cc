#include "cli/kafka_topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <regex>

#include "base/text.h"
#include "cli/kafka_options.h"
#include "cli/topic_admin.h"

namespace semel::cli {
namespace {

constexpr KafkaOption kOptions[] = {
    {"alter"}, {"at-min-isr-partitions"}, {"bootstrap-server", true}, {"command-config", true},
    {"config", true}, {"create"}, {"delete"}, {"delete-config", true}, {"describe"},
    {"exclude-internal"}, {"help"}, {"if-exists"}, {"if-not-exists"}, {"list"},
    {"partition-size-limit-per-response", true, true}, {"partitions", true, true},
    {"replica-assignment", true}, {"replication-factor", true, true}, {"topic", true},
    {"topic-id", true}, {"topics-with-overrides"}, {"unavailable-partitions"},
    {"under-min-isr-partitions"}, {"under-replicated-partitions"}, {"version"}};

constexpr std::string_view kActions[] = {"create", "list", "alter", "describe", "delete"};

constexpr std::string_view kReports[] = {"under-replicated-partitions", "under-min-isr-partitions",
                                         "at-min-isr-partitions", "unavailable-partitions"};

/// An option, and the options that it cannot be given with.
struct Exclusion {
  std::string_view option;
  std::vector<std::string_view> others;
};

const std::vector<Exclusion>& exclusions() {
  static const std::vector<Exclusion> kExclusions = {
      {"config", {"list", "delete", "alter", "describe"}},
      {"partitions", {"list", "delete", "describe"}},
      {"replication-factor", {"list", "delete", "alter", "describe"}},
      {"replica-assignment", {"list", "delete", "describe", "partitions", "replication-factor"}},
      {"under-replicated-partitions",
       {"create", "list", "alter", "delete", "under-min-isr-partitions", "at-min-isr-partitions",
        "unavailable-partitions", "topics-with-overrides"}},
      {"under-min-isr-partitions",
       {"create", "list", "alter", "delete", "under-replicated-partitions", "at-min-isr-partitions",
        "unavailable-partitions", "topics-with-overrides"}},
      {"at-min-isr-partitions",
       {"create", "list", "alter", "delete", "under-replicated-partitions", "under-min-isr-partitions",
        "unavailable-partitions", "topics-with-overrides"}},
      {"unavailable-partitions",
       {"create", "list", "alter", "delete", "under-replicated-partitions", "under-min-isr-partitions",
        "at-min-isr-partitions", "topics-with-overrides"}},
      {"topics-with-overrides", {"create", "list", "alter", "delete"}},
      {"if-exists", {"create", "list"}},
      {"if-not-exists", {"alter", "delete", "describe", "list"}},
      {"exclude-internal", {"create", "alter", "delete"}}};
  return kExclusions;
}

std::string join_ids(const std::vector<int32_t>& ids) { return fmt::format("{}", fmt::join(ids, ",")); }

class Command {
 public:
  Command(const KafkaArguments& arguments, const Connect& connect, Output& output)
      : arguments_(arguments), connect_(connect), output_(output) {}

  int run() {
    if (arguments_.has("help")) return usage("This tool helps to create, delete, describe, or change a topic.");
    if (arguments_.has("version")) {
      output_.out("4.3.1\n");
      return 0;
    }
    const auto count = std::count_if(std::begin(kActions), std::end(kActions),
                                     [&](std::string_view a) { return arguments_.has(a); });
    if (count != 1)
      return usage("Command must include exactly one action: --list, --describe, --create, --alter or --delete");
    if (!arguments_.has("bootstrap-server")) {
      output_.err("--bootstrap-server must be specified\n");
      return 1;
    }
    if (const auto why = check_arguments()) return usage(*why);
    const auto done = act();
    if (done) return 0;
    output_.out(fmt::format("Error while executing topic command : {}\n", done.error().context));
    return 1;
  }

 private:
  int usage(std::string_view why) {
    output_.err(fmt::format("{}\n{}", why, kKafkaTopicsUsage));
    return 1;
  }

  std::optional<std::string> check_arguments() {
    const bool needs_topic = arguments_.has("create") || arguments_.has("delete");
    if (needs_topic && !arguments_.has("topic")) return "Missing required argument \"[topic]\"";
    if (arguments_.has("alter") && !arguments_.has("topic")) return "Missing required argument \"[topic]\"";
    if (arguments_.has("alter") && !arguments_.has("partitions"))
      return "Missing required argument \"[partitions]\"";
    for (const auto& [option, others] : exclusions()) {
      if (!arguments_.has(option)) continue;
      for (std::string_view other : others)
        if (arguments_.has(other))
          return fmt::format("Option \"[{}]\" can't be used with option \"[{}]\"", option, other);
    }
    return std::nullopt;
  }

  Result<void> act() {
    SEMEL_TRY(const auto servers, arguments_.value("bootstrap-server"));
    SEMEL_TRY(const auto topic, arguments_.value("topic"));
    SEMEL_TRY(caller_, connect_(*servers));
    TopicAdmin admin(*caller_);
    if (arguments_.has("create")) return create(admin, *topic);
    if (arguments_.has("list")) return list(admin, topic);
    if (arguments_.has("delete")) return remove(admin, *topic);
    if (arguments_.has("describe")) return describe(admin, topic);
    return alter(admin, *topic);
  }

  Result<int32_t> integer(std::string_view name, int32_t otherwise) {
    SEMEL_TRY(const auto text, arguments_.value(name));
    if (!text) return otherwise;
    int32_t value = 0;
    std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
  }

  Result<std::vector<std::vector<int32_t>>> assignment() {
    std::vector<std::vector<int32_t>> rows;
    SEMEL_TRY(const auto text, arguments_.value("replica-assignment"));
    if (!text) return rows;
    for (const std::string& row : split_text(*text, ',')) {
      rows.emplace_back();
      for (const std::string& id : split_text(row, ':')) {
        int32_t value = 0;
        const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), value);
        if (error != std::errc{} || end != id.data() + id.size())
          return fail(ErrorCode::kInvalidRequest, fmt::format("For input string: \"{}\"", id));
        rows.back().push_back(value);
      }
      if (rows.back().size() != rows.front().size())
        return fail(ErrorCode::kInvalidRequest, "Partition " + std::to_string(rows.size() - 1) +
                                                    " has different replication factor: " + row);
    }
    return rows;
  }

  Result<void> create(TopicAdmin& admin, const std::string& name) {
    NewTopic topic;
    topic.name = name;
    SEMEL_TRY(const int32_t partitions, integer("partitions", -1));
    SEMEL_TRY(const int32_t replicas, integer("replication-factor", -1));
    if (arguments_.has("partitions") && partitions < 1)
      return fail(ErrorCode::kInvalidPartitions, "The partitions must be greater than 0");
    if (arguments_.has("replication-factor") && (replicas < 1 || replicas > 32767))
      return fail(ErrorCode::kInvalidReplicationFactor,
                  "The replication factor must be between 1 and 32767 inclusive");
    topic.partitions = partitions;
    topic.replication_factor = static_cast<int16_t>(replicas);
    SEMEL_TRY(topic.assignment, assignment());
    for (const std::string& pair : arguments_.values("config")) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos)
        return fail(ErrorCode::kInvalidConfig,
                    "requirement failed: Invalid topic config: all configs to be added must be in the "
                    "format \"key=val\".");
      topic.configs[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    if (name.find_first_of("._") != std::string::npos)
      output_.out("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore "
                  "('_') could collide. To avoid issues it is best to use either, but not both.\n");
    const auto created = admin.create(topic);
    if (!created && created.error().code == ErrorCode::kTopicAlreadyExists && arguments_.has("if-not-exists"))
      return {};
    if (!created) return fail(created.error());
    output_.out(fmt::format("Created topic {}.\n", name));
    return {};
  }

  /// Topics whose whole name matches `pattern`; every topic without one.
  Result<std::vector<std::string>> matching(TopicAdmin& admin, const std::optional<std::string>& pattern) {
    SEMEL_TRY(auto names, admin.list(!arguments_.has("exclude-internal")));
    if (!pattern) return names;
    std::string text = *pattern;
    std::replace(text.begin(), text.end(), ',', '|');
    try {
      const std::regex expression(text);
      std::erase_if(names, [&](const std::string& name) { return !std::regex_match(name, expression); });
    } catch (const std::regex_error&) {
      return fail(ErrorCode::kInvalidRequest, *pattern + " is an invalid regex.");
    }
    return names;
  }

  Result<std::vector<std::string>> existing(TopicAdmin& admin, const std::optional<std::string>& pattern) {
    SEMEL_TRY(auto names, matching(admin, pattern));
    if (names.empty() && pattern && !arguments_.has("if-exists"))
      return fail(ErrorCode::kUnknownTopicOrPartition,
                  fmt::format("Topic '{}' does not exist as expected", *pattern));
    return names;
  }

  Result<void> list(TopicAdmin& admin, const std::optional<std::string>& pattern) {
    SEMEL_TRY(const auto names, matching(admin, pattern));
    for (const std::string& name : names) output_.out(name + "\n");
    return {};
  }

  Result<void> remove(TopicAdmin& admin, const std::string& pattern) {
    SEMEL_TRY(const auto names, existing(admin, pattern));
    for (const std::string& name : names) SEMEL_CHECK(admin.remove(name));
    return {};
  }

  Result<void> describe(TopicAdmin& admin, const std::optional<std::string>& pattern) {
    SEMEL_TRY(const auto names, existing(admin, pattern));
    if (names.empty()) return {};
    SEMEL_TRY(const auto topics, admin.describe(names));
    for (const TopicInfo& topic : topics) print(topic);
    return {};
  }

  Result<void> alter(TopicAdmin& admin, const std::string& pattern) {
    SEMEL_TRY(const auto names, existing(admin, pattern));
    SEMEL_TRY(const int32_t partitions, integer("partitions", -1));
    if (arguments_.has("replica-assignment"))
      return fail(ErrorCode::kUnsupportedVersion, "semel places new partitions by itself; leave --replica-assignment out");
    for (const std::string& name : names) SEMEL_CHECK(admin.grow(name, partitions));
    return {};
  }

  bool is_reported(const TopicInfo& topic, const PartitionInfo& partition) const {
    const auto isr = static_cast<int32_t>(partition.isr.size());
    if (arguments_.has("under-replicated-partitions")) return partition.isr.size() < partition.replicas.size();
    if (arguments_.has("under-min-isr-partitions")) return isr < topic.min_insync_replicas;
    if (arguments_.has("at-min-isr-partitions")) return isr == topic.min_insync_replicas;
    if (arguments_.has("unavailable-partitions")) return partition.leader < 0;
    return true;
  }

  void print(const TopicInfo& topic) {
    const bool only_partitions = std::any_of(std::begin(kReports), std::end(kReports),
                                             [&](std::string_view r) { return arguments_.has(r); });
    const bool only_overrides = arguments_.has("topics-with-overrides");
    if (only_overrides && topic.configs.empty()) return;
    if (!only_partitions) {
      std::vector<std::string> configs;
      for (const auto& [name, value] : topic.configs) configs.push_back(name + "=" + value);
      const size_t replicas = topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
      output_.out(fmt::format("Topic: {}\tTopicId: {}\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}\n",
                              topic.name, topic.id.to_text(), topic.partitions.size(), replicas,
                              fmt::join(configs, ",")));
    }
    if (only_overrides) return;
    for (const PartitionInfo& partition : topic.partitions) {
      if (!is_reported(topic, partition)) continue;
      output_.out(fmt::format("\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}\tElr: N/A\tLastKnownElr: N/A\n",
                              topic.name, partition.partition,
                              partition.leader < 0 ? "none" : std::to_string(partition.leader),
                              join_ids(partition.replicas), join_ids(partition.isr)));
    }
  }

  const KafkaArguments& arguments_;
  const Connect& connect_;
  Output& output_;
  std::unique_ptr<ApiCaller> caller_;
};

}  // namespace

int run_kafka_topics(std::span<const std::string> arguments, const Connect& connect, Output& output) {
  const auto parsed = KafkaArguments::parse(kOptions, arguments);
  if (!parsed) {
    output.err(parsed.error().context + "\n");
    return 1;
  }
  return Command(*parsed, connect, output).run();
}

}  // namespace semel::cli
