#include "gen/delete_records.h"

#include "api/broker/partition_finder.h"
#include "api/broker/small_handlers.h"
#include "api/broker/topic_names.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

constexpr int64_t kUpToHighWatermark = -1;
constexpr int64_t kNoLowWatermark = -1;

/// The new low watermark. While every partition has one replica, it is the leader's log start.
std::expected<int64_t, ErrorCode> delete_before(replica::Partition& partition, int64_t asked) {
  if (is_internal_topic(partition.name().topic))
    return std::unexpected(ErrorCode::kInvalidTopicException);
  const ErrorCode code = partition.check_leadership();
  if (code != ErrorCode::kNone) return std::unexpected(code);
  log::Log& log = partition.log();
  if (!log.config().deletes) return std::unexpected(ErrorCode::kPolicyViolation);
  const Offset before = asked == kUpToHighWatermark ? log.high_watermark() : Offset{asked};
  if (before < Offset{0}) return std::unexpected(ErrorCode::kOffsetOutOfRange);
  const auto deleted = log.delete_records_before(before);
  if (!deleted) return std::unexpected(code_for_data(deleted.error()));
  return log.log_start().value;
}

}  // namespace

Progress DeleteRecordsHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::DeleteRecordsRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  const PartitionFinder finder(services_, context, security::Operation::kDelete);
  gen::DeleteRecordsResponse response;
  for (const auto& asked : request.topics) {
    auto& topic = response.topics.append();
    topic.name = asked.name;
    for (const auto& partition : asked.partitions) {
      auto& answer = topic.partitions.append();
      answer.partition_index = partition.partition_index;
      const auto found = finder.find(asked.name, partition.partition_index);
      const auto low =
          found ? delete_before(**found, partition.offset) : std::unexpected(found.error());
      answer.low_watermark = low.value_or(kNoLowWatermark);
      if (!low) answer.error_code = wire_code(low.error());
    }
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
