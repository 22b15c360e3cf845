// Searches the log for a batch that the producer state no longer remembers, and compares contents.
// Pure functions over an interface that reads batches: they block, so they run on the I/O pool; how
// many run at a time is decided by the caller.
#pragma once

#include <cstdint>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "log/producer_state_types.h"

namespace semel::log {

/// Reads stored batches. Calls come from one thread at a time; the log may be deleted beneath them
/// (retention), then they fail.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  /// Whole batches (a torn one at the end is left out by the reader) in offset order, beginning
  /// with the one that holds `from` or the first one behind it, about `bytes_max` bytes (at least
  /// one batch). Empty at the end of the log.
  virtual Result<bytes::Buffer> read(Offset from, uint64_t bytes_max) = 0;
  /// Where to begin reading so that about `bytes` bytes lie before `to`: the first offset of a
  /// batch that starts at least so many bytes before the one holding `to` (any such place an index
  /// knows), or the start of the log. Below `to`, unless `to` is the start of the log.
  virtual Result<Offset> offset_before(Offset to, uint64_t bytes) = 0;
};

/// For Verdict::kCompare: is the stored batch that ends at `last_offset` the same as `received`
/// (whole batch bytes as the client sent them)? Same count, and per record equal key, value and
/// headers; records that compaction removed count as equal. kNotFound: no such batch there any
/// more.
Result<LookupResult> compare_with_stored(BatchSource& source, const BatchIdentity& batch,
                                         const bytes::Buffer& received, Offset last_offset);

/// For Verdict::kLookUp: searches the offsets [range.first, range.second] backwards for the batch's
/// producer, epoch and sequences, reading about `bytes_max` at most (`semel.dedup.lookup.bytes`),
/// and compares as above. Stops early at a batch of the producer that came before the range.
Result<LookupResult> look_up(BatchSource& source, const BatchIdentity& batch,
                             const bytes::Buffer& received, std::pair<Offset, Offset> range,
                             uint64_t bytes_max);

}  // namespace semel::log
