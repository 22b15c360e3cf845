// AuditScan: the batches of a segment file, whole, one after another, in bounded memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "record/batch_iterator.h"
#include "rt/disk.h"

namespace semel::cli {

/// Reads the file in pieces of 1 MiB, or of one batch if that is greater. A batch above kBatchMax
/// counts as damaged.
class AuditScan {
 public:
  static constexpr uint64_t kBatchMax = uint64_t{256} << 20;

  /// `size`: bytes of the file that are looked at. `file` must outlive *this.
  AuditScan(rt::File& file, uint64_t size) : file_(file), size_(size) {}

  /// The next batch, valid until the next call; nothing once stopped. Errors: the disk's.
  Result<std::optional<record::BatchView>> next();
  /// Where the batch that next() returned last begins.
  uint64_t position() const { return position_; }

  /// After the end: kEnd; kBlank if all bytes from end() on are zero; kTorn; kCorrupt.
  record::BatchStop stop() const { return stop_; }
  const char* reason() const { return reason_; }
  /// The first byte that belongs to no batch.
  uint64_t end() const { return at_; }

 private:
  Result<void> fill(uint64_t wanted);
  Result<bool> is_zero_to_the_end();

  rt::File& file_;
  uint64_t size_;
  uint64_t at_ = 0;
  uint64_t position_ = 0;
  std::vector<std::byte> window_;
  uint64_t window_at_ = 0;
  record::BatchStop stop_ = record::BatchStop::kNone;
  const char* reason_ = "";
};

}  // namespace semel::cli
