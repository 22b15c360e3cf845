// LogBatchSource: a partition's log as duplicate look-ups read it.
#pragma once

#include "log/duplicate_lookup.h"
#include "log/log.h"

namespace semel::replica {

/// Blocks; used on the I/O pool.
class LogBatchSource final : public log::BatchSource {
 public:
  explicit LogBatchSource(log::Log& log) : log_(log) {}
  Result<bytes::Buffer> read(Offset from, uint64_t bytes_max) override;
  Result<Offset> offset_before(Offset to, uint64_t bytes) override;

 private:
  /// First offset of the batch at the start of `range`.
  static Result<Offset> base_offset_at(const rt::FileRange& range);

  log::Log& log_;
};

}  // namespace semel::replica
