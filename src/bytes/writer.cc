#include "bytes/writer.h"

namespace semel::bytes {

void Writer::put_uvarint(uint32_t value) {
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
