#include "record/record_iterator.h"

#include <fmt/format.h>

namespace semel::record {
namespace {

int64_t wrapping_sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

std::optional<ByteSpan> nullable(const std::byte* at, int32_t size) {
  if (size < 0) return std::nullopt;
  return ByteSpan(at, static_cast<size_t>(size));
}

/// Bytes that the length field takes: the zig-zag of a non-negative number.
int32_t length_field_size(int32_t length) {
  int32_t size = 1;
  for (uint32_t rest = static_cast<uint32_t>(length) << 1; rest >= 0x80; rest >>= 7) ++size;
  return size;
}

}  // namespace

std::optional<HeaderView> HeaderCursor::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  bool malformed = false;
  SpanCursor cursor(bytes_.data(), bytes_.data() + bytes_.size());
  const auto key_size = static_cast<size_t>(take_varint(cursor, malformed));
  const std::byte* key = cursor.at();
  cursor.skip(key_size);
  const int32_t value_size = take_varint(cursor, malformed);
  const std::byte* value = cursor.at();
  if (value_size > 0) cursor.skip(static_cast<size_t>(value_size));
  SEMEL_ASSERT(!malformed && !cursor.failed(), "headers are checked before they are walked");
  bytes_ = bytes_.subspan(static_cast<size_t>(cursor.at() - bytes_.data()));
  return HeaderView{bytes::as_text({key, key_size}), nullable(value, value_size)};
}

RecordIterator::RecordIterator(const BatchView& batch, RecordScratch& scratch,
                               const DecompressLimits& limits)
    : batch_(batch), feed_(batch, scratch, limits), left_(batch.records_count()) {
  SEMEL_ASSERT(!batch.is_legacy());
  if (left_ < 0) fail_at("the number of records is negative");
}

bool RecordIterator::next(RecordView& record) {
  if (failure_ != nullptr || feed_.failed()) return false;
  if (left_ == 0) {
    finish();
    return false;
  }
  const int32_t length = feed_.take_length();
  if (length < 0) return false;
  const ByteSpan body = feed_.take(static_cast<size_t>(length));
  if (feed_.failed()) return false;
  RecordFields fields;
  SpanCursor cursor(body.data(), body.data() + body.size());
  if (const char* why = parse_record_body(cursor, fields)) return fail_at(why);
  fill(record, fields);
  record.size = length + length_field_size(length);
  --left_;
  ++done_;
  return true;
}

void RecordIterator::fill(RecordView& record, const RecordFields& fields) const {
  record.offset = Offset{wrapping_sum(batch_.base_offset().value, fields.offset_delta)};
  record.offset_delta = fields.offset_delta;
  record.timestamp = batch_.timestamp_type() == TimestampType::kLogAppendTime
                         ? batch_.max_timestamp()
                         : wrapping_sum(batch_.base_timestamp(), fields.timestamp_delta);
  const Sequence base = batch_.base_sequence();
  record.sequence = base.value < 0 ? kNoSequence : base.plus(fields.offset_delta);
  record.key = nullable(fields.key, fields.key_size);
  record.value = nullable(fields.value, fields.value_size);
  record.header_count = fields.header_count;
  record.header_bytes = ByteSpan(fields.headers, fields.headers_end);
}

void RecordIterator::finish() {
  if (!feed_.at_end() && !feed_.failed()) fail_at("bytes are left over behind the last record");
}

bool RecordIterator::fail_at(const char* why) {
  failure_ = why;
  return false;
}

Result<void> RecordIterator::status() const {
  if (feed_.failed())
    return fail(feed_.error(), fmt::format("record {} of the batch at offset {}", done_,
                                           batch_.base_offset().value));
  if (failure_ != nullptr)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("record {} of the batch at offset {}: {}", done_,
                            batch_.base_offset().value, failure_));
  return {};
}

}  // namespace semel::record
