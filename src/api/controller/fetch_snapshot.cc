#include "gen/fetch_snapshot.h"

#include <algorithm>

#include "api/controller/call.h"

namespace semel::api::controller {

rt::Task<bool> answer_fetch_snapshot(Call& call) {
  gen::FetchSnapshotRequest request;
  if (!read_request(call, request)) co_return false;
  gen::FetchSnapshotResponse response;
  const bool is_ours =
      !request.cluster_id || *request.cluster_id == call.node.config().settings.cluster_id;
  if (!is_ours) {
    response.error_code = wire_code(ErrorCode::kInconsistentClusterId);
    co_return write_response(call, response);
  }
  if (request.topics.size() != 1 || request.topics[0].partitions.size() != 1) {
    response.error_code = wire_code(ErrorCode::kInvalidRequest);
    co_return write_response(call, response);
  }
  const auto& asked = request.topics[0].partitions[0];
  auto& topic = response.topics.append();
  topic.name = request.topics[0].name;
  auto& partition = topic.partitions.append();
  partition.index = asked.partition;
  partition.snapshot_id.end_offset = asked.snapshot_id.end_offset;
  partition.snapshot_id.epoch = asked.snapshot_id.epoch;
  partition.current_leader.leader_id = call.node.quorum().leader_id();
  partition.current_leader.leader_epoch = call.node.quorum().epoch().value;
  partition.unaligned_records = wire::Records(bytes::Buffer{});
  const auto piece = call.node.fetch_snapshot(
      LeaderEpoch{asked.current_leader_epoch},
      {Offset{asked.snapshot_id.end_offset}, LeaderEpoch{asked.snapshot_id.epoch}}, asked.position,
      static_cast<size_t>(std::clamp(request.max_bytes, 1, 8 << 20)));
  if (piece) {
    partition.size = piece->file_size;
    partition.position = asked.position;
    partition.unaligned_records = wire::Records(piece->bytes);
  } else {
    partition.error_code = wire_code(piece.error().code);
  }
  co_return write_response(call, response);
}

}  // namespace semel::api::controller
