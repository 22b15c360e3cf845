// Messages of the formats before batches (magic 0 and 1): read only, for old segments and `semel
// dump`. Bytes: docs/formats/record-batch.md, "Legacy formats".
#pragma once

#include <vector>

#include "base/result.h"
#include "record/batch_view.h"
#include "record/record_feed.h"
#include "record/record_view.h"

namespace semel::record {

/// Walks the records of one legacy entry: the message itself, or, if it is compressed, the messages
/// inside, with their absolute offsets. Records have no sequence and no headers.
class LegacyRecordIterator {
 public:
  /// `entry` must be legacy and outlive *this. The uncompressed messages are kept in memory,
  /// bounded by `limits`.
  explicit LegacyRecordIterator(const BatchView& entry, const DecompressLimits& limits = {});

  /// Fills `record` with the next record, whose spans are valid while *this lives. False at the end
  /// and after a failure.
  bool next(RecordView& record);
  /// kCorruptMessage: inner messages that are compressed themselves, of another magic, damaged, or
  /// none; zstd, which these formats do not have; offsets that cannot be.
  Result<void> status() const;
  /// The checksum of the message that next() returned last, and whether it fits.
  uint32_t crc() const { return crc_; }
  bool crc_is_right() const { return crc_is_right_; }

 private:
  void open_wrapper(const DecompressLimits& limits);
  bool read_message(const BatchView& message, RecordView& record);
  bool fail_with(std::string why);

  BatchView entry_;
  std::vector<std::byte> inner_;
  size_t position_ = 0;
  int64_t inner_base_ = 0;  // added to the offsets of inner messages
  uint32_t crc_ = 0;
  bool crc_is_right_ = false;
  bool is_done_ = false;
  std::string failure_;
};

}  // namespace semel::record
