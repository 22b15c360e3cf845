// The compression codecs of Kafka's record formats: numbers, names and levels.
// Bytes of each codec: docs/formats/compression.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace semel::bytes {

/// Numbers as in bits 0–2 of a batch's attributes; 5–7 are not assigned.
enum class CodecId : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
inline constexpr int kCodecCount = 5;

/// "none", "gzip", "snappy", "lz4", "zstd": the values of Kafka's `compression.type`.
std::string_view codec_name(CodecId codec);
/// Nothing if `name` is not one of the five.
std::optional<CodecId> codec_from_name(std::string_view name);
/// Nothing if `number` is not assigned.
constexpr std::optional<CodecId> codec_from_number(int number) {
  if (number < 0 || number >= kCodecCount) return std::nullopt;
  return static_cast<CodecId>(number);
}

/// What Kafka accepts for `compression.<codec>.level` (KIP-390). Codecs without levels: all zero.
struct CodecLevels {
  int lowest = 0;
  int highest = 0;
  int standard = 0;
};
CodecLevels codec_levels(CodecId codec);

/// True if `level` may be given to the compressor: gzip 1…9 and −1, lz4 1…17, zstd −131072…22,
/// and only 0 for codecs without levels.
bool codec_level_is_valid(CodecId codec, int level);

}  // namespace semel::bytes
