#include "record/legacy.h"

#include <fmt/format.h>

#include "bytes/decompressor.h"
#include "bytes/reader.h"
#include "record/batch_iterator.h"

namespace semel::record {
namespace {

constexpr size_t kFieldsAtV0 = 18;
constexpr size_t kFieldsAtV1 = 26;

struct LegacyFields {
  std::optional<ByteSpan> key;
  std::optional<ByteSpan> value;
};

std::optional<ByteSpan> read_nullable(bytes::Reader& reader) {
  const int32_t size = reader.read_i32();
  if (size < 0) return std::nullopt;
  return reader.read_span(static_cast<size_t>(size));
}

/// Nothing if key and value do not fill the message exactly.
std::optional<LegacyFields> read_fields(const BatchView& message) {
  const size_t at = message.magic() == kMagicV0 ? kFieldsAtV0 : kFieldsAtV1;
  bytes::Reader reader(message.span().subspan(at));
  LegacyFields fields;
  fields.key = read_nullable(reader);
  fields.value = read_nullable(reader);
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  return fields;
}

}  // namespace

LegacyRecordIterator::LegacyRecordIterator(const BatchView& entry, const DecompressLimits& limits)
    : entry_(entry) {
  SEMEL_ASSERT(entry.is_legacy());
  if (entry_.is_compressed()) open_wrapper(limits);
}

void LegacyRecordIterator::open_wrapper(const DecompressLimits& limits) {
  const auto codec = entry_.codec();
  const auto fields = read_fields(entry_);
  if (!codec || *codec == CodecId::kZstd || !fields || !fields->value) {
    fail_with("a compressed message has no readable content");
    return;
  }
  bytes::Decompressor decompressor;
  decompressor.start(*codec, *fields->value, limits, entry_.magic() == kMagicV0);
  while (true) {
    const auto chunk = decompressor.next();
    if (!chunk) {
      fail_with(chunk.error().context);
      return;
    }
    if (chunk->empty()) break;
    inner_.insert(inner_.end(), chunk->begin(), chunk->end());
  }
  std::optional<Offset> last;
  BatchIterator messages(inner_);
  while (const auto message = messages.next()) {
    if (message->magic() != entry_.magic() || message->is_compressed()) {
      fail_with("a message inside a compressed one is of another magic or compressed itself");
      return;
    }
    last = message->base_offset();
  }
  if (messages.stop() != BatchStop::kEnd || !last) {
    fail_with(last ? messages.reason() : "a compressed message holds no message");
    return;
  }
  // Magic 1 counts from 0 inside, and the wrapper has the last record's offset; some old clients
  // leave the wrapper's offset at 0.
  if (entry_.magic() == kMagicV0 || entry_.base_offset() == Offset{0}) return;
  if (entry_.base_offset() < *last) {
    fail_with("a compressed message has a lower offset than its content");
    return;
  }
  inner_base_ = entry_.base_offset().value - std::max<int64_t>(last->value, 0);
}

bool LegacyRecordIterator::next(RecordView& record) {
  if (is_done_ || !failure_.empty()) return false;
  if (!entry_.is_compressed()) {
    is_done_ = true;
    return read_message(entry_, record);
  }
  BatchIterator messages(ByteSpan(inner_).subspan(position_));
  const auto message = messages.next();
  if (!message) {
    is_done_ = true;
    return false;
  }
  position_ += message->size();
  if (!message->crc_is_right()) return fail_with("a message inside a compressed one is damaged");
  if (!read_message(*message, record)) return false;
  record.offset = Offset{static_cast<int64_t>(static_cast<uint64_t>(inner_base_) +
                                              static_cast<uint64_t>(record.offset.value))};
  if (entry_.timestamp_type() == TimestampType::kLogAppendTime)
    record.timestamp = entry_.max_timestamp();
  return true;
}

bool LegacyRecordIterator::read_message(const BatchView& message, RecordView& record) {
  const auto fields = read_fields(message);
  if (!fields) return fail_with("key and value do not fill a message exactly");
  record = {};
  record.offset = message.base_offset();
  record.timestamp = message.max_timestamp();
  record.key = fields->key;
  record.value = fields->value;
  record.size = static_cast<int32_t>(message.size());
  crc_ = message.crc();
  crc_is_right_ = message.crc_is_right();
  return true;
}

bool LegacyRecordIterator::fail_with(std::string why) {
  failure_ = std::move(why);
  return false;
}

Result<void> LegacyRecordIterator::status() const {
  if (failure_.empty()) return {};
  return fail(ErrorCode::kCorruptMessage,
              fmt::format("the message at offset {}: {}", entry_.base_offset().value, failure_));
}

}  // namespace semel::record
