#include "bytes/writer.h"

#include <algorithm>

namespace semel::bytes {

void Writer::make_room(size_t count) {
  constexpr size_t kSmallest = 64;
  room_.resize(std::max({kSmallest, room_.size() * 2, size_ + count}));
}

void Writer::put_long_uvarint(uint32_t value) {
  while (value >= 0x80) {
    put_i8(static_cast<int8_t>(value | 0x80));
    value >>= 7;
  }
  put_i8(static_cast<int8_t>(value));
}

void Writer::put_varlong(int64_t value) {
  uint64_t raw = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (raw >= 0x80) {
    put_i8(static_cast<int8_t>(raw | 0x80));
    raw >>= 7;
  }
  put_i8(static_cast<int8_t>(raw));
}

}  // namespace semel::bytes
