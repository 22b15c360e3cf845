// kafka-get-offsets.sh
#include <algorithm>
#include <charconv>
#include <map>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "cli/client_settings.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"
#include "cli/topic_admin.h"
#include "rt/network.h"

namespace semel::cli {
namespace {

constexpr KafkaOption kOptions[] = {{"bootstrap-server", true},
                                    {"command-config", true},
                                    {"exclude-internal-topics"},
                                    {"help"},
                                    {"partitions", true},
                                    {"time", true},
                                    {"topic", true},
                                    {"topic-partitions", true},
                                    {"version"}};

constexpr int64_t kLatest = -1;
constexpr std::string_view kInternalTopics[] = {"__consumer_offsets", "__transaction_state",
                                                "__share_group_state"};

template <class T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<int64_t> timestamp_of(const std::optional<std::string>& text) {
  if (!text || *text == "latest") return kLatest;
  constexpr std::string_view kWords[] = {"earliest", "max-timestamp", "earliest-local",
                                         "latest-tiered", "earliest-pending-upload"};
  for (size_t i = 0; i < std::size(kWords); ++i)
    if (*text == kWords[i]) return -2 - static_cast<int64_t>(i);
  if (const auto value = number<int64_t>(*text)) return *value;
  return fail(ErrorCode::kInvalidRequest,
              fmt::format("Malformed time argument {}. Please use -1 or latest / -2 or earliest / "
                          "-3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 "
                          "or earliest-pending-upload, or a specified long format timestamp",
                          *text));
}

/// A topic by regular expression and a range of partitions.
struct Rule {
  std::regex topic;
  int32_t lower = 0;
  int32_t upper = std::numeric_limits<int32_t>::max();  // exclusive
};

/// Kafka's IncludeList: a comma means "or".
std::regex include_list(std::string text) {
  std::replace(text.begin(), text.end(), ',', '|');
  std::erase(text, ' ');
  try {
    return std::regex(text);
  } catch (const std::regex_error&) {
    return std::regex("[^\\s\\S]");
  }
}

Result<Rule> rule_of(const std::string& text) {
  static const std::regex kPattern("([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?");
  std::smatch match;
  if (!std::regex_match(text, match, kPattern))
    return fail(ErrorCode::kInvalidRequest, "Invalid rule specification: " + text);
  Rule rule{include_list(match[1].length() == 0 ? std::string(".*") : match[1].str())};
  if (const auto only = number<int32_t>(match[2].str())) {
    rule.lower = *only;
    rule.upper = *only + 1;
  } else {
    rule.lower = number<int32_t>(match[3].str()).value_or(rule.lower);
    rule.upper = number<int32_t>(match[4].str()).value_or(rule.upper);
  }
  return rule;
}

class GetOffsets {
 public:
  GetOffsets(const KafkaCall& call, const KafkaArguments& arguments)
      : call_(call), arguments_(arguments) {}

  int run() {
    const auto done = act();
    if (done) return 0;
    if (is_settings_error(done.error())) {
      call_.output.err("Error occurred: ");
      return kafka_throw(call_, kafka_exception_of(done.error()));
    }
    const std::string& text = done.error().context;
    call_.output.err(fmt::format("Error occurred: {}\n", text));
    if (text.starts_with(kTerse))
      call_.output.err(
          fmt::format("java.lang.RuntimeException: {}\nCaused by: {}\n\n", text, text));
    return 1;
  }

 private:
  static constexpr std::string_view kTerse = "org.apache.kafka.tools.TerseException: ";

  Result<void> act() {
    if (arguments_.has("topic-partitions") &&
        (arguments_.has("topic") || arguments_.has("partitions")))
      return fail(ErrorCode::kInvalidRequest,
                  "--topic-partitions cannot be used with --topic or --partitions");
    SEMEL_TRY(const auto time, arguments_.value("time"));
    SEMEL_TRY(const int64_t timestamp, timestamp_of(time));
    SEMEL_CHECK(make_rules());
    SEMEL_TRY(const auto caller, kafka_connect(call_, arguments_));
    SEMEL_TRY(const auto partitions, matching(*caller));
    if (partitions.empty())
      return fail(ErrorCode::kUnknownTopicOrPartition,
                  "Could not match any topic-partitions with the specified filters");
    std::map<TopicPartition, int64_t> found;
    LeaderCalls::Codes codes;
    const auto ask = [&](ApiCaller& leader, const auto& own) -> Result<LeaderCalls::Codes> {
      SEMEL_TRY(const auto rows, ClusterAdmin(leader).list_offsets(own, timestamp));
      for (const auto& [partition, offset, error] : rows) {
        found[partition] = offset;
        codes[partition] = error;
      }
      return codes;
    };
    SEMEL_TRY(auto failures, kafka_leader_calls(call_, arguments_, *caller)
                                 .ask({"listOffsets", "LIST_OFFSETS"}, partitions, ask));
    for (const auto& [partition, code] : codes)
      if (code != ErrorCode::kNone)
        failures.try_emplace(partition, Error{code, java_message(code)});
    for (const TopicPartition& partition : partitions) {
      const auto failure = failures.find(partition);
      if (failure != failures.end()) {
        call_.output.err(
            fmt::format("Skip getting offsets for topic-partition {} due to error: {}\n",
                        partition.to_text(), java_text(failure->second)));
      } else if (found[partition] != -1) {
        call_.output.out(fmt::format("{}:{}:{}\n", partition.topic, partition.partition.value,
                                     found[partition]));
      }
    }
    return {};
  }

  Result<void> make_rules() {
    SEMEL_TRY(const auto pairs, arguments_.value("topic-partitions"));
    if (pairs) {
      for (const std::string& text : split_text(*pairs, ',')) {
        auto rule = rule_of(text);
        if (!rule) return fail(rule.error().code, std::string(kTerse) + rule.error().context);
        rules_.push_back(*std::move(rule));
      }
      return {};
    }
    SEMEL_TRY(const auto topic, arguments_.value("topic"));
    SEMEL_TRY(const auto partitions, arguments_.value("partitions"));
    rules_.push_back({include_list(topic.value_or(".*"))});
    if (!partitions || partitions->empty()) return {};
    for (const std::string& text : split_text(*partitions, ',')) {
      const auto id = number<int32_t>(text);
      if (!id)
        return fail(ErrorCode::kInvalidRequest,
                    "--partitions expects a comma separated list of numeric partition ids, but "
                    "received: " +
                        *partitions);
      ids_.insert(*id);
    }
    return {};
  }

  bool is_wanted(const std::string& topic, int32_t partition) const {
    if (!ids_.empty() && !ids_.contains(partition)) return false;
    return std::ranges::any_of(rules_, [&](const Rule& rule) {
      return partition >= rule.lower && partition < rule.upper &&
             std::regex_match(topic, rule.topic);
    });
  }

  Result<std::vector<TopicPartition>> matching(ApiCaller& caller) {
    TopicAdmin admin(caller);
    std::vector<TopicPartition> partitions;
    SEMEL_TRY(auto names, admin.list(true));
    if (arguments_.has("exclude-internal-topics"))
      std::erase_if(names, [](const std::string& name) {
        return std::ranges::find(kInternalTopics, name) != std::end(kInternalTopics);
      });
    if (names.empty()) return partitions;
    SEMEL_TRY(const auto topics, admin.partitions(names));
    for (const TopicInfo& topic : topics)
      for (const PartitionInfo& partition : topic.partitions)
        if (is_wanted(topic.name, partition.partition))
          partitions.push_back({topic.name, PartitionIndex{partition.partition}});
    return partitions;
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
  std::vector<Rule> rules_;
  std::set<int32_t> ids_;  // empty = all
};

}  // namespace

int run_kafka_get_offsets(const KafkaCall& call) {
  const auto parsed = KafkaArguments::parse(kOptions, call.words);
  if (!parsed) {
    call.output.err(fmt::format("Error occurred: {}\n", parsed.error().context));
    return 1;
  }
  if (const auto code =
          kafka_help(call, *parsed, "An interactive shell for getting topic-partition offsets.",
                     kKafkaGetOffsetsUsage))
    return *code;
  if (const auto missing = kafka_missing(*parsed, {"bootstrap-server"}))
    return kafka_usage(call, *missing, kKafkaGetOffsetsUsage);
  for (const KafkaOption& option : kOptions) {
    const auto value = option.takes_value ? parsed->value(option.name) : std::nullopt;
    if (value) continue;
    call.output.err("Error occurred: ");
    return kafka_throw(
        call, {"joptsimple.MultipleArgumentsForOptionException", value.error().context, {}});
  }
  for (const std::string& server : split_text(parsed->last("bootstrap-server"), ','))
    if (!rt::Address::from_text(server))
      return kafka_usage(call, "Please provide valid host:port like host1:9091,host2:9092\n",
                         kKafkaGetOffsetsUsage);
  return GetOffsets(call, *parsed).run();
}

}  // namespace semel::cli
