// BatchIterator: walks the batches of a byte region (a piece of a segment, a `records` field).
#pragma once

#include <limits>
#include <optional>

#include "record/batch_view.h"

namespace semel::record {

/// Why there is no further batch.
enum class BatchStop : uint8_t {
  kNone,     // not stopped yet
  kEnd,      // the region ended exactly behind a batch
  kTorn,     // the region ends inside a batch, or inside the bytes that would tell its size
  kBlank,    // the bytes from position() up to the next batch header are zero: a preallocated tail
  kCorrupt,  // impossible length or magic
};

/// Bounded and allocation-free. Only lengths and magic are checked; not the CRC (crc_is_right()),
/// nor what the header says. A caller that reads a file in pieces goes on from position() with more
/// bytes when it meets kTorn; bytes_wanted() tells how many at least.
class BatchIterator {
 public:
  /// `batch_size_max`: a greater batch counts as corrupt.
  explicit BatchIterator(ByteSpan region,
                         size_t batch_size_max = std::numeric_limits<int32_t>::max())
      : region_(region), batch_size_max_(batch_size_max) {}

  /// The next batch, or nothing once stopped.
  std::optional<BatchView> next();

  BatchStop stop() const { return stop_; }
  /// What kTorn, kBlank or kCorrupt found; static text.
  const char* reason() const { return reason_; }
  /// Where the next batch begins in the region; after a stop: the first byte that belongs to no
  /// batch.
  size_t position() const { return position_; }
  /// With kTorn: bytes from position() that the batch needs, as far as is known (at least 17).
  size_t bytes_wanted() const { return bytes_wanted_; }

 private:
  std::optional<BatchView> halt(BatchStop stop, const char* reason);

  ByteSpan region_;
  size_t batch_size_max_;
  size_t position_ = 0;
  size_t bytes_wanted_ = 0;
  BatchStop stop_ = BatchStop::kNone;
  const char* reason_ = "";
};

}  // namespace semel::record
