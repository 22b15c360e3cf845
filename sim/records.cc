#include "records.h"

#include <algorithm>

#include <fmt/format.h>

#include "record/batch_iterator.h"
#include "record/record_iterator.h"

namespace semel::sim {

namespace {

constexpr uint64_t kMark = 0x73656d656c73696dull;  // "semelsim"
constexpr size_t kIdentity = 16;

}  // namespace

std::vector<std::byte> write_value(const RecordKey& key, size_t size) {
  std::vector<std::byte> value(std::max(size, kIdentity));
  bytes::store_be<uint64_t>(value.data(), kMark);
  bytes::store_be<uint16_t>(value.data() + 8, key.producer);
  bytes::store_be<uint16_t>(value.data() + 10, key.partition);
  bytes::store_be<uint32_t>(value.data() + 12, key.number);
  for (size_t i = kIdentity; i < value.size(); ++i)
    value[i] = static_cast<std::byte>((key.number * 31 + key.producer * 7 + i) & 0xff);
  return value;
}

std::optional<RecordKey> read_value(const std::optional<bytes::ByteSpan>& value) {
  if (!value || value->size() < kIdentity) return std::nullopt;
  if (bytes::load_be<uint64_t>(value->data()) != kMark) return std::nullopt;
  const RecordKey key{bytes::load_be<uint16_t>(value->data() + 8),
                      bytes::load_be<uint16_t>(value->data() + 10),
                      bytes::load_be<uint32_t>(value->data() + 12)};
  const auto expected = write_value(key, value->size());
  if (!std::equal(expected.begin(), expected.end(), value->begin())) return std::nullopt;
  return key;
}

bytes::Buffer RecordCodec::write(const BatchStamp& stamp, const RecordKey& first, int32_t count,
                                 size_t value_bytes) {
  record::BatchOptions options;
  options.codec = stamp.codec;
  options.producer_id = stamp.producer_id;
  options.producer_epoch = stamp.epoch;
  options.base_sequence = stamp.base_sequence;
  builder_.start(options);
  RecordKey key = first;
  for (int32_t i = 0; i < count; ++i, ++key.number) {
    const auto value = write_value(key, value_bytes);
    record::RecordInput input;
    input.timestamp = stamp.timestamp;
    input.value = bytes::ByteSpan(value);
    builder_.append(input);
  }
  const auto batch = builder_.finish(compressor_);
  SEMEL_ASSERT(batch.has_value(), "a batch of the simulator cannot be written");
  return bytes::Buffer::copy_of(*batch);
}

Result<void> RecordCodec::read(bytes::ByteSpan region, Offset& position,
                               const std::function<void(const RecordKey&, Offset)>& found) {
  record::BatchIterator batches(region);
  while (const auto batch = batches.next()) {
    if (!batch->crc_is_right())
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("wrong CRC at offset {}", batch->base_offset().value));
    record::RecordIterator records(*batch, scratch_);
    for (record::RecordView record; records.next(record);) {
      if (record.offset < position) continue;
      const auto key = read_value(record.value);
      if (!key)
        return fail(ErrorCode::kCorruptMessage,
                    fmt::format("no record of this run at offset {}", record.offset.value));
      found(*key, record.offset);
    }
    SEMEL_CHECK(records.status());
    position = batch->next_offset();
  }
  if (batches.stop() == record::BatchStop::kCorrupt || batches.stop() == record::BatchStop::kBlank)
    return fail(ErrorCode::kCorruptMessage, batches.reason());
  // Nobody would ever get past it (KIP-74).
  if (batches.stop() == record::BatchStop::kTorn && batches.position() == 0)
    return fail(ErrorCode::kCorruptMessage, "a piece of a batch and no whole one");
  return {};
}

}  // namespace semel::sim
