// Compressor: turns one span of bytes into one compressed stream, as Kafka's Java client frames it.
#pragma once

#include <memory>

#include "base/result.h"
#include "bytes/codec.h"
#include "bytes/writer.h"

namespace semel::bytes {

/// Keeps the libraries' contexts between calls: after the first call per codec and level,
/// compress() allocates only when `out` must grow. Not thread-safe; one per thread or reactor.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  /// Appends the compressed form of `input` to `out` (for kNone: `input` itself). `level` must be
  /// valid (codec_level_is_valid); kInvalidConfig otherwise. On failure `out` is as before.
  Result<void> compress(CodecId codec, int level, ByteSpan input, Writer& out);

  /// As above for the LZ4 frame of magic-0 messages, whose header checksum old clients compute over
  /// the frame's magic number too.
  Result<void> compress_lz4_legacy(ByteSpan input, Writer& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace semel::bytes
