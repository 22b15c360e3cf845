// Arbitrary bytes through every decompressor. The first byte picks codec and limits.
#include "bytes/compressor.h"
#include "bytes/decompressor.h"

namespace semel::bytes {
namespace {

void decompress(ByteSpan input, int flags) {
  const DecompressLimits limits{.output_bytes_max = (flags & 8) != 0 ? 1u << 20 : 70'000u};
  const auto codec = static_cast<CodecId>((flags & 7) % kCodecCount);
  Decompressor decompressor;
  decompressor.start(codec, input, limits, (flags & 16) != 0);
  uint64_t produced = 0;
  while (true) {
    const auto chunk = decompressor.next();
    if (!chunk || chunk->empty()) break;
    produced += chunk->size();
    SEMEL_ASSERT(codec == CodecId::kNone || produced <= limits.output_bytes_max);
  }
}

void round_trip(ByteSpan input, int flags) {
  const auto codec = static_cast<CodecId>((flags & 7) % kCodecCount);
  Compressor compressor;
  Writer packed;
  const int level = codec_levels(codec).standard;
  SEMEL_ASSERT(compressor.compress(codec, level, input, packed).has_value());
  Decompressor decompressor;
  decompressor.start(codec, packed.written());
  size_t at = 0;
  while (true) {
    const auto chunk = decompressor.next();
    SEMEL_ASSERT(chunk.has_value());
    if (chunk->empty()) break;
    SEMEL_ASSERT(chunk->size() <= input.size() - at);
    SEMEL_ASSERT(as_text(*chunk) == as_text(input.subspan(at, chunk->size())));
    at += chunk->size();
  }
  SEMEL_ASSERT(at == input.size());
}

}  // namespace
}  // namespace semel::bytes

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace semel::bytes;
  if (size == 0) return 0;
  const ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  if ((data[0] & 32) != 0)
    round_trip(input, data[0]);
  else
    decompress(input, data[0]);
  return 0;
}
