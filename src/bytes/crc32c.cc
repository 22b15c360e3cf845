#include "bytes/crc32c.h"

#include <algorithm>
#include <array>
#include <limits>

#include <isa-l/crc.h>

namespace semel::bytes {
namespace {

// A CRC register is a polynomial over GF(2) modulo P, bit 31 = x^0 (reflected). Appending n zero
// bytes multiplies it by x^(8n) mod P.
constexpr uint32_t kCastagnoli = 0x82f63b78;

constexpr uint32_t times_x(uint32_t polynomial) {
  return (polynomial >> 1) ^ (kCastagnoli & (0u - (polynomial & 1)));
}
constexpr uint32_t times(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000; bit != 0; bit >>= 1, b = times_x(b))
    if ((a & bit) != 0) product ^= b;
  return product;
}

constexpr size_t kLengthBits = 32;
constexpr size_t kNibbles = 8;
/// What 2^k zero bytes do to a register, as a table per nibble of the register.
using ZeroBytes = std::array<std::array<uint32_t, 16>, kNibbles>;

constexpr ZeroBytes zero_bytes(uint32_t power) {
  ZeroBytes table{};
  uint32_t column = power;  // of register bit 31, then of the bits below
  for (size_t bit = 32; bit-- > 0; column = times_x(column))
    for (size_t nibble = 0; nibble < 16; ++nibble)
      if ((nibble >> (bit % 4) & 1) != 0) table[bit / 4][nibble] ^= column;
  return table;
}

constexpr std::array<ZeroBytes, kLengthBits> kZeroBytes = [] {
  std::array<ZeroBytes, kLengthBits> tables{};
  uint32_t power = 0x80000000 >> 8;
  for (ZeroBytes& table : tables) {
    table = zero_bytes(power);
    power = times(power, power);
  }
  return tables;
}();

uint32_t append_zeros(uint32_t crc_register, uint64_t count) {
  SEMEL_ASSERT(count >> kLengthBits == 0);
  for (size_t k = 0; count != 0; ++k, count >>= 1) {
    if ((count & 1) == 0) continue;
    uint32_t next = 0;
    for (size_t i = 0; i < kNibbles; ++i) next ^= kZeroBytes[k][i][crc_register >> (4 * i) & 15];
    crc_register = next;
  }
  return crc_register;
}

/// The bare register: no inversion before or after.
uint32_t run_register(ByteSpan bytes, uint32_t crc_register) {
  // ISA-L takes a non-const pointer that it only reads, and the length as an int.
  auto* at = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  size_t left = bytes.size();
  while (left != 0) {
    const size_t piece = std::min<size_t>(left, std::numeric_limits<int>::max());
    crc_register = crc32_iscsi(at, static_cast<int>(piece), crc_register);
    at += piece;
    left -= piece;
  }
  return crc_register;
}

}  // namespace

uint32_t crc32c(ByteSpan bytes, uint32_t seed) { return ~run_register(bytes, ~seed); }

uint32_t crc32(ByteSpan bytes, uint32_t seed) {
  if (bytes.empty()) return seed;
  return crc32_gzip_refl(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  return append_zeros(crc_a, length_b) ^ crc_b;
}

uint32_t crc32c_patch(uint32_t crc, ByteSpan difference, uint64_t bytes_after) {
  return crc ^ append_zeros(run_register(difference, 0), bytes_after);
}

}  // namespace semel::bytes
