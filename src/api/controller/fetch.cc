#include "gen/fetch.h"

#include <algorithm>

#include "api/controller/call.h"

namespace semel::api::controller {
namespace {

constexpr int32_t kBytesMax = 8 << 20;
constexpr int32_t kWaitMax = 60'000;  // milliseconds
constexpr std::string_view kTopicName = "__cluster_metadata";

bool is_metadata_partition(const gen::FetchRequest& request, int16_t version) {
  constexpr int16_t kFirstWithTopicId = 13;
  if (request.topics.size() != 1 || request.topics[0].partitions.size() != 1) return false;
  const auto& topic = request.topics[0];
  const bool is_topic =
      version >= kFirstWithTopicId ? topic.topic_id == kMetadataTopicId : topic.topic == kTopicName;
  return is_topic && topic.partitions[0].partition == 0;
}

void put_verdict(gen::fetch_response::PartitionData& partition,
                 const cluster::EmbeddedController& node,
                 const cluster::EmbeddedController::Fetched& fetched) {
  using Kind = quorum::FetchVerdict::Kind;
  partition.high_watermark = fetched.high_watermark.value;
  partition.last_stable_offset = fetched.high_watermark.value;
  partition.log_start_offset = fetched.log_start.value;
  partition.current_leader.leader_id = node.quorum().leader_id();
  partition.current_leader.leader_epoch = node.quorum().epoch().value;
  partition.records = wire::Records(bytes::Buffer{});
  switch (fetched.verdict.kind) {
    case Kind::kError:
      partition.error_code = wire_code(fetched.verdict.error);
      break;
    case Kind::kDiverging:
      partition.diverging_epoch.epoch = fetched.verdict.point.epoch.value;
      partition.diverging_epoch.end_offset = fetched.verdict.point.end.value;
      break;
    case Kind::kSnapshot:
      partition.snapshot_id.epoch = fetched.verdict.point.epoch.value;
      partition.snapshot_id.end_offset = fetched.verdict.point.end.value;
      break;
    case Kind::kRecords:
      partition.records = wire::Records(fetched.records);
      break;
  }
}

}  // namespace

rt::Task<bool> answer_fetch(Call& call) {
  gen::FetchRequest request;
  if (!read_request(call, request)) co_return false;
  gen::FetchResponse response;
  if (request.cluster_id && *request.cluster_id != call.node.config().settings.cluster_id) {
    response.error_code = wire_code(ErrorCode::kInconsistentClusterId);
    co_return write_response(call, response);
  }
  if (!is_metadata_partition(request, call.version) ||
      request.topics[0].partitions[0].last_fetched_epoch < 0) {
    response.error_code = wire_code(ErrorCode::kInvalidRequest);
    co_return write_response(call, response);
  }
  const auto& asked = request.topics[0].partitions[0];
  constexpr int16_t kFirstWithReplicaState = 15;
  quorum::FetchAsk ask;
  ask.replica_id = call.version >= kFirstWithReplicaState ? request.replica_state.replica_id
                                                          : request.replica_id;
  ask.replica_directory = asked.replica_directory_id;
  ask.current_leader_epoch = LeaderEpoch{asked.current_leader_epoch};
  ask.fetch_offset = Offset{asked.fetch_offset};
  ask.last_fetched_epoch = LeaderEpoch{asked.last_fetched_epoch};
  const int32_t bytes_max =
      std::clamp(std::min(request.max_bytes, asked.partition_max_bytes), 1, kBytesMax);
  cluster::EmbeddedController::FetchLimits limits;
  limits.known_high_watermark = Offset{asked.high_watermark};
  limits.max_bytes = static_cast<size_t>(bytes_max);
  limits.max_wait = std::chrono::milliseconds(std::clamp(request.max_wait_ms, 0, kWaitMax));
  limits.cancel = &call.cancelled;
  const auto fetched = co_await call.node.fetch(ask, limits);
  auto& topic = response.responses.append();
  topic.topic = kTopicName;
  topic.topic_id = kMetadataTopicId;
  auto& partition = topic.partitions.append();
  partition.partition_index = 0;
  put_verdict(partition, call.node, fetched);
  constexpr int16_t kFirstWithEndpoints = 16;
  const auto& endpoints = call.node.config().settings.endpoints;
  if (call.version >= kFirstWithEndpoints && !endpoints.empty()) {
    auto& node = response.node_endpoints.append();
    node.node_id = call.node.config().settings.node_id;
    node.host = endpoints.front().host;
    node.port = endpoints.front().port;
  }
  co_return write_response(call, response);
}

}  // namespace semel::api::controller
