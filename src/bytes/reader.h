// Reader: a cursor over bytes from outside. The first failure sticks: later reads return zero
// values, and the caller checks ok() once. A read never passes the end and never allocates for a
// length that the remaining bytes cannot hold.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "bytes/buffer.h"
#include "bytes/endian.h"

namespace semel::bytes {

class Reader {
 public:
  explicit Reader(ByteSpan bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}
  /// As above; slices taken by read_buffer share the storage of `buffer`, which must outlive *this.
  explicit Reader(const Buffer& buffer) : Reader(buffer.span()) { owner_ = &buffer; }

  bool ok() const { return failure_ == nullptr; }
  /// What the first failure was (static text), or null.
  const char* failure() const { return failure_; }
  /// Notes a failure found by the caller; `why` must be a literal.
  void fail(const char* why) {
    if (failure_ == nullptr) failure_ = why;
    at_ = end_;
  }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  ByteSpan rest() const { return {at_, remaining()}; }

  template <std::integral T>
  T read_be() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail("the bytes end early");
      return T{};
    }
    T value = load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  int8_t read_i8() { return read_be<int8_t>(); }
  int16_t read_i16() { return read_be<int16_t>(); }
  int32_t read_i32() { return read_be<int32_t>(); }
  int64_t read_i64() { return read_be<int64_t>(); }
  uint16_t read_u16() { return read_be<uint16_t>(); }
  uint32_t read_u32() { return read_be<uint32_t>(); }
  bool read_bool() { return read_i8() != 0; }
  double read_f64() { return std::bit_cast<double>(read_be<uint64_t>()); }
  Uuid read_uuid();

  /// Unsigned base-128, at most five bytes (formats: uvarint).
  uint32_t read_uvarint();
  /// Zig-zag of 32 bits, at most five bytes.
  int32_t read_varint() {
    const uint32_t raw = read_uvarint();
    return static_cast<int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
  }
  /// Zig-zag of 64 bits, at most ten bytes.
  int64_t read_varlong();

  /// The next `count` bytes in place.
  ByteSpan read_span(size_t count) {
    if (remaining() < count) [[unlikely]] {
      fail("a length is greater than the bytes that are left");
      return {};
    }
    ByteSpan span{at_, count};
    at_ += count;
    return span;
  }
  std::string_view read_text(size_t count) { return as_text(read_span(count)); }
  /// The next `count` bytes as a slice of the owning Buffer (a copy if there is none).
  Buffer read_buffer(size_t count) {
    const ByteSpan span = read_span(count);
    return owner_ != nullptr ? owner_->share(span) : Buffer::copy_of(span);
  }
  void skip(size_t count) { read_span(count); }

 private:
  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  const Buffer* owner_ = nullptr;
  const char* failure_ = nullptr;
};

}  // namespace semel::bytes
