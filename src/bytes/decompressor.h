// Decompressor: a bounded, streaming reader of compressed bytes from outside.
//
// The output arrives in chunks inside a window that is reused, so memory depends on the window and
// the codec's own history, not on the compressed size. Whatever the input claims, no more than the
// limits allow is produced, and nothing large is allocated before the input has earned it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "bytes/buffer.h"
#include "bytes/codec.h"

namespace semel::bytes {

/// Where a stream counts as a bomb. A stream ends with an error as soon as its output passes
/// `output_bytes_max`, or passes both `free_bytes` and `ratio_max` times its input.
struct DecompressLimits {
  uint64_t output_bytes_max = 128u << 20;
  uint32_t ratio_max = 4096;
  uint64_t free_bytes = 16u << 20;
};

/// Recycles the libraries' contexts: in steady state start() and next() do not allocate.
/// Not thread-safe; one per thread or reactor.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  /// Begins a new stream; the one before is forgotten. `input` must stay valid until the last
  /// next(). Accepts: gzip with several members; xerial-framed and raw snappy; any legal LZ4 frame
  /// (linked blocks, content size, checksums), with a right header checksum unless `lz4_legacy`,
  /// which accepts any (magic-0 messages); zstd frames.
  void start(CodecId codec, ByteSpan input, const DecompressLimits& limits = {},
             bool lz4_legacy = false);

  /// The next bytes of the output, valid until the next call; empty at the end of the stream.
  /// Corrupt or truncated input and bombs: kCorruptMessage, and again at each later call.
  Result<ByteSpan> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace semel::bytes
