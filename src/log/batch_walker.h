// BatchWalker: the headers of the batches of a segment file, one after another.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "base/result.h"
#include "record/batch_view.h"
#include "rt/disk.h"

namespace semel::log {

/// Where a batch lies, and what its header says of it.
struct BatchPlace {
  uint64_t position = 0;  // byte in the segment
  uint64_t size = 0;      // bytes
  Offset base_offset;     // legacy entries: the offset of a wrapper's last record
  Offset last_offset;
  int64_t max_timestamp = -1;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  int8_t magic = record::kMagicV2;

  uint64_t end() const { return position + size; }
};

/// Reads small pieces, so it suits short walks. Allocation-free.
class BatchWalker {
 public:
  /// [begin, end) of `file`; begin is the start of a batch.
  BatchWalker(rt::File& file, uint64_t begin, uint64_t end) : file_(file), at_(begin), end_(end) {}

  /// Nothing at the end. kCorruptMessage where no batch can lie.
  Result<std::optional<BatchPlace>> next();
  /// The header of the batch that next() returned last; its records are not there.
  record::BatchView header_view() const { return record::BatchView(last_header_); }

 private:
  Result<bytes::ByteSpan> header();

  rt::File& file_;
  uint64_t at_;
  uint64_t end_;
  std::array<std::byte, 2048> piece_;
  uint64_t piece_at_ = 0;
  size_t piece_size_ = 0;
  std::array<std::byte, record::kBatchHeaderSize> last_header_{};
};

}  // namespace semel::log
