#include "bytes/codec.h"

#include <array>
#include <utility>

namespace semel::bytes {
namespace {

constexpr std::array<std::string_view, kCodecCount> kNames{"none", "gzip", "snappy", "lz4", "zstd"};

}  // namespace

std::string_view codec_name(CodecId codec) { return kNames[static_cast<size_t>(codec)]; }

std::optional<CodecId> codec_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<CodecId>(i);
  return std::nullopt;
}

CodecLevels codec_levels(CodecId codec) {
  switch (codec) {
    case CodecId::kGzip:
      return {1, 9, -1};
    case CodecId::kLz4:
      return {1, 17, 9};
    case CodecId::kZstd:
      return {-131072, 22, 3};
    case CodecId::kNone:
    case CodecId::kSnappy:
      return {};
  }
  std::unreachable();
}

bool codec_level_is_valid(CodecId codec, int level) {
  const CodecLevels levels = codec_levels(codec);
  return level == levels.standard || (level >= levels.lowest && level <= levels.highest);
}

}  // namespace semel::bytes
