// The framing that Kafka's Java client puts around snappy blocks ("xerial").
#pragma once

#include <cstddef>
#include <cstdint>

namespace semel::bytes {

// 8 bytes magic, i32 version, i32 lowest compatible version; then blocks: i32 length, raw snappy.
inline constexpr uint8_t kXerialMagic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
inline constexpr size_t kXerialHeaderSize = 16;
inline constexpr int32_t kXerialVersion = 1;
/// Uncompressed bytes per block on write.
inline constexpr size_t kXerialBlockSize = 32 * 1024;

}  // namespace semel::bytes
