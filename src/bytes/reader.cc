#include "bytes/reader.h"

#include <algorithm>

namespace semel::bytes {

Uuid Reader::read_uuid() {
  Uuid id;
  const ByteSpan span = read_span(id.bytes.size());
  if (!span.empty()) std::memcpy(id.bytes.data(), span.data(), id.bytes.size());
  return id;
}

uint32_t Reader::read_uvarint() {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const auto byte = static_cast<uint8_t>(read_i8());
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail("a varint is longer than five bytes");
  return 0;
}

int64_t Reader::read_varlong() {
  uint64_t raw = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    const auto byte = static_cast<uint8_t>(read_i8());
    raw |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return static_cast<int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
  }
  fail("a varlong is longer than ten bytes");
  return 0;
}

}  // namespace semel::bytes
