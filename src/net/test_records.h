// For tests: batches and the requests that carry them.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gen/fetch.h"
#include "gen/init_producer_id.h"
#include "gen/produce.h"
#include "record/batch_builder.h"
#include "record/batch_iterator.h"
#include "record/record_iterator.h"

namespace semel::net {

/// Who sends a batch; producer −1 = without idempotence.
struct TestProducer {
  int64_t id = -1;
  int16_t epoch = -1;
  int32_t sequence = -1;
};

inline bytes::Buffer batch_of(const std::vector<std::string>& values, TestProducer producer = {},
                              int64_t timestamp = 1'750'000'000'000,
                              record::BatchOptions options = {}) {
  options.producer_id = ProducerId{producer.id};
  options.producer_epoch = ProducerEpoch{producer.epoch};
  options.base_sequence = Sequence{producer.sequence};
  record::BatchBuilder builder;
  builder.start(options);
  for (const std::string& value : values) {
    record::RecordInput input;
    input.timestamp = timestamp;
    input.value = bytes::as_bytes(value);
    builder.append(input);
  }
  bytes::Compressor compressor;
  const auto batch = builder.finish(compressor);
  EXPECT_TRUE(batch.has_value());
  return bytes::Buffer::copy_of(bytes::ByteSpan(*batch));
}

inline gen::ProduceRequest produce_request(const std::string& topic, int32_t partition,
                                           bytes::Buffer batch, int16_t acks = -1) {
  gen::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 5000;
  auto& data = request.topic_data.append();
  data.name = topic;
  auto& records = data.partition_data.append();
  records.index = partition;
  records.records = wire::Records(std::move(batch));
  return request;
}

inline gen::FetchRequest fetch_request(const std::string& topic, int32_t partition,
                                       int64_t offset) {
  gen::FetchRequest request;
  request.max_wait_ms = 0;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  auto& data = request.topics.append();
  data.topic = topic;
  auto& asked = data.partitions.append();
  asked.partition = partition;
  asked.fetch_offset = offset;
  asked.partition_max_bytes = 1 << 20;
  return request;
}

inline gen::InitProducerIdRequest idempotent_id_request() {
  gen::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.transaction_timeout_ms = 0x7fffffff;
  return request;
}

/// The values of all whole batches in `bytes`.
inline std::vector<std::string> values_in(const bytes::Buffer& bytes) {
  std::vector<std::string> values;
  record::RecordScratch scratch;
  record::BatchIterator batches(bytes.span());
  while (const auto batch = batches.next()) {
    record::RecordIterator records(*batch, scratch);
    for (record::RecordView record; records.next(record);)
      values.emplace_back(record.value ? bytes::as_text(*record.value) : "(null)");
    EXPECT_TRUE(records.status().has_value());
  }
  return values;
}

}  // namespace semel::net
