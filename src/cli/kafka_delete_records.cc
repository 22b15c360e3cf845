// kafka-delete-records.sh
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"
#include "gen/delete_records.h"

namespace semel::cli {
namespace {

using Json = nlohmann::json;

constexpr KafkaOption kOptions[] = {{"bootstrap-server", true},
                                    {"command-config", true},
                                    {"help"},
                                    {"offset-json-file", true},
                                    {"version"}};
constexpr uint64_t kFileMax = uint64_t{64} << 20;
constexpr int32_t kTimeoutMs = 30'000;

/// The file's rows, or an exception: class and message.
struct Exception {
  std::string class_name;
  std::string message;
  std::string cause;
};
using Wanted = std::vector<std::pair<TopicPartition, int64_t>>;

std::unexpected<Exception> throw_it(std::string class_name, std::string message,
                                    std::string cause = {}) {
  return std::unexpected(Exception{std::move(class_name), std::move(message), std::move(cause)});
}

class Command {
 public:
  Command(const KafkaCall& call, const KafkaArguments& arguments)
      : call_(call), arguments_(arguments) {}

  int run() {
    const auto wanted = read();
    if (!wanted) {
      const Exception& error = wanted.error();
      return kafka_throw(call_, error.class_name, error.message, error.cause);
    }
    std::set<TopicPartition> seen;
    for (const auto& [partition, offset] : *wanted)
      if (!seen.insert(partition).second)
        return kafka_throw(
            call_, package() + "AdminCommandFailedException",
            "Offset json file contains duplicate topic partitions: " + partition.to_text());
    const auto done = remove(*wanted);
    if (done) return 0;
    return kafka_throw(call_, kafka_exception_of(done.error()), done.error().context);
  }

 private:
  /// Of the tool's own exceptions.
  std::string package() const { return call_.is_26() ? "kafka.admin." : "org.apache.kafka.tools."; }
  std::string operation_exception() const { return package() + "AdminOperationException"; }

  std::expected<Wanted, Exception> read() const {
    const std::string& path = arguments_.values("offset-json-file").back();
    const auto file = rt::read_file(call_.paths.disk, call_.paths.absolute(path), kFileMax);
    if (!file)
      return throw_it("java.io.IOException", "Unable to read file " + path,
                      file.error().cause == Cause::kNotFound
                          ? "java.nio.file.NoSuchFileException: " + path
                          : "java.io.IOException: " + file.error().context);
    const std::string text(bytes::as_text(file->span()));
    if (call_.is_26() && text.find_first_not_of(" \t\r\n") == std::string::npos)
      return throw_it("com.fasterxml.jackson.databind.JsonMappingException",
                      "Expected JSON object, received ");
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object())
      return throw_it(operation_exception(), "The input string is not a valid JSON");
    const int64_t version = json.value("version", int64_t{1});
    if (version != 1)
      return throw_it(operation_exception(),
                      fmt::format("Not supported version field value {}", version));
    if (!json.contains("partitions"))
      return throw_it(operation_exception(), "Missing partitions field");
    Wanted wanted;
    for (const Json& row : json["partitions"]) {
      const bool is_whole = row.is_object() && row.contains("topic") && row["topic"].is_string() &&
                            row.contains("partition") && row["partition"].is_number_integer() &&
                            row.contains("offset") && row["offset"].is_number_integer();
      if (!is_whole)
        return throw_it(operation_exception(),
                        "a row of \"partitions\" needs topic, partition and offset: " + row.dump());
      wanted.push_back(
          {{row["topic"].get<std::string>(), PartitionIndex{row["partition"].get<int32_t>()}},
           row["offset"].get<int64_t>()});
    }
    return wanted;
  }

  Result<void> remove(const Wanted& wanted) {
    SEMEL_TRY(const auto caller, kafka_connect(call_, arguments_));
    gen::DeleteRecordsRequest request;
    request.timeout_ms = kTimeoutMs;
    std::map<std::string, Wanted> by_topic;
    for (const auto& row : wanted) by_topic[row.first.topic].push_back(row);
    for (const auto& [name, rows] : by_topic) {
      auto& topic = request.topics.append();
      topic.name = name;
      for (const auto& [partition, offset] : rows) {
        auto& asked = topic.partitions.append();
        asked.partition_index = partition.partition.value;
        asked.offset = offset;
      }
    }
    call_.output.out("Executing records delete operation\n");
    SEMEL_TRY(const auto response, call_api<gen::DeleteRecordsResponse>(*caller, request));
    call_.output.out("Records delete operation completed:\n");
    std::map<TopicPartition, const gen::delete_records_response::DeleteRecordsPartitionResult*>
        found;
    for (const auto& topic : response.topics)
      for (const auto& partition : topic.partitions)
        found[{topic.name, PartitionIndex{partition.partition_index}}] = &partition;
    // Kafka's tool keeps the answers in a HashMap.
    std::vector<int32_t> hashes;
    for (const auto& [partition, offset] : wanted) hashes.push_back(java_partition_hash(partition));
    for (const size_t i : java_hash_order(hashes)) {
      const auto at = found.find(wanted[i].first);
      if (at != found.end())
        print(at->first, at->second->low_watermark, static_cast<ErrorCode>(at->second->error_code));
    }
    return {};
  }

  void print(const TopicPartition& partition, int64_t low_watermark, ErrorCode error) {
    const std::string name = partition.to_text();
    if (error == ErrorCode::kNone) {
      call_.output.out(fmt::format("partition: {}\tlow_watermark: {}\n", name, low_watermark));
    } else {
      call_.output.out(fmt::format("partition: {}\terror: {}: {}\n", name, java_exception_of(error),
                                   java_message(error)));
    }
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
};

}  // namespace

int run_kafka_delete_records(const KafkaCall& call) {
  const auto parsed = KafkaArguments::parse(kOptions, call.words);
  if (!parsed)
    return kafka_throw(call, "joptsimple.UnrecognizedOptionException", parsed.error().context);
  if (const auto code = kafka_help(
          call, *parsed,
          "This tool helps to delete records of the given partitions down to the specified offset.",
          kKafkaDeleteRecordsUsage))
    return *code;
  if (const auto missing = kafka_missing(*parsed, {"bootstrap-server", "offset-json-file"}))
    return kafka_usage(call, *missing, kKafkaDeleteRecordsUsage);
  return Command(call, *parsed).run();
}

}  // namespace semel::cli
