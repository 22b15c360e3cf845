// Writer: appends big-endian fields to bytes that it owns. clear() keeps the capacity, so that a
// recycled Writer does not allocate.
//
// A splice marks a place where bytes that are not in memory (a FileRange of a segment) belong: the
// Writer records position and size, and whoever sends the response interleaves them.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
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

  Writer() = default;
  Writer(const Writer&) = default;
  Writer& operator=(const Writer&) = default;
  Writer(Writer&& other) noexcept
      : room_(std::move(other.room_)),
        size_(std::exchange(other.size_, 0)),
        splices_(std::move(other.splices_)),
        spliced_bytes_(std::exchange(other.spliced_bytes_, 0)) {}
  Writer& operator=(Writer&& other) noexcept {
    room_ = std::move(other.room_);
    size_ = std::exchange(other.size_, 0);
    splices_ = std::move(other.splices_);
    spliced_bytes_ = std::exchange(other.spliced_bytes_, 0);
    return *this;
  }

  void clear() {
    size_ = 0;
    splices_.clear();
    spliced_bytes_ = 0;
  }
  void reserve(size_t count) {
    if (count > room_.size()) room_.resize(count);
  }
  size_t size() const { return size_; }
  /// What it takes of the heap.
  size_t memory_bytes() const { return room_.capacity() + splices_.capacity() * sizeof(Splice); }
  ByteSpan written() const { return {room_.data(), size_}; }
  /// As written(), to be changed in place; valid until the next put.
  MutableByteSpan written_in_place() { return {room_.data(), size_}; }
  const std::vector<Splice>& splices() const { return splices_; }
  /// Bytes written plus bytes spliced.
  size_t total_size() const { return size_ + spliced_bytes_; }
  /// Gives the bytes away; the Writer is empty afterwards.
  Buffer take() {
    room_.resize(std::exchange(size_, 0));
    spliced_bytes_ = 0;
    splices_.clear();
    return Buffer::take(std::exchange(room_, {}));
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
  void put_uvarint(uint32_t value) {
    if (value < 0x80) [[likely]]
      *grow(1) = static_cast<std::byte>(value);
    else
      put_long_uvarint(value);
  }
  void put_varint(int32_t value) {
    put_uvarint((static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
  }
  void put_varlong(int64_t value);
  void put_splice(uint32_t id, uint32_t size) {
    splices_.push_back({size_, id, size});
    spliced_bytes_ += size;
  }

  /// Appends `count` bytes and hands them out to be filled; valid until the next put. With
  /// truncate() the way to let a library write its output here.
  MutableByteSpan extend(size_t count) { return {grow(count), count}; }
  /// Cuts the bytes behind `size` off; at most what is written, and no splice may lie behind it.
  void truncate(size_t size) {
    SEMEL_ASSERT(size <= size_ && (splices_.empty() || splices_.back().position <= size));
    size_ = size;
  }

  /// Overwrites bytes written earlier; [at, at + sizeof(T)) must exist.
  template <std::integral T>
  void patch_be(size_t at, T value) {
    SEMEL_ASSERT(at + sizeof(T) <= size_);
    store_be(room_.data() + at, value);
  }

 private:
  std::byte* grow(size_t count) {
    if (room_.size() - size_ < count) [[unlikely]]
      make_room(count);
    std::byte* place = room_.data() + size_;
    size_ += count;
    return place;
  }
  [[gnu::noinline]] void make_room(size_t count);
  void put_long_uvarint(uint32_t value);

  std::vector<std::byte> room_;  // of which size_ are written
  size_t size_ = 0;
  std::vector<Splice> splices_;
  size_t spliced_bytes_ = 0;
};

/// Bytes that put_uvarint writes for `value`: 1 … 5.
inline size_t uvarint_size(uint32_t value) {
  return 1 + static_cast<size_t>(31 - std::countl_zero(value | 1)) / 7;
}

}  // namespace semel::bytes
