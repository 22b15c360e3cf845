#include "cli/leader_calls.h"

#include <fmt/format.h>

#include "cli/kafka_errors.h"
#include "rt/network.h"

namespace semel::cli {
namespace {

/// Why Java's client gives up a partition when Metadata says `code` about it or its topic.
std::string metadata_refusal(const TopicPartition& partition, ErrorCode code) {
  const std::string failed =
      fmt::format("Failed to fetch metadata for partition {} due to ", partition.to_text());
  if (code == ErrorCode::kTopicAuthorizationFailed) return failed + "topic authorization failure";
  const bool is_invalid = code == ErrorCode::kInvalidTopicException;
  return failed + fmt::format("{} topic `{}`", is_invalid ? "invalid" : "unexpected error for",
                              partition.topic);
}

}  // namespace

Result<LeaderCalls::Wanted> LeaderCalls::find_leaders(const std::set<TopicPartition>& partitions) {
  gen::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  for (const TopicPartition& partition : partitions)
    if (request.topics.empty() || request.topics.back().name != partition.topic)
      request.topics.append().name = partition.topic;
  SEMEL_TRY(const auto response, call_api<gen::MetadataResponse>(any_, request));
  std::map<int32_t, std::string> servers;
  for (const auto& broker : response.brokers)
    if (broker.port > 0 && broker.port <= 65'535)
      servers[broker.node_id] =
          rt::Address{broker.host, static_cast<uint16_t>(broker.port)}.to_text();
  Codes codes;
  std::map<TopicPartition, int32_t> leaders;
  for (const auto& topic : response.topics) {
    for (const TopicPartition& partition : partitions)
      if (partition.topic == topic.name)
        codes[partition] = static_cast<ErrorCode>(topic.error_code);
    for (const auto& told : topic.partitions) {
      const TopicPartition partition{topic.name.value_or(""), PartitionIndex{told.partition_index}};
      if (told.error_code != 0) codes[partition] = static_cast<ErrorCode>(told.error_code);
      leaders[partition] = told.leader_id;
    }
  }
  Wanted wanted;
  for (const TopicPartition& partition : partitions) {
    const auto told = codes.find(partition);
    const auto leader = leaders.find(partition);
    const ErrorCode code = told == codes.end() ? ErrorCode::kNone : told->second;
    const auto server = leader == leaders.end() ? servers.end() : servers.find(leader->second);
    if (code != ErrorCode::kNone && !error_is_retriable(code)) {
      wanted.refused[partition] = {code, metadata_refusal(partition, code)};
    } else if (code == ErrorCode::kNone && server != servers.end()) {
      wanted.by_server[server->second].push_back(partition);
    } else {
      const ErrorCode why = code == ErrorCode::kNone ? ErrorCode::kLeaderNotAvailable : code;
      wanted.leaderless[partition] = {why, java_message(why)};
    }
  }
  return wanted;
}

Result<void> LeaderCalls::ask_one(const std::string& server, const Partitions& partitions,
                                  const Ask& ask) {
  auto leader = connect_(server);
  Result<Codes> codes = leader ? ask(**leader, partitions) : fail(leader.error());
  if (!codes && !error_is_retriable(codes.error().code)) return fail(codes.error());
  for (const TopicPartition& partition : partitions) {
    const auto code = codes ? codes->find(partition) : Codes::iterator();
    if (!codes) {
      again_[partition] = codes.error();
    } else if (code == codes->end()) {
      again_[partition] = {ErrorCode::kUnknownServerError,
                           "the broker's answer does not tell about this partition"};
    } else if (code->second != ErrorCode::kNone && error_is_retriable(code->second)) {
      again_[partition] = {code->second, java_message(code->second)};
    }
  }
  return {};
}

Result<LeaderCalls::Failures> LeaderCalls::ask(const Name& name, const Partitions& partitions,
                                               const Ask& ask) {
  const rt::Instant began = any_.now();
  std::set<TopicPartition> left(partitions.begin(), partitions.end());
  Failures failures;
  while (!left.empty()) {
    SEMEL_TRY(Wanted wanted, find_leaders(left));
    for (const auto& [partition, why] : wanted.refused)
      failures[partition] = name.is_patient ? why : Error{why.code, java_message(why.code)};
    again_ = wanted.leaderless;
    for (const auto& [server, own] : wanted.by_server) SEMEL_CHECK(ask_one(server, own, ask));
    left.clear();
    for (const auto& [partition, why] : again_) left.insert(partition);
    if (left.empty()) break;
    if (!name.is_patient) {
      failures.merge(again_);
      break;
    }
    if (any_.pause_before_retry(began)) continue;
    for (const TopicPartition& partition : left)
      failures[partition] = {
          ErrorCode::kRequestTimedOut,
          fmt::format("Timed out waiting for a node assignment. Call: {}(api={})", name.call,
                      wanted.leaderless.contains(partition) ? "METADATA" : name.api)};
    break;
  }
  return failures;
}

}  // namespace semel::cli
