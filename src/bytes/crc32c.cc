#include "bytes/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <limits>

namespace semel::bytes {
namespace {

// A CRC register is a polynomial over GF(2) modulo P, bit 31 = x^0 (reflected). Appending n zero bytes
// multiplies it by x^(8n) mod P.
constexpr uint32_t kCastagnoli = 0x82f63b78;

constexpr uint32_t multiply_mod(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    product ^= b & (0u - static_cast<uint32_t>((a & bit) != 0));
    b = (b >> 1) ^ (kCastagnoli & (0u - (b & 1)));
  }
  return product;
}

/// kZeroBytes[k] = x^(8·2^k) mod P: what 2^k zero bytes do to a register.
constexpr std::array<uint32_t, 64> kZeroBytes = [] {
  std::array<uint32_t, 64> powers{};
  powers[0] = 0x80000000 >> 8;
  for (size_t k = 1; k < powers.size(); ++k) powers[k] = multiply_mod(powers[k - 1], powers[k - 1]);
  return powers;
}();

uint32_t append_zeros(uint32_t crc_register, uint64_t count) {
  for (size_t k = 0; count != 0; ++k, count >>= 1)
    if ((count & 1) != 0) crc_register = multiply_mod(crc_register, kZeroBytes[k]);
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
