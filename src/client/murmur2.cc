#include "client/murmur2.h"

namespace semel::client {

uint32_t murmur2(bytes::ByteSpan key) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kM = 0x5bd1e995;
  const auto byte_at = [&](size_t at) { return static_cast<uint32_t>(key[at]); };
  uint32_t h = kSeed ^ static_cast<uint32_t>(key.size());
  const size_t whole = key.size() / 4 * 4;
  for (size_t at = 0; at < whole; at += 4) {
    uint32_t k = byte_at(at) | byte_at(at + 1) << 8 | byte_at(at + 2) << 16 | byte_at(at + 3) << 24;
    k *= kM;
    k ^= k >> 24;
    k *= kM;
    h *= kM;
    h ^= k;
  }
  for (size_t at = key.size(); at > whole; --at) h ^= byte_at(at - 1) << (8 * (at - 1 - whole));
  if (key.size() > whole) h *= kM;
  h ^= h >> 13;
  h *= kM;
  h ^= h >> 15;
  return h;
}

}  // namespace semel::client
