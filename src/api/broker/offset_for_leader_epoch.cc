#include "gen/offset_for_leader_epoch.h"

#include "api/broker/partition_finder.h"
#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {

Progress OffsetForLeaderEpochHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::OffsetForLeaderEpochRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  const PartitionFinder finder(services_, context, security::Operation::kDescribe);
  gen::OffsetForLeaderEpochResponse response;
  for (const auto& asked_topic : request.topics) {
    auto& topic = response.topics.append();
    topic.topic = asked_topic.topic;
    for (const auto& asked : asked_topic.partitions) {
      auto& answer = topic.partitions.append();
      answer.partition = asked.partition;
      const auto found = finder.find(asked_topic.topic, asked.partition);
      const ErrorCode code =
          found ? (*found)->check_leadership(LeaderEpoch{asked.current_leader_epoch})
                : found.error();
      answer.error_code = wire_code(code);
      if (code != ErrorCode::kNone) continue;
      const log::EpochEndOffset end =
          (*found)->log().end_offset_for_epoch(LeaderEpoch{asked.leader_epoch});
      answer.leader_epoch = end.epoch.value;
      answer.end_offset = end.end_offset.value;
    }
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
