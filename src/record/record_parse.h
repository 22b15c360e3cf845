// The one parser of a v2 record's fields, over two kinds of bytes: a span, and a stream of chunks
// whose bytes are skipped rather than kept. Internal to this folder.
//
//   length varint | attributes i8 | timestamp delta varlong | offset delta varint |
//   key length varint, key | value length varint, value |
//   header count varint, { key length varint, key, value length varint, value }
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "bytes/buffer.h"

namespace semel::record {

inline constexpr int kVarintBytesMax = 5;
inline constexpr int kVarlongBytesMax = 10;

/// Where the parts of a record lie; pointers are null when the bytes were skipped.
struct RecordFields {
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  int32_t key_size = -1;    // negative = null
  int32_t value_size = -1;  // negative = null
  int32_t header_count = 0;
  const std::byte* key = nullptr;
  const std::byte* value = nullptr;
  const std::byte* headers = nullptr;
  const std::byte* headers_end = nullptr;
};

/// A cursor over the body of one record that lies in memory.
class SpanCursor {
 public:
  SpanCursor(const std::byte* at, const std::byte* end) : at_(at), end_(end) {}

  bool failed() const { return failed_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const std::byte* at() const { return at_; }
  uint8_t take_byte() {
    if (at_ == end_) [[unlikely]] {
      failed_ = true;
      return 0;
    }
    return static_cast<uint8_t>(*at_++);
  }
  void skip(size_t count) {
    if (remaining() < count) [[unlikely]] {
      failed_ = true;
      at_ = end_;
      return;
    }
    at_ += count;
  }

 private:
  const std::byte* at_;
  const std::byte* end_;
  bool failed_ = false;
};

/// Zig-zag of 32 bits. Sets `malformed` if a fifth byte has its high bit set.
template <class Cursor>
[[gnu::always_inline]] inline int32_t take_varint(Cursor& cursor, bool& malformed) {
  uint32_t raw = cursor.take_byte();
  if (raw >= 0x80) {
    const uint32_t second = cursor.take_byte();
    raw = (raw & 0x7f) | (second & 0x7f) << 7;
    for (int i = 2; second >= 0x80; ++i) {
      const uint32_t byte = cursor.take_byte();
      raw |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) break;
      if (i == kVarintBytesMax - 1) {
        malformed = true;
        break;
      }
    }
  }
  return static_cast<int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

/// Zig-zag of 64 bits. Sets `malformed` if a tenth byte has its high bit set.
template <class Cursor>
[[gnu::always_inline]] inline int64_t take_varlong(Cursor& cursor, bool& malformed) {
  uint64_t raw = cursor.take_byte();
  if (raw >= 0x80) {
    const uint64_t second = cursor.take_byte();
    raw = (raw & 0x7f) | (second & 0x7f) << 7;
    for (int i = 2; second >= 0x80; ++i) {
      const uint64_t byte = cursor.take_byte();
      raw |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) break;
      if (i == kVarlongBytesMax - 1) {
        malformed = true;
        break;
      }
    }
  }
  return static_cast<int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

/// Reads the body of one record (what follows its length field) and checks that it is used up
/// exactly. Null if it is well-formed, else what is wrong (static text).
template <class Cursor>
inline const char* parse_record_body(Cursor& cursor, RecordFields& fields) {
  bool malformed = false;
  cursor.take_byte();
  fields.timestamp_delta = take_varlong(cursor, malformed);
  fields.offset_delta = take_varint(cursor, malformed);
  fields.key_size = take_varint(cursor, malformed);
  fields.key = cursor.at();
  if (fields.key_size > 0) cursor.skip(static_cast<size_t>(fields.key_size));
  fields.value_size = take_varint(cursor, malformed);
  fields.value = cursor.at();
  if (fields.value_size > 0) cursor.skip(static_cast<size_t>(fields.value_size));
  fields.header_count = take_varint(cursor, malformed);
  if (fields.header_count < 0) return "a record has a negative number of headers";
  if (static_cast<size_t>(fields.header_count) > cursor.remaining())
    return "a record has more headers than bytes";
  fields.headers = cursor.at();
  for (int32_t i = 0; i < fields.header_count; ++i) {
    const int32_t key_size = take_varint(cursor, malformed);
    if (key_size < 0) return "a header key has a negative length";
    cursor.skip(static_cast<size_t>(key_size));
    const int32_t value_size = take_varint(cursor, malformed);
    if (value_size > 0) cursor.skip(static_cast<size_t>(value_size));
    if (cursor.failed()) break;
  }
  fields.headers_end = cursor.at();
  if (malformed) return "a variable-length number is too long";
  if (cursor.failed()) return "a field passes the end of its record";
  if (cursor.remaining() != 0) return "bytes are left over inside a record";
  return nullptr;
}

/// Bytes that parse_plain_record may read behind the end of the record it is given.
inline constexpr std::ptrdiff_t kPlainRecordSlack = 32;

/// A zig-zag number of up to three bytes, before the zig-zag is undone. False if it is longer.
[[gnu::always_inline]] inline bool take_short_varint(const std::byte*& at, uint32_t& raw) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(at[i]); };
  raw = byte(0);
  if (raw < 0x80) [[likely]] {
    at += 1;
    return true;
  }
  raw = (raw & 0x7f) | byte(1) << 7;
  if (byte(1) < 0x80) {
    at += 2;
    return true;
  }
  const uint32_t third = byte(2);
  raw = (raw & 0x3fff) | third << 14;
  at += 3;
  return third < 0x80;
}
constexpr int32_t undo_zigzag(uint32_t raw) {
  return static_cast<int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

/// The quick way through the common record: no headers, numbers of at most three bytes. At least
/// kPlainRecordSlack bytes behind `end` must be readable. False: parse_record_body must decide,
/// about records that are damaged too; `fields` are then unspecified.
[[gnu::always_inline]] inline bool parse_plain_record(const std::byte* at, const std::byte* end,
                                                      RecordFields& fields) {
  ++at;
  uint32_t timestamp;
  uint32_t offset;
  uint32_t key;
  uint32_t value;
  if (!take_short_varint(at, timestamp) || !take_short_varint(at, offset) ||
      !take_short_varint(at, key))
    return false;
  const uint32_t key_bytes = (key & 1) != 0 ? 0 : key >> 1;
  if (at > end || std::cmp_greater(key_bytes, end - at)) return false;
  at += key_bytes;
  if (!take_short_varint(at, value)) return false;
  const uint32_t value_bytes = (value & 1) != 0 ? 0 : value >> 1;
  if (end - at != static_cast<std::ptrdiff_t>(value_bytes) + 1) return false;
  at += value_bytes;
  fields.timestamp_delta = undo_zigzag(timestamp);
  fields.offset_delta = undo_zigzag(offset);
  fields.key_size = undo_zigzag(key);
  fields.value_size = undo_zigzag(value);
  return *at == std::byte{0};
}

}  // namespace semel::record
