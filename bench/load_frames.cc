#include "bench/load_frames.h"

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>
#include <poll.h>

#include "bench/load_socket.h"
#include "bytes/crc32c.h"
#include "bytes/reader.h"
#include "bytes/writer.h"
#include "gen/fetch.h"
#include "gen/init_producer_id.h"
#include "gen/produce.h"
#include "record/batch_builder.h"
#include "record/batch_header.h"
#include "wire/frame.h"

namespace semel::bench {
namespace {

constexpr int16_t kProduceVersion = 9;
constexpr int16_t kFetchVersion = 12;
constexpr int16_t kInitProducerIdVersion = 1;
constexpr size_t kTrailingTags = 3;  // of the partition, the topic and the request
constexpr size_t kCorrelationAt = 8;

template <class Request>
std::vector<std::byte> make_frame(const Request& request, int16_t version, int16_t header_version) {
  bytes::Writer writer;
  const wire::FrameStart start = wire::begin_frame(writer);
  wire::put_request_header(writer, {Request::kApiKey, version, 0, "load"}, header_version);
  const auto encoded = request.encode(writer, version);
  SEMEL_ASSERT(encoded.has_value());
  wire::end_frame(writer, start);
  const bytes::ByteSpan written = writer.written();
  return {written.begin(), written.end()};
}

int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Bytes that no codec would shrink, the same each time.
std::string noise(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525u + 1013904223u;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace

std::vector<std::byte> make_load_batch(const LoadOptions& options, int64_t producer_id) {
  record::BatchBuilder builder;
  record::BatchOptions batch_options;
  if (producer_id >= 0) {
    batch_options.producer_id = ProducerId{producer_id};
    batch_options.producer_epoch = ProducerEpoch{0};
    batch_options.base_sequence = Sequence{0};
  }
  builder.start(batch_options);
  const std::string value = noise(static_cast<size_t>(options.record_bytes));
  record::RecordInput record;
  record.timestamp = wall_clock_ms();  // older ones would be due for retention
  record.value = bytes::as_bytes(value);
  const auto limit = static_cast<size_t>(options.batch_bytes);
  builder.append(record);
  while (builder.size() + record::BatchBuilder::size_bound(record) <= limit) builder.append(record);
  bytes::Compressor compressor;
  const auto batch = builder.finish(compressor);
  SEMEL_ASSERT(batch.has_value());
  return {batch->begin(), batch->end()};
}

ProduceFrame::ProduceFrame(const LoadOptions& options, const std::vector<std::byte>& batch)
    : batch_size_(batch.size()) {
  gen::ProduceRequest request;
  request.acks = static_cast<int16_t>(options.acks);
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.append();
  topic.name = options.topic;
  topic.partition_data.append().records = bytes::Buffer::copy_of(batch);
  bytes_ = make_frame(request, kProduceVersion, 2);
  batch_at_ = bytes_.size() - kTrailingTags - batch.size();
  partition_at_ = batch_at_ - bytes::uvarint_size(static_cast<uint32_t>(batch.size() + 1)) - 4;
  records_ =
      bytes::load_be<int32_t>(batch.data() + offsetof(record::BatchHeaderLayout, records_count));
}

void ProduceFrame::set_correlation(int32_t id) {
  bytes::store_be(bytes_.data() + kCorrelationAt, id);
}
void ProduceFrame::set_partition(int32_t partition) {
  bytes::store_be(bytes_.data() + partition_at_, partition);
}
void ProduceFrame::set_sequence(int32_t sequence) {
  patch_checked(offsetof(record::BatchHeaderLayout, base_sequence), sequence);
}
void ProduceFrame::set_producer(int64_t producer_id) {
  patch_checked(offsetof(record::BatchHeaderLayout, producer_id), producer_id);
}

template <class T>
void ProduceFrame::patch_checked(size_t at_in_batch, T value) {
  std::byte* batch = bytes_.data() + batch_at_;
  std::array<std::byte, sizeof(T)> difference;
  bytes::store_be(difference.data(),
                  static_cast<T>(bytes::load_be<T>(batch + at_in_batch) ^ value));
  bytes::store_be(batch + at_in_batch, value);
  std::byte* crc = batch + offsetof(record::BatchHeaderLayout, crc);
  bytes::store_be(crc, bytes::crc32c_patch(bytes::load_be<uint32_t>(crc), difference,
                                           batch_size_ - at_in_batch - sizeof(T)));
}

FetchFrame::FetchFrame(const LoadOptions& options, int32_t partition) {
  gen::FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = 50 << 20;
  auto& topic = request.topics.append();
  topic.topic = options.topic;
  auto& wanted = topic.partitions.append();
  wanted.partition = partition;
  wanted.partition_max_bytes = options.fetch_bytes;
  constexpr int64_t kMark = 0x0123456789abcdef;
  wanted.fetch_offset = kMark;
  bytes_ = make_frame(request, kFetchVersion, 2);
  while (bytes::load_be<int64_t>(bytes_.data() + offset_at_) != kMark) ++offset_at_;
}

void FetchFrame::set_correlation(int32_t id) {
  bytes::store_be(bytes_.data() + kCorrelationAt, id);
}
void FetchFrame::set_offset(int64_t offset) { bytes::store_be(bytes_.data() + offset_at_, offset); }

ProduceAnswer read_produce_answer(bytes::ByteSpan frame) {
  bytes::Reader reader(frame);
  ProduceAnswer answer;
  answer.correlation = reader.read_i32();
  reader.skip(2);                          // no tags, one topic
  reader.skip(reader.read_uvarint() - 1);  // its name
  reader.skip(1 + 4);                      // one partition, its index
  answer.error = reader.read_i16();
  answer.base_offset = reader.read_i64();
  SEMEL_ASSERT(reader.ok());
  return answer;
}

FetchAnswer read_fetch_answer(bytes::ByteSpan frame) {
  bytes::Reader reader(frame);
  FetchAnswer answer;
  answer.correlation = reader.read_i32();
  reader.skip(1 + 4);  // no tags, throttle time
  answer.error = reader.read_i16();
  reader.skip(4);  // session
  if (reader.read_uvarint() < 2) return answer;
  reader.skip(reader.read_uvarint() - 1);
  reader.skip(1 + 4);
  if (const int16_t error = reader.read_i16(); error != 0) answer.error = error;
  answer.high_watermark = reader.read_i64();
  reader.skip(8 + 8);  // last stable and log start offset
  const uint32_t aborted = reader.read_uvarint();
  SEMEL_ASSERT(aborted <= 1);
  reader.skip(4);  // preferred replica
  const uint32_t size = reader.read_uvarint();
  if (size == 0) return answer;
  answer.record_bytes = size - 1;
  bytes::ByteSpan records = reader.read_span(size - 1);
  SEMEL_ASSERT(reader.ok());
  while (records.size() >= record::kBatchHeaderSize) {
    const auto length = bytes::load_be<uint32_t>(records.data() +
                                                 offsetof(record::BatchHeaderLayout, batch_length));
    if (records.size() < record::kLogOverhead + length) break;
    answer.records +=
        1 + bytes::load_be<int32_t>(records.data() +
                                    offsetof(record::BatchHeaderLayout, last_offset_delta));
    ++answer.batches;
    records = records.subspan(record::kLogOverhead + length);
  }
  return answer;
}

int64_t new_producer_id(uint16_t port) {
  gen::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.transaction_timeout_ms = 60'000;
  const std::vector<std::byte> frame = make_frame(request, kInitProducerIdVersion, 1);
  LoadSocket socket(port);
  socket.queue(frame);
  socket.flush();
  bytes::ByteSpan answer;
  while (answer.empty()) {
    pollfd wait{socket.fd(), POLLIN, 0};
    ::poll(&wait, 1, 1000);
    SEMEL_ASSERT(socket.receive());
    answer = socket.next_frame();
  }
  bytes::Reader reader(answer);
  reader.skip(4);
  gen::InitProducerIdResponse response;
  const auto decoded = response.decode(reader, kInitProducerIdVersion);
  SEMEL_ASSERT(decoded.has_value());
  if (response.error_code != 0) {
    fmt::print(stderr, "semel_load: the broker gives no producer id, error {}\n",
               response.error_code);
    std::exit(1);
  }
  return response.producer_id;
}

}  // namespace semel::bench
