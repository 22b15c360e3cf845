#include "record/batch_builder.h"

#include <algorithm>

namespace semel::record {
namespace {

using bytes::store_be;
using bytes::Writer;

/// Greatest overhead of one record without headers: length 5, attributes 1, deltas 10 + 5, and the
/// lengths of key and value and the header count.
constexpr size_t kRecordOverheadMax = 21 + 15;
constexpr size_t kHeaderOverheadMax = 10;

constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr size_t varint_size(int64_t value) {
  return 1 + static_cast<size_t>(63 - std::countl_zero(zigzag(value) | 1)) / 7;
}
size_t nullable_size(const std::optional<ByteSpan>& bytes) {
  if (!bytes) return varint_size(-1);
  return varint_size(static_cast<int64_t>(bytes->size())) + bytes->size();
}
void put_nullable(Writer& out, const std::optional<ByteSpan>& bytes) {
  out.put_varint(bytes ? static_cast<int32_t>(bytes->size()) : -1);
  if (bytes) out.put_bytes(*bytes);
}
int64_t wrapping_difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
size_t headers_size(std::span<const HeaderView> headers) {
  size_t size = varint_size(static_cast<int64_t>(headers.size()));
  for (const HeaderView& header : headers)
    size += varint_size(static_cast<int64_t>(header.key.size())) + header.key.size() +
            nullable_size(header.value);
  return size;
}
void put_headers(Writer& out, std::span<const HeaderView> headers) {
  out.put_varint(static_cast<int32_t>(headers.size()));
  for (const HeaderView& header : headers) {
    out.put_varint(static_cast<int32_t>(header.key.size()));
    out.put_text(header.key);
    put_nullable(out, header.value);
  }
}

}  // namespace

void BatchBuilder::start(const BatchOptions& options) {
  options_ = options;
  records_.clear();
  count_ = 0;
  last_delta_ = -1;
  base_timestamp_ = options.delete_horizon.value_or(kNoTimestamp);
  max_timestamp_ = kNoTimestamp;
}

void BatchBuilder::append(const RecordInput& record) { append_at(last_delta_ + 1, record); }

void BatchBuilder::append_at(int32_t offset_delta, const RecordInput& record) {
  write_record(offset_delta, record, nullptr);
}

void BatchBuilder::append_copy(int32_t offset_delta, const RecordView& record) {
  write_record(offset_delta,
               {.timestamp = record.timestamp, .key = record.key, .value = record.value}, &record);
}

size_t BatchBuilder::size_bound(const RecordInput& record) {
  size_t size = kRecordOverheadMax + (record.key ? record.key->size() : 0) +
                (record.value ? record.value->size() : 0);
  for (const HeaderView& header : record.headers)
    size += kHeaderOverheadMax + header.key.size() + (header.value ? header.value->size() : 0);
  return size;
}

void BatchBuilder::begin_record(int32_t offset_delta, int64_t timestamp) {
  SEMEL_ASSERT(offset_delta > last_delta_);
  if (count_ == 0 && !options_.delete_horizon) base_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  last_delta_ = offset_delta;
  ++count_;
}

void BatchBuilder::write_record(int32_t offset_delta, const RecordInput& record,
                                const RecordView* copied) {
  begin_record(offset_delta, record.timestamp);
  const int64_t timestamp_delta = wrapping_difference(record.timestamp, base_timestamp_);
  const size_t headers = copied != nullptr
                             ? varint_size(copied->header_count) + copied->header_bytes.size()
                             : headers_size(record.headers);
  const size_t body = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) +
                      nullable_size(record.key) + nullable_size(record.value) + headers;
  records_.put_varint(static_cast<int32_t>(body));
  records_.put_i8(0);
  records_.put_varlong(timestamp_delta);
  records_.put_varint(offset_delta);
  put_nullable(records_, record.key);
  put_nullable(records_, record.value);
  if (copied == nullptr) {
    put_headers(records_, record.headers);
    return;
  }
  records_.put_varint(copied->header_count);
  records_.put_bytes(copied->header_bytes);
}

void BatchBuilder::write_header(MutableByteSpan batch) const {
  int attributes = count_ == 0 ? 0 : static_cast<int>(options_.codec);
  if (options_.log_append_time) attributes |= kLogAppendTimeBit;
  if (options_.is_transactional) attributes |= kTransactionalBit;
  if (options_.is_control) attributes |= kControlBit;
  if (options_.delete_horizon) attributes |= kDeleteHorizonBit;
  const int64_t max_timestamp =
      options_.log_append_time.value_or(options_.max_timestamp.value_or(max_timestamp_));
  std::byte* at = batch.data();
  store_be(at + SEMEL_BATCH_FIELD(base_offset), options_.base_offset.value);
  store_be(at + SEMEL_BATCH_FIELD(batch_length), static_cast<int32_t>(batch.size() - kLogOverhead));
  store_be(at + SEMEL_BATCH_FIELD(leader_epoch), options_.leader_epoch.value);
  store_be(at + SEMEL_BATCH_FIELD(magic), kMagicV2);
  store_be(at + SEMEL_BATCH_FIELD(attributes), static_cast<int16_t>(attributes));
  store_be(at + SEMEL_BATCH_FIELD(last_offset_delta),
           options_.last_offset_delta.value_or(last_delta_));
  store_be(at + SEMEL_BATCH_FIELD(base_timestamp), base_timestamp_);
  store_be(at + SEMEL_BATCH_FIELD(max_timestamp), max_timestamp);
  store_be(at + SEMEL_BATCH_FIELD(producer_id), options_.producer_id.value);
  store_be(at + SEMEL_BATCH_FIELD(producer_epoch), options_.producer_epoch.value);
  store_be(at + SEMEL_BATCH_FIELD(base_sequence), options_.base_sequence.value);
  store_be(at + SEMEL_BATCH_FIELD(records_count), count_);
  stamp_crc(batch);
}

Result<MutableByteSpan> BatchBuilder::finish(bytes::Compressor& compressor) {
  SEMEL_ASSERT(options_.last_offset_delta.value_or(last_delta_) >= last_delta_);
  batch_.clear();
  batch_.extend(kBatchHeaderSize);
  const CodecId codec = count_ == 0 ? CodecId::kNone : options_.codec;
  const int level = codec == options_.codec && options_.level ? *options_.level
                                                              : bytes::codec_levels(codec).standard;
  SEMEL_CHECK(compressor.compress(codec, level, records_.written(), batch_));
  const MutableByteSpan batch = batch_.written_in_place();
  write_header(batch);
  return batch;
}

}  // namespace semel::record
