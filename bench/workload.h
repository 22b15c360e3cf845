// What the measurements work on: producers with a past, batches, frames. Made the same way each
// time.
#pragma once

#include <string>
#include <vector>

#include "bytes/compressor.h"
#include "gen/produce.h"
#include "log/producer_state.h"
#include "record/batch_builder.h"
#include "wire/frame.h"

namespace semel::bench {

inline constexpr int64_t kNowMs = 1'700'000'000'000;
inline constexpr int32_t kPastBatches = 6;  // more than the window remembers

/// A batch of one record of producer `id`.
inline log::BatchIdentity batch_of(int64_t id, int32_t sequence) {
  log::BatchIdentity batch;
  batch.producer_id = ProducerId{id};
  batch.epoch = ProducerEpoch{0};
  batch.base_sequence = Sequence{sequence};
  batch.crc = static_cast<uint32_t>(sequence);
  return batch;
}

inline void append(log::ProducerState& state, const log::BatchIdentity& batch, int64_t offset) {
  const log::Decision decision = state.check(batch, {});
  state.applied(batch, decision, {Offset{offset}, Offset{offset}, kNowMs}, kNowMs);
}

/// `producers` producers, each of which has sent `batches` batches, one record each.
inline void fill(log::ProducerState& state, int64_t producers, int32_t batches) {
  int64_t offset = 0;
  for (int32_t sequence = 0; sequence < batches; ++sequence)
    for (int64_t id = 0; id < producers; ++id) append(state, batch_of(id, sequence), offset++);
}

/// A whole batch as a producer sends it; values are text that compresses about as JSON does.
inline std::vector<std::byte> make_batch(int32_t records, size_t value_bytes,
                                         record::CodecId codec) {
  record::BatchBuilder builder;
  record::BatchOptions options;
  options.codec = codec;
  options.producer_id = ProducerId{1000};
  options.producer_epoch = ProducerEpoch{0};
  options.base_sequence = Sequence{0};
  builder.start(options);
  uint32_t noise = 1;
  std::string value;
  for (int32_t i = 0; i < records; ++i) {
    value.clear();
    while (value.size() < value_bytes) {
      noise = noise * 1664525u + 1013904223u;
      value += "\"field\":" + std::to_string(noise >> 12) + ",";
    }
    value.resize(value_bytes);
    const std::string key = "key-" + std::to_string(i);
    record::RecordInput input;
    input.timestamp = kNowMs + i;
    input.key = bytes::as_bytes(key);
    input.value = bytes::as_bytes(value);
    builder.append(input);
  }
  bytes::Compressor compressor;
  const auto batch = builder.finish(compressor);
  SEMEL_ASSERT(batch.has_value());
  return {batch->begin(), batch->end()};
}

/// A Produce request of version 12 to one partition, with the size field.
inline bytes::Buffer make_produce_frame(const std::vector<std::byte>& batch) {
  gen::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.append();
  topic.name = "orders";
  topic.partition_data.append().records = bytes::Buffer::copy_of(batch);
  bytes::Writer writer;
  const wire::FrameStart start = wire::begin_frame(writer);
  wire::put_request_header(writer, {0, 12, 7, "producer-1"}, 2);
  const auto encoded = request.encode(writer, 12);
  SEMEL_ASSERT(encoded.has_value());
  wire::end_frame(writer, start);
  return writer.take();
}

}  // namespace semel::bench
