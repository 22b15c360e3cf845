#include "bytes/lz4_header.h"

#include <bit>
#include <cstring>

namespace semel::bytes {

uint32_t xxh32_short(ByteSpan bytes) {
  constexpr uint32_t kPrime1 = 0x9E3779B1u;
  constexpr uint32_t kPrime2 = 0x85EBCA77u;
  constexpr uint32_t kPrime3 = 0xC2B2AE3Du;
  constexpr uint32_t kPrime4 = 0x27D4EB2Fu;
  constexpr uint32_t kPrime5 = 0x165667B1u;
  SEMEL_ASSERT(bytes.size() < 16);
  uint32_t hash = kPrime5 + static_cast<uint32_t>(bytes.size());
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    hash = std::rotl(hash + word * kPrime3, 17) * kPrime4;
  }
  for (; at < bytes.size(); ++at)
    hash = std::rotl(hash + static_cast<uint32_t>(bytes[at]) * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

}  // namespace semel::bytes
