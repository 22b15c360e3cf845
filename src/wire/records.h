// Records: the field of a message that carries record batches. Null, bytes in memory, or bytes that
// lie elsewhere (a range of a segment file): then the encoder writes their length and leaves a
// splice in the Writer for whoever sends the frame.
#pragma once

#include <cstdint>
#include <utility>

#include "bytes/buffer.h"

namespace semel::wire {

class Records {
 public:
  /// Null.
  Records() = default;
  Records(bytes::Buffer bytes)  // NOLINT: bytes are records
      : buffer_(std::move(bytes)), kind_(Kind::kInline) {}
  /// `size` bytes known to the sender of the frame as number `id` (bytes::Writer::Splice).
  static Records external(uint32_t id, uint32_t size) {
    Records records;
    records.kind_ = Kind::kExternal;
    records.id_ = id;
    records.external_size_ = size;
    return records;
  }

  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_external() const { return kind_ == Kind::kExternal; }
  size_t size() const { return is_external() ? external_size_ : buffer_.size(); }
  /// The bytes in memory; empty if null or external.
  const bytes::Buffer& buffer() const { return buffer_; }
  /// Gives the bytes in memory away and leaves null.
  bytes::Buffer take() {
    kind_ = Kind::kNull;
    return std::exchange(buffer_, {});
  }
  uint32_t external_id() const { return id_; }
  void reset() { *this = Records(); }

  bool operator==(const Records& other) const {
    if (kind_ != other.kind_) return false;
    if (is_external()) return id_ == other.id_ && external_size_ == other.external_size_;
    return buffer_ == other.buffer_;
  }

 private:
  enum class Kind : uint8_t { kNull, kInline, kExternal };

  bytes::Buffer buffer_;
  uint32_t id_ = 0;
  uint32_t external_size_ = 0;
  Kind kind_ = Kind::kNull;
};

}  // namespace semel::wire
