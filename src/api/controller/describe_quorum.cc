#include "gen/describe_quorum.h"

#include "api/controller/call.h"

namespace semel::api::controller {
namespace {

using Replica = gen::describe_quorum_response::ReplicaState;

void put_leader(Replica& replica, const quorum::Quorum& quorum, int64_t now_ms) {
  replica.replica_id = quorum.self().id;
  replica.replica_directory_id = quorum.self().directory;
  replica.log_end_offset = quorum.log_end().value;
  replica.last_fetch_timestamp = now_ms;
  replica.last_caught_up_timestamp = now_ms;
}

}  // namespace

rt::Task<bool> answer_describe_quorum(Call& call) {
  gen::DescribeQuorumRequest request;
  if (!read_request(call, request)) co_return false;
  gen::DescribeQuorumResponse response;
  const quorum::Quorum& quorum = call.node.quorum();
  const auto active = call.node.check_active();
  if (!active) {
    response.error_code = wire_code(active.error().code);
    co_return write_response(call, response);
  }
  for (const auto& asked : request.topics) {
    auto& topic = response.topics.append();
    topic.topic_name = asked.topic_name;
    for (const auto& index : asked.partitions) {
      auto& partition = topic.partitions.append();
      partition.partition_index = index.partition_index;
      if (asked.topic_name != "__cluster_metadata" || index.partition_index != 0) {
        partition.error_code = wire_code(ErrorCode::kUnknownTopicOrPartition);
        partition.error_message = "This server does not host this topic-partition.";
        continue;
      }
      partition.leader_id = quorum.leader_id();
      partition.leader_epoch = quorum.epoch().value;
      partition.high_watermark = quorum.high_watermark().value;
      put_leader(partition.current_voters.append(), quorum, call.node.home().clock().unix_ms());
      for (const auto& [who, progress] : quorum.observers()) {
        auto& observer = partition.observers.append();
        observer.replica_id = who.first;
        observer.replica_directory_id = progress.directory;
        observer.log_end_offset = progress.log_end.value;
        observer.last_fetch_timestamp = progress.last_fetch_ms;
        observer.last_caught_up_timestamp = progress.last_caught_up_ms;
      }
    }
  }
  constexpr int16_t kFirstWithNodes = 2;
  if (call.version < kFirstWithNodes) co_return write_response(call, response);
  auto& node = response.nodes.append();
  node.node_id = quorum.self().id;
  for (const auto& endpoint : quorum.self().endpoints) {
    auto& listener = node.listeners.append();
    listener.name = endpoint.listener;
    listener.host = endpoint.host;
    listener.port = endpoint.port;
  }
  co_return write_response(call, response);
}

}  // namespace semel::api::controller
