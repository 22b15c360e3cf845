#include "gen/describe_producers.h"

#include <set>

#include "api/broker/partition_finder.h"
#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"
#include "bytes/writer.h"

namespace semel::api::broker {
namespace {

/// What Kafka does not count, in a tagged field that its tools skip: version, then nine varlongs.
/// docs/formats/describe-producers.md.
constexpr uint32_t kCountersTag = 10'000;
constexpr int8_t kCountersVersion = 1;

bytes::Buffer encode_counters(const log::ProducerView& producer) {
  const log::ProducerCounters& counters = producer.counters;
  bytes::Writer writer;
  writer.put_i8(kCountersVersion);
  for (const uint64_t count : {counters.duplicates, counters.duplicate_records, counters.reencoded,
                               counters.below_log_start, counters.gaps, counters.sequences_reused,
                               counters.epoch_bumps, counters.fenced})
    writer.put_varlong(static_cast<int64_t>(count));
  writer.put_varlong(producer.last_append_ms);
  return writer.take();
}

void put(const log::ProducerView& producer, gen::DescribeProducersResponse::ProducerState& answer) {
  answer.producer_id = producer.producer_id.value;
  answer.producer_epoch = producer.epoch.value;
  answer.last_sequence =
      producer.batches.empty() ? -1 : producer.batches.back().last_sequence.value;
  answer.last_timestamp = producer.timestamp_ms;
  answer.coordinator_epoch = producer.coordinator_epoch;
  answer.current_txn_start_offset = producer.txn_first_offset.value;
  answer.unknown_tags.set(kCountersTag, encode_counters(producer));
}

}  // namespace

Progress DescribeProducersHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::DescribeProducersRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  const PartitionFinder finder(services_, context, security::Operation::kRead);
  gen::DescribeProducersResponse response;
  // Each is answered once: an answer may be far larger than its question.
  std::set<std::pair<std::string_view, int32_t>> seen;
  for (const auto& asked : request.topics) {
    auto& topic = response.topics.append();
    topic.name = asked.name;
    for (const int32_t index : asked.partition_indexes) {
      if (!seen.emplace(asked.name, index).second) continue;
      auto& answer = topic.partitions.append();
      answer.partition_index = index;
      const auto found = finder.find(asked.name, index);
      const ErrorCode code = found ? (*found)->check_leadership() : found.error();
      answer.error_code = wire_code(code);
      if (code != ErrorCode::kNone) continue;
      const auto producers = (*found)->log().inspect_producers(
          [](const log::ProducerState& state) { return state.views(); });
      for (const log::ProducerView& producer : producers)
        put(producer, answer.active_producers.append());
    }
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
