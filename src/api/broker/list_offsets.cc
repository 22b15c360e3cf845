#include "api/broker/list_offsets.h"

#include "api/broker/partition_finder.h"
#include "api/wire_code.h"
#include "bytes/reader.h"
#include "rt/blocking.h"

namespace semel::api::broker {
namespace {

using Answer = gen::ListOffsetsResponse::ListOffsetsPartitionResponse;
using Asked = gen::ListOffsetsRequest::ListOffsetsPartition;

enum SpecialTimestamp : int64_t {
  kLatest = -1,
  kEarliest = -2,
  kMaxTimestamp = -3,
  kEarliestLocal = -4,
  kLatestTiered = -5,
  kEarliestPendingUpload = -6,
};

/// Versions that know a special timestamp; older ones are refused as unsupported.
int16_t first_version_of(int64_t timestamp) {
  switch (timestamp) {
    case kMaxTimestamp:
      return 7;
    case kEarliestLocal:
      return 8;
    case kLatestTiered:
      return 9;
    case kEarliestPendingUpload:
      return 11;
    default:
      return 0;
  }
}

bool needs_reading(int64_t timestamp) { return timestamp >= 0 || timestamp == kMaxTimestamp; }

struct Job {
  Asked asked;
  std::shared_ptr<replica::Partition> partition;
  Answer* answer = nullptr;
};

void put(const Result<log::TimestampAndOffset>& found, Answer& answer) {
  if (!found) {
    answer.error_code = wire_code(code_for_data(found.error()));
    return;
  }
  answer.timestamp = found->timestamp;
  answer.offset = found->offset.value;
  answer.leader_epoch = found->leader_epoch.value;
}

/// Blocks if needs_reading().
void look(const Job& job, replica::Isolation isolation, int16_t version) {
  Answer& answer = *job.answer;
  const int64_t timestamp = job.asked.timestamp;
  log::Log& log = job.partition->log();
  const LeaderEpoch current{job.asked.current_leader_epoch};
  const ErrorCode code = job.partition->check_leadership(current);
  if (code != ErrorCode::kNone) {
    answer.error_code = wire_code(code);
    return;
  }
  if (version < first_version_of(timestamp) || timestamp < kEarliestPendingUpload) {
    answer.error_code = wire_code(ErrorCode::kUnsupportedVersion);
    return;
  }
  switch (timestamp) {
    case kLatest: {
      const auto latest = job.partition->latest_offset(isolation, current);
      if (!latest) {
        answer.error_code = wire_code(latest.error().code);
        return;
      }
      answer.offset = latest->value;
      answer.leader_epoch = job.partition->leader_epoch().value;
      return;
    }
    case kEarliest:
    case kEarliestLocal:
      answer.offset = log.log_start().value;
      answer.leader_epoch = log.epoch_of(log.log_start()).value;
      return;
    case kMaxTimestamp:
      return put(log.max_timestamp(), answer);
    case kLatestTiered:
    case kEarliestPendingUpload:
      return;  // nothing is tiered: offset −1
    default:
      return put(job.partition->offset_for_timestamp(timestamp, isolation), answer);
  }
}

/// Leader epochs came with version 4; a value in an older answer has no form.
void drop_epochs(gen::ListOffsetsResponse& response, int16_t version) {
  constexpr int16_t kFirstWithEpoch = 4;
  if (version >= kFirstWithEpoch) return;
  for (auto& topic : response.topics)
    for (Answer& answer : topic.partitions) answer.leader_epoch = kNoLeaderEpoch.value;
}

}  // namespace

rt::Task<Progress> ListOffsetsHandler::run(RequestContext& context) {
  const int16_t version = context.header.version;
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::ListOffsetsRequest request;
  const auto decoded = request.decode(reader, version);
  if (!decoded) co_return Progress::kClose;

  const auto isolation = request.isolation_level == 1 ? replica::Isolation::kCommitted
                                                      : replica::Isolation::kUncommitted;
  const PartitionFinder finder(services_, context, security::Operation::kDescribe);
  gen::ListOffsetsResponse response;
  for (const auto& asked : request.topics) {
    auto& topic = response.topics.append();
    topic.name = asked.name;
    for (const Asked& partition : asked.partitions)
      topic.partitions.append().partition_index = partition.partition_index;
  }
  std::vector<Job> to_read;
  for (size_t t = 0; t < request.topics.size(); ++t) {
    for (size_t p = 0; p < request.topics[t].partitions.size(); ++p) {
      const Asked& asked = request.topics[t].partitions[p];
      Answer& answer = response.topics[t].partitions[p];
      auto found = finder.find(request.topics[t].name, asked.partition_index);
      if (!found) {
        answer.error_code = wire_code(found.error());
        continue;
      }
      const Job job{asked, std::move(*found), &answer};
      if (needs_reading(asked.timestamp))
        to_read.push_back(job);
      else
        look(job, isolation, version);
    }
  }
  if (!to_read.empty()) {
    const auto read_all = [&to_read, isolation, version] {
      for (const Job& job : to_read) look(job, isolation, version);
    };
    co_await rt::run_blocking(*services_.runtime.disk, context.executor(), read_all);
  }
  drop_epochs(response, version);
  context.respond(response);
  co_return Progress::kReady;
}

}  // namespace semel::api::broker
