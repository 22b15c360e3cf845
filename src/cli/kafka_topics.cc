#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"
#include "cli/topic_admin.h"

namespace semel::cli {
namespace {

constexpr KafkaOption kOptions[] = {{"alter"},
                                    {"at-min-isr-partitions"},
                                    {"bootstrap-server", true},
                                    {"command-config", true},
                                    {"config", true},
                                    {"create"},
                                    {"delete"},
                                    {"delete-config", true},
                                    {"describe"},
                                    {"exclude-internal"},
                                    {"help"},
                                    {"if-exists"},
                                    {"if-not-exists"},
                                    {"list"},
                                    {"partition-size-limit-per-response", true, true},
                                    {"partitions", true, true},
                                    {"replica-assignment", true},
                                    {"replication-factor", true, true},
                                    {"topic", true},
                                    {"topic-id", true},
                                    {"topics-with-overrides"},
                                    {"unavailable-partitions"},
                                    {"under-min-isr-partitions"},
                                    {"under-replicated-partitions"},
                                    {"version"}};

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
       {"create", "list", "alter", "delete", "under-replicated-partitions",
        "under-min-isr-partitions", "unavailable-partitions", "topics-with-overrides"}},
      {"unavailable-partitions",
       {"create", "list", "alter", "delete", "under-replicated-partitions",
        "under-min-isr-partitions", "at-min-isr-partitions", "topics-with-overrides"}},
      {"topics-with-overrides", {"create", "list", "alter", "delete"}},
      {"if-exists", {"create", "list"}},
      {"if-not-exists", {"alter", "delete", "describe", "list"}},
      {"exclude-internal", {"create", "alter", "delete"}}};
  return kExclusions;
}

std::string join_ids(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

class Command {
 public:
  Command(const KafkaCall& call, const KafkaArguments& arguments)
      : call_(call), arguments_(arguments), output_(call.output) {}

  int run() {
    const auto count = std::count_if(std::begin(kActions), std::end(kActions),
                                     [&](std::string_view a) { return arguments_.has(a); });
    if (count != 1)
      return kafka_usage(call_,
                         "Command must include exactly one action: --list, --describe, --create, "
                         "--alter or --delete",
                         usage_of(call_));
    if (!arguments_.has("bootstrap-server"))
      return kafka_throw(
          call_, {"java.lang.IllegalArgumentException",
                  call_.is_26() ? "Only one of --bootstrap-server or --zookeeper must be specified"
                                : "--bootstrap-server must be specified",
                  {}});
    if (const auto why = check_arguments()) return kafka_usage(call_, *why, usage_of(call_));
    if (!call_.is_26() && arguments_.has("delete-config"))
      output_.err(
          "delete-config option is no longer supported and deprecated since version 4.0. The "
          "config "
          "will be fully removed in future releases.\n");
    auto caller = kafka_connect(call_, arguments_);
    if (!caller) {
      if (is_settings_error(caller.error()))
        return kafka_throw(call_, kafka_exception_of(caller.error()));
      return fail_with(caller.error());
    }
    caller_ = std::move(*caller);
    const auto done = act();
    return done ? 0 : fail_with(done.error());
  }

  static const char* usage_of(const KafkaCall& call) {
    return call.is_26() ? kKafkaTopicsUsage26 : kKafkaTopicsUsage;
  }

 private:
  int fail_with(const Error& error) {
    // 2.6.0 tells those of its later admin calls with their class.
    const bool has_class = call_.is_26() && error.code != ErrorCode::kNone &&
                           is_refused_by_cluster_ &&
                           (arguments_.has("alter") || arguments_.has("delete"));
    output_.out(fmt::format("Error while executing topic command : {}{}\n",
                            has_class ? java_exception_of(error.code) + ": " : "", error.context));
    return 1;
  }

  std::optional<std::string> check_arguments() {
    if (arguments_.has("alter") && arguments_.has("config"))
      return call_.is_26()
                 ? "Option combination \"[bootstrap-server],[config]\" can't be used with "
                   "option \"[alter]\""
                 : "Option combination \"[[bootstrap-server], [config]]\" can't be used "
                   "with option \"[alter]\" (To alter topic configurations, the kafka-configs tool "
                   "can be used.)";
    const bool needs_topic = arguments_.has("create") || arguments_.has("delete");
    if (needs_topic && !arguments_.has("topic")) return "Missing required argument \"[topic]\"";
    if (arguments_.has("alter") && !arguments_.has("topic"))
      return "Missing required argument \"[topic]\"";
    if (arguments_.has("alter") && !arguments_.has("partitions"))
      return "Missing required argument \"[partitions]\"";
    if (call_.is_26() && arguments_.has("delete-config"))
      return fmt::format("Option \"[delete-config]\" can't be used with option \"[{}]\"",
                         arguments_.has("create") ? "create" : "bootstrap-server");
    for (const auto& [option, others] : exclusions()) {
      if (!arguments_.has(option)) continue;
      for (std::string_view other : others) {
        const bool is_report = std::ranges::find(kReports, other) != std::end(kReports);
        // 4.3.1 looks for these among options that it compares with another set, and finds none.
        if (is_report && !call_.is_26()) continue;
        // Beside --alter it places the partitions that --partitions asks for.
        if (option == "replica-assignment" && other == "partitions" && arguments_.has("alter"))
          continue;
        if (arguments_.has(other))
          return fmt::format("Option \"[{}]\" can't be used with option \"[{}]\"", option, other);
      }
    }
    return std::nullopt;
  }

  Result<void> act() {
    SEMEL_TRY(const auto topic, arguments_.value("topic"));
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

  static std::string repeated_of(std::vector<int32_t> ids) {
    std::ranges::sort(ids);
    std::string repeated;
    for (size_t i = 1; i < ids.size(); ++i)
      if (ids[i] == ids[i - 1] && (i < 2 || ids[i - 2] != ids[i]))
        repeated += fmt::format("{}{}", repeated.empty() ? "" : ",", ids[i]);
    return repeated;
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
      const std::set<int32_t> distinct(rows.back().begin(), rows.back().end());
      if (distinct.size() < rows.back().size())
        return fail(ErrorCode::kInvalidRequest,
                    fmt::format("Partition replica lists may not contain duplicate entries: {}",
                                repeated_of(rows.back())));
      if (rows.back().size() != rows.front().size())
        return fail(ErrorCode::kInvalidRequest,
                    fmt::format("Partition {} has different replication factor: [{}]",
                                rows.size() - 1, fmt::join(rows.back(), ", ")));
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
        return fail(
            ErrorCode::kInvalidConfig,
            "requirement failed: Invalid topic config: all configs to be added must be in the "
            "format \"key=val\".");
      topic.configs[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    if (name.find_first_of("._") != std::string::npos)
      output_.out(
          "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore "
          "('_') could collide. To avoid issues it is best to use either, but not both.\n");
    const auto created = admin.create(topic);
    if (!created && created.error().code == ErrorCode::kTopicAlreadyExists &&
        arguments_.has("if-not-exists"))
      return {};
    if (!created) return fail(created.error());
    output_.out(fmt::format("Created topic {}.\n", name));
    return {};
  }

  /// Topics whose whole name matches `pattern`; every topic without one.
  Result<std::vector<std::string>> matching(TopicAdmin& admin,
                                            const std::optional<std::string>& pattern) {
    SEMEL_TRY(auto names, admin.list(!arguments_.has("exclude-internal")));
    if (!pattern) return names;
    std::string text = *pattern;
    std::replace(text.begin(), text.end(), ',', '|');
    try {
      const std::regex expression(text);
      std::erase_if(names,
                    [&](const std::string& name) { return !std::regex_match(name, expression); });
    } catch (const std::regex_error&) {
      return fail(ErrorCode::kInvalidRequest, *pattern + " is an invalid regex.");
    }
    return names;
  }

  Result<std::vector<std::string>> existing(TopicAdmin& admin,
                                            const std::optional<std::string>& pattern) {
    SEMEL_TRY(auto names, matching(admin, pattern));
    if (names.empty() && pattern && !arguments_.has("if-exists"))
      return fail(ErrorCode::kUnknownTopicOrPartition,
                  fmt::format("Topic '{}' does not exist as expected", *pattern));
    return names;
  }

  Result<void> list(TopicAdmin& admin, const std::optional<std::string>& pattern) {
    SEMEL_TRY(const auto names, matching(admin, pattern));
    output_.out(fmt::format("{}\n", fmt::join(names, "\n")));
    return {};
  }

  Result<void> remove(TopicAdmin& admin, const std::string& pattern) {
    SEMEL_TRY(const auto names, existing(admin, pattern));
    is_refused_by_cluster_ = true;
    for (const std::string& name : names) SEMEL_CHECK(admin.remove(name));
    return {};
  }

  Result<void> describe_by_id(TopicAdmin& admin, const std::string& text) {
    const auto id = TopicId::from_text(text);
    if (!id)
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("Input string `{}` decoded as {} bytes, which is not equal to the "
                              "expected 16 bytes of a base64-encoded UUID",
                              text, text.size() * 6 / 8));
    SEMEL_TRY(const auto topics, admin.describe({}));
    const auto at = std::ranges::find(topics, *id, &TopicInfo::id);
    if (at != topics.end()) {
      print(*at);
    } else if (!arguments_.has("if-exists")) {
      return fail(ErrorCode::kUnknownTopicId,
                  fmt::format("TopicId '{}' does not exist as expected", text));
    }
    return {};
  }

  Result<void> describe(TopicAdmin& admin, const std::optional<std::string>& pattern) {
    SEMEL_TRY(const auto id, arguments_.value("topic-id"));
    if (id && !call_.is_26()) return describe_by_id(admin, *id);
    SEMEL_TRY(const auto names, existing(admin, pattern));
    if (names.empty()) return {};
    SEMEL_TRY(const auto topics, admin.describe(names));
    // Kafka's tool keeps the answers in a HashMap.
    std::vector<int32_t> hashes;
    for (const TopicInfo& topic : topics) hashes.push_back(java_hash(topic.name));
    for (const size_t i : java_hash_order(hashes, java_table_size(hashes.size()))) print(topics[i]);
    return {};
  }

  Result<void> alter(TopicAdmin& admin, const std::string& pattern) {
    SEMEL_TRY(const auto names, existing(admin, pattern));
    SEMEL_TRY(const int32_t partitions, integer("partitions", -1));
    std::optional<std::vector<std::vector<int32_t>>> added;
    if (arguments_.has("replica-assignment") && !names.empty()) {
      SEMEL_TRY(added, assignment());
      // The words name every partition; those that are there already are passed over.
      SEMEL_TRY(const auto topics, admin.describe(names));
      const size_t present = std::min(topics.front().partitions.size(), added->size());
      added->erase(added->begin(), added->begin() + static_cast<ptrdiff_t>(present));
    }
    is_refused_by_cluster_ = true;
    for (const std::string& name : names) SEMEL_CHECK(admin.grow(name, partitions, added));
    return {};
  }

  bool is_reported(const TopicInfo& topic, const PartitionInfo& partition) const {
    const auto isr = static_cast<int32_t>(partition.isr.size());
    if (arguments_.has("under-replicated-partitions"))
      return partition.isr.size() < partition.replicas.size();
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
      const size_t replicas =
          topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
      output_.out(fmt::format(
          "Topic: {}\t{}PartitionCount: {}\tReplicationFactor: {}\tConfigs: {}\n", topic.name,
          call_.is_26() ? "" : fmt::format("TopicId: {}\t", topic.id.to_text()),
          topic.partitions.size(), replicas, fmt::join(configs, ",")));
    }
    if (only_overrides) return;
    for (const PartitionInfo& partition : topic.partitions)
      if (is_reported(topic, partition)) print(topic.name, partition);
  }

  void print(const std::string& topic, const PartitionInfo& partition) {
    const auto text = [](const std::optional<std::vector<int32_t>>& ids) {
      return ids ? join_ids(*ids) : "N/A";
    };
    const std::string elr = call_.is_26()
                                ? ""
                                : fmt::format("\tElr: {}\tLastKnownElr: {}", text(partition.elr),
                                              text(partition.last_known_elr));
    output_.out(fmt::format("\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}{}\n",
                            topic, partition.partition,
                            partition.leader < 0 ? "none" : std::to_string(partition.leader),
                            join_ids(partition.replicas), join_ids(partition.isr), elr));
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
  Output& output_;
  std::unique_ptr<ApiCaller> caller_;
  bool is_refused_by_cluster_ = false;  // whatever fails from here on
};

}  // namespace

int run_kafka_topics(const KafkaCall& call) {
  const auto parsed = KafkaArguments::parse(kOptions, call.words);
  if (!parsed && parsed.error().context.starts_with("Cannot parse")) {
    call.output.out(
        fmt::format("Error while executing topic command : {}\n", parsed.error().context));
    return 1;
  }
  if (!parsed)
    return kafka_throw(call,
                       {"joptsimple.UnrecognizedOptionException", parsed.error().context, {}});
  if (call.words.empty())
    return kafka_usage(call, "Create, delete, describe, or change a topic.",
                       Command::usage_of(call));
  if (const auto code = kafka_help(
          call, *parsed, "This tool helps to create, delete, describe, or change a topic.",
          Command::usage_of(call)))
    return *code;
  return Command(call, *parsed).run();
}

}  // namespace semel::cli
