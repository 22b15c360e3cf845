// The header of an LZ4 frame, as far as liblz4 does not offer it: its checksum.
#pragma once

#include <cstdint>

#include "bytes/buffer.h"

namespace semel::bytes {

inline constexpr uint8_t kLz4Magic[4] = {0x04, 0x22, 0x4d, 0x18};
inline constexpr size_t kLz4HeaderSizeMin = 7;
inline constexpr size_t kLz4HeaderSizeMax = 19;
/// FLG of the frames that Kafka's clients write: version 01, independent blocks, nothing optional.
inline constexpr uint8_t kLz4Flags = 0x60;
/// BD: blocks of up to 64 KiB.
inline constexpr uint8_t kLz4BlockDescriptor = 0x40;
inline constexpr size_t kLz4BlockSize = 64 * 1024;
inline constexpr uint32_t kLz4StoredBit = 0x80000000;

/// xxHash32 with seed 0 of fewer than 16 bytes (the part of the algorithm that short inputs take).
uint32_t xxh32_short(ByteSpan bytes);

/// The HC byte: bits 8–15 of the hash over FLG, BD and what optional fields follow them.
inline uint8_t lz4_header_checksum(ByteSpan descriptor) {
  return static_cast<uint8_t>(xxh32_short(descriptor) >> 8);
}

/// Bytes of a header with this FLG, magic number and HC included.
constexpr size_t lz4_header_size(uint8_t flags) {
  return kLz4HeaderSizeMin + ((flags & 0x08) != 0 ? 8 : 0) + ((flags & 0x01) != 0 ? 4 : 0);
}

}  // namespace semel::bytes
