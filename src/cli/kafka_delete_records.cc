// kafka-delete-records.sh
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cli/client_settings.h"
#include "cli/dump_printer.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"
#include "gen/delete_records.h"

namespace semel::cli {
namespace {

using Json = DumpPrinter::Json;

constexpr KafkaOption kOptions[] = {{"bootstrap-server", true},
                                    {"command-config", true},
                                    {"help"},
                                    {"offset-json-file", true},
                                    {"version"}};
constexpr uint64_t kFileMax = uint64_t{64} << 20;
constexpr int32_t kTimeoutMs = 30'000;

/// The file's rows, or an exception.
using Exception = KafkaException;
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
    if (!wanted) return kafka_throw(call_, wanted.error());
    std::set<TopicPartition> seen;
    for (const auto& [partition, offset] : *wanted)
      if (!seen.insert(partition).second)
        return kafka_throw(
            call_, {package() + "AdminCommandFailedException",
                    "Offset json file contains duplicate topic partitions: " + partition.to_text(),
                    {}});
    const auto done = remove(*wanted);
    if (done) return 0;
    return kafka_throw(call_, kafka_exception_of(done.error()));
  }

 private:
  /// Of the tool's own exceptions.
  std::string package() const { return call_.is_26() ? "kafka.admin." : "org.apache.kafka.tools."; }
  std::string operation_exception() const { return package() + "AdminOperationException"; }

  std::expected<Wanted, Exception> read() const {
    const std::string path = arguments_.last("offset-json-file");
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
    if (json.contains("version")) {
      const auto version = integer<int32_t>(json["version"]);
      if (!version) return std::unexpected(version.error());
      if (*version != 1)
        return throw_it(operation_exception(),
                        fmt::format("Not supported version field value {}", *version));
    }
    if (!json.contains("partitions"))
      return throw_it(operation_exception(), "Missing partitions field");
    const Json& rows = json["partitions"];
    if (!rows.is_array())
      return mismatch(fmt::format("Expected JSON array, received {}", json_text(rows)));
    Wanted wanted;
    for (const Json& row : rows) {
      auto one = read_row(row);
      if (!one) return std::unexpected(one.error());
      wanted.push_back(*std::move(one));
    }
    return wanted;
  }

  static std::unexpected<Exception> mismatch(std::string text) {
    return throw_it("com.fasterxml.jackson.databind.JsonMappingException", std::move(text));
  }

  /// Error: what Kafka's JSON reader throws at another type, or at a number out of range.
  template <class Int>
  std::expected<Int, Exception> integer(const Json& json) const {
    const bool is_signed = json.is_number_integer() && !json.is_number_unsigned();
    if (is_signed && std::in_range<Int>(json.get<int64_t>()))
      return static_cast<Int>(json.get<int64_t>());
    if (json.is_number_unsigned() && std::in_range<Int>(json.get<uint64_t>()))
      return static_cast<Int>(json.get<uint64_t>());
    const std::string_view name = sizeof(Int) == 8 ? "Long" : call_.is_26() ? "Int" : "Integer";
    return mismatch(fmt::format("Expected `{}` value, received {}", name, json_text(json)));
  }

  std::expected<Wanted::value_type, Exception> read_row(const Json& row) const {
    if (!row.is_object())
      return mismatch(fmt::format("Expected JSON object, received {}", json_text(row)));
    for (const char* field : {"topic", "partition", "offset"})
      if (!row.contains(field)) return mismatch(fmt::format("No such field exists: `{}`", field));
    if (!row["topic"].is_string())
      return mismatch(fmt::format("Expected `String` value, received {}", json_text(row["topic"])));
    const auto partition = integer<int32_t>(row["partition"]);
    if (!partition) return std::unexpected(partition.error());
    const auto offset = integer<int64_t>(row["offset"]);
    if (!offset) return std::unexpected(offset.error());
    return std::pair(TopicPartition{row["topic"].get<std::string>(), PartitionIndex{*partition}},
                     *offset);
  }

  struct Answer {
    int64_t low_watermark = -1;
    ErrorCode code = ErrorCode::kNone;
  };
  using Answers = std::map<TopicPartition, Answer>;

  /// Asks one leader.
  static Result<Answers> ask(ApiCaller& leader, const std::map<TopicPartition, int64_t>& offsets) {
    gen::DeleteRecordsRequest request;
    request.timeout_ms = kTimeoutMs;
    for (const auto& [partition, offset] : offsets) {
      const bool is_same_topic =
          !request.topics.empty() && request.topics.back().name == partition.topic;
      auto& topic = is_same_topic ? request.topics.back() : request.topics.append();
      topic.name = partition.topic;
      auto& asked = topic.partitions.append();
      asked.partition_index = partition.partition.value;
      asked.offset = offset;
    }
    SEMEL_TRY(const auto response, call_api<gen::DeleteRecordsResponse>(leader, request));
    Answers answers;
    for (const auto& topic : response.topics)
      for (const auto& partition : topic.partitions)
        answers[{topic.name, PartitionIndex{partition.partition_index}}] = {
            partition.low_watermark, static_cast<ErrorCode>(partition.error_code)};
    return answers;
  }

  Result<void> remove(const Wanted& wanted) {
    SEMEL_TRY(const auto caller, kafka_connect(call_, arguments_));
    call_.output.out("Executing records delete operation\n");
    const std::map<TopicPartition, int64_t> offsets(wanted.begin(), wanted.end());
    LeaderCalls::Partitions partitions;
    for (const auto& [partition, offset] : offsets) partitions.push_back(partition);
    Answers answers;
    const auto ask_leader = [&](ApiCaller& leader, const auto& own) -> Result<LeaderCalls::Codes> {
      std::map<TopicPartition, int64_t> asked;
      for (const TopicPartition& partition : own) asked[partition] = offsets.at(partition);
      SEMEL_TRY(const auto told, ask(leader, asked));
      LeaderCalls::Codes codes;
      for (const auto& [partition, answer] : told) {
        codes[partition] = answer.code;
        answers[partition] = answer;
      }
      return codes;
    };
    SEMEL_TRY(const auto failures, kafka_leader_calls(call_, arguments_, *caller)
                                       .ask({"deleteRecords", "DELETE_RECORDS", !call_.is_26()},
                                            partitions, ask_leader));
    call_.output.out("Records delete operation completed:\n");
    // Kafka's tool keeps the answers in a HashMap.
    std::vector<int32_t> hashes;
    for (const auto& [partition, offset] : wanted) hashes.push_back(java_partition_hash(partition));
    for (const size_t i : java_hash_order(hashes)) {
      const TopicPartition& partition = wanted[i].first;
      const auto failure = failures.find(partition);
      const Answer& answer = answers[partition];
      if (failure != failures.end())
        print(partition, "error: " + java_text(failure->second));
      else if (answer.code != ErrorCode::kNone)
        print(partition, "error: " + java_text({answer.code, java_message(answer.code)}));
      else
        print(partition, fmt::format("low_watermark: {}", answer.low_watermark));
    }
    return {};
  }

  void print(const TopicPartition& partition, std::string_view what) {
    call_.output.out(fmt::format("partition: {}\t{}\n", partition.to_text(), what));
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
};

}  // namespace

int run_kafka_delete_records(const KafkaCall& call) {
  const auto parsed = KafkaArguments::parse(kOptions, call.words);
  if (!parsed)
    return kafka_throw(call,
                       {"joptsimple.UnrecognizedOptionException", parsed.error().context, {}});
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
