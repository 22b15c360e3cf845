// kafka-log-dirs.sh
#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/dump_printer.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"
#include "gen/describe_log_dirs.h"

namespace semel::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr KafkaOption kOptions[] = {{"bootstrap-server", true},
                                    {"broker-list", true},
                                    {"command-config", true},
                                    {"describe"},
                                    {"help"},
                                    {"topic-list", true},
                                    {"version"}};

std::vector<std::string> list_of(const KafkaArguments& arguments, std::string_view option) {
  std::vector<std::string> words;
  if (!arguments.has(option)) return words;
  for (const std::string& word : split_text(arguments.last(option), ','))
    if (!word.empty()) words.push_back(word);
  return words;
}

class LogDirs {
 public:
  LogDirs(const KafkaCall& call, const KafkaArguments& arguments)
      : call_(call),
        arguments_(arguments),
        topics_(list_of(arguments, "topic-list")),
        brokers_(list_of(arguments, "broker-list")) {}

  Result<void> run() {
    SEMEL_TRY(const auto caller, kafka_connect(call_, arguments_));
    SEMEL_TRY(const auto nodes, ClusterAdmin(*caller).nodes());
    SEMEL_TRY(const auto wanted, wanted_nodes(nodes));
    call_.output.out("Querying brokers for log directories information\n");
    std::vector<std::string> ids;
    Json rows = Json::array();
    for (const ClusterNode& node : wanted) {
      ids.push_back(std::to_string(node.id));
      SEMEL_TRY(const auto own, kafka_connect(call_, arguments_, node));
      SEMEL_TRY(auto dirs, directories(*own));
      rows.push_back(broker_row(node.id, std::move(dirs)));
    }
    call_.output.out(fmt::format("Received log directory information from brokers {}\n{}\n",
                                 fmt::join(ids, ","), json_text(whole(std::move(rows)))));
    return {};
  }

 private:
  Result<std::vector<ClusterNode>> wanted_nodes(const std::vector<ClusterNode>& nodes) {
    if (brokers_.empty()) return nodes;
    std::vector<ClusterNode> wanted;
    std::string missing;
    std::string known;
    for (const ClusterNode& node : nodes)
      known += (known.empty() ? "" : ",") + std::to_string(node.id);
    for (const std::string& id : brokers_) {
      int32_t value = 0;
      const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), value);
      if (error != std::errc{} || end != id.data() + id.size())
        return fail(ErrorCode::kInvalidRequest, fmt::format("For input string: \"{}\"", id));
      const auto at = std::ranges::find_if(
          nodes, [&](const ClusterNode& node) { return std::to_string(node.id) == id; });
      if (at != nodes.end()) {
        wanted.push_back(*at);
      } else {
        missing += (missing.empty() ? "" : ",") + id;
      }
    }
    if (missing.empty()) return wanted;
    return fail(ErrorCode::kNone,
                fmt::format("ERROR: The given brokers do not exist from --broker-list: {}. Current "
                            "existent brokers: {}",
                            missing, known));
  }

  Result<Json> directories(ApiCaller& caller) {
    gen::DescribeLogDirsRequest request;
    request.topics.set_null();
    SEMEL_TRY(const auto response, call_api<gen::DescribeLogDirsResponse>(caller, request));
    if (response.error_code != 0) return fail(broker_error(response.error_code, std::nullopt));
    Json rows = Json::array();
    for (const auto& directory : response.results) {
      const auto error = static_cast<ErrorCode>(directory.error_code);
      rows.push_back(
          directory_row(directory.log_dir,
                        error == ErrorCode::kNone ? Json(nullptr) : Json(java_exception_of(error)),
                        partitions(directory)));
    }
    return rows;
  }

  Json partitions(const gen::describe_log_dirs_response::DescribeLogDirsResult& directory) const {
    Json rows = Json::array();
    std::vector<Json> unordered;
    std::vector<int32_t> hashes;
    for (const auto& topic : directory.topics) {
      if (!topics_.empty() && std::ranges::find(topics_, topic.name) == topics_.end()) continue;
      for (const auto& partition : topic.partitions) {
        unordered.push_back(
            {{"partition", fmt::format("{}-{}", topic.name, partition.partition_index)},
             {"size", partition.partition_size},
             {"offsetLag", partition.offset_lag},
             {"isFuture", partition.is_future_key}});
        hashes.push_back(
            java_partition_hash({topic.name, PartitionIndex{partition.partition_index}}));
      }
    }
    for (const size_t i : java_hash_order(hashes)) rows.push_back(unordered[i]);
    return rows;
  }

  // 4.3.1 builds its objects in the order of a HashMap of names, 2.6.0 as written.
  Json directory_row(const std::string& path, Json error, Json partitions) const {
    if (call_.is_26())
      return {{"logDir", path}, {"error", std::move(error)}, {"partitions", std::move(partitions)}};
    return {{"partitions", std::move(partitions)}, {"error", std::move(error)}, {"logDir", path}};
  }
  Json broker_row(int32_t id, Json directories) const {
    return {{"broker", id}, {"logDirs", std::move(directories)}};
  }
  Json whole(Json rows) const {
    if (call_.is_26()) return {{"version", 1}, {"brokers", std::move(rows)}};
    return {{"brokers", std::move(rows)}, {"version", 1}};
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
  std::vector<std::string> topics_;
  std::vector<std::string> brokers_;
};

}  // namespace

int run_kafka_log_dirs(const KafkaCall& call) {
  const auto parsed = KafkaArguments::parse(kOptions, call.words);
  if (!parsed)
    return kafka_throw(call,
                       {"joptsimple.UnrecognizedOptionException", parsed.error().context, {}});
  const char* usage = call.is_26() ? kKafkaLogDirsUsage26 : kKafkaLogDirsUsage;
  if (const auto code = kafka_help(
          call, *parsed, "This tool helps to query log directory usage on the specified brokers.",
          usage))
    return *code;
  if (const auto missing = kafka_missing(*parsed, {"bootstrap-server", "describe"}))
    return kafka_usage(call, *missing, usage);
  const auto done = LogDirs(call, *parsed).run();
  if (done) return 0;
  if (done.error().code == ErrorCode::kInvalidRequest)
    return kafka_throw(call, {"java.lang.NumberFormatException", done.error().context, {}});
  if (done.error().code != ErrorCode::kNone)
    return kafka_throw(call, kafka_exception_of(done.error()));
  call.output.err(done.error().context + "\n");
  return 1;
}

}  // namespace semel::cli
