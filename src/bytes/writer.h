// Writer: appends big-endian fields to bytes that it owns. clear() keeps the capacity, so that a
// recycled Writer does not allocate.
//
// A splice marks a place where bytes that are not in memory (a FileRange of a segment) belong: the
// Writer records position and size, and whoever sends the response interleaves them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "bytes/buffer.h"
#include "bytes/endian.h"

namespace semel::bytes {

class Writer {
 public:
  /// Bytes from elsewhere that belong before byte `position` of written().
  struct Splice {
    size_t position;
    uint32_t id;    // the caller's own number of the external range
    uint32_t size;  // bytes
  };

  void clear() {
    bytes_.clear();
    splices_.clear();
    spliced_bytes_ = 0;
  }
  void reserve(size_t count) { bytes_.reserve(count); }
  size_t size() const { return bytes_.size(); }
  ByteSpan written() const { return bytes_; }
  /// As written(), to be changed in place; valid until the next put.
  MutableByteSpan written_in_place() { return bytes_; }
  const std::vector<Splice>& splices() const { return splices_; }
  /// Bytes written plus bytes spliced.
  size_t total_size() const { return bytes_.size() + spliced_bytes_; }
  /// Gives the bytes away; the Writer is empty afterwards.
  Buffer take() {
    spliced_bytes_ = 0;
    splices_.clear();
    return Buffer::take(std::move(bytes_));
  }

  template <std::integral T>
  void put_be(T value) {
    store_be(grow(sizeof(T)), value);
  }
  void put_i8(int8_t v) { put_be(v); }
  void put_i16(int16_t v) { put_be(v); }
  void put_i32(int32_t v) { put_be(v); }
  void put_i64(int64_t v) { put_be(v); }
  void put_u16(uint16_t v) { put_be(v); }
  void put_u32(uint32_t v) { put_be(v); }
  void put_bool(bool v) { put_i8(v ? 1 : 0); }
  void put_f64(double v) { put_be(std::bit_cast<uint64_t>(v)); }
  void put_uuid(const Uuid& v) { put_bytes(std::as_bytes(std::span(v.bytes))); }
  void put_bytes(ByteSpan span) {
    if (!span.empty()) std::memcpy(grow(span.size()), span.data(), span.size());
  }
  void put_text(std::string_view text) { put_bytes(as_bytes(text)); }
  void put_uvarint(uint32_t value);
  void put_varint(int32_t value) {
    put_uvarint((static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
  }
  void put_varlong(int64_t value);
  void put_splice(uint32_t id, uint32_t size) {
    splices_.push_back({bytes_.size(), id, size});
    spliced_bytes_ += size;
  }

  /// Appends `count` bytes and hands them out to be filled; valid until the next put. With truncate()
  /// the way to let a library write its output here.
  MutableByteSpan extend(size_t count) { return {grow(count), count}; }
  /// Cuts the bytes behind `size` off; at most what is written, and no splice may lie behind it.
  void truncate(size_t size) {
    SEMEL_ASSERT(size <= bytes_.size() && (splices_.empty() || splices_.back().position <= size));
    bytes_.resize(size);
  }

  /// Overwrites bytes written earlier; [at, at + sizeof(T)) must exist.
  template <std::integral T>
  void patch_be(size_t at, T value) {
    SEMEL_ASSERT(at + sizeof(T) <= bytes_.size());
    store_be(bytes_.data() + at, value);
  }

 private:
  std::byte* grow(size_t count) {
    const size_t at = bytes_.size();
    bytes_.resize(at + count);
    return bytes_.data() + at;
  }

  std::vector<std::byte> bytes_;
  std::vector<Splice> splices_;
  size_t spliced_bytes_ = 0;
};

/// Bytes that put_uvarint writes for `value`: 1 … 5.
inline size_t uvarint_size(uint32_t value) {
  return 1 + static_cast<size_t>(31 - std::countl_zero(value | 1)) / 7;
}

}  // namespace semel::bytes
