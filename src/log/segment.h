// Segment: one `.log` file of a partition with its indexes, named by the offset of its first
// record.
//
// Threads: one writer at a time (the log's mutex); find(), locate() and size() may be called by any
// thread meanwhile. After a truncation readers need a new Segment object: reopened().
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "log/batch_walker.h"
#include "log/lazy_file.h"
#include "log/log_config.h"
#include "log/offset_index.h"
#include "log/time_index.h"
#include "log/transaction_index.h"
#include "rt/clock.h"
#include "rt/disk.h"

namespace semel::log {

/// Sizes of a segment's files as the folder's listing tells them.
struct SegmentFiles {
  uint64_t log_bytes = 0;
  std::optional<uint64_t> index_bytes;
  std::optional<uint64_t> time_index_bytes;
  std::optional<uint64_t> transaction_index_bytes;
  int64_t modified_ms = 0;
};

/// What made the end of a segment bad.
struct TornEnd {
  uint64_t position = 0;  // first byte that belongs to no valid batch
  uint64_t bytes = 0;     // from there to the end of the file
  bool is_blank = false;  // all of them zero: a preallocated tail, nothing was lost
  std::string reason;
};

class Segment {
 public:
  /// Sees each valid batch of a recovery scan; a failure stops the scan there.
  using Visitor = rt::UniqueFunction<Result<void>(const record::BatchView& batch)>;

  /// Makes the three files; left-over ones of these names are emptied.
  static Result<std::shared_ptr<Segment>> create(rt::Disk& disk, const std::string& folder,
                                                 Offset base, const LogConfig& config,
                                                 int64_t now_ms);
  /// A segment whose files exist; nothing is opened. kCorruptMessage if an index has an impossible
  /// size.
  static Result<std::shared_ptr<Segment>> load(rt::Disk& disk, const std::string& folder,
                                               Offset base, const LogConfig& config,
                                               const SegmentFiles& files);
  Segment(rt::Disk& disk, const std::string& folder, Offset base, const LogConfig& config);
  ~Segment();

  Offset base() const { return base_; }
  /// Bytes of whole batches.
  uint64_t size() const { return size_.load(std::memory_order_acquire); }

  // ---- reading, any thread ----

  /// The first batch whose last offset is ≥ `target`; nothing if there is none. kCorruptMessage
  /// where no batch lies, or where one that claims too few offsets may hide `target`.
  Result<std::optional<BatchPlace>> find(Offset target);
  /// Where the batch that holds `target` begins, or the end if `target` is the next offset; nothing
  /// if only find() can tell. Touches no file.
  std::optional<uint64_t> locate(Offset target) const;
  Result<std::shared_ptr<rt::File>> file() { return log_.get(); }
  /// True if its newest batch is young. Then what locate() finds lies in memory.
  bool is_fresh(rt::Instant now) const {
    return now.ns - appended_ns_.load(std::memory_order_relaxed) < kFreshFor.count();
  }

  /// True for the first who asks: damage was met, and the operator is to be told once.
  bool tells_of_damage() { return !damage_is_told_.exchange(true, std::memory_order_relaxed); }

  // ---- writing ----

  /// True if `bytes` more, with a last offset of `last` and the timestamp `timestamp`, belong into
  /// a new segment.
  Result<bool> must_roll(uint64_t bytes, Offset last, int64_t timestamp, int64_t now_ms);
  /// False if `batches` more might bring as many index entries as there is no room for.
  bool has_index_room(size_t batches) const {
    return index_.has_room(batches) && time_index_.has_room(batches);
  }
  /// Appends whole v2 batches (checked by the caller), of which each part holds one or more. On
  /// failure nothing is stored.
  Result<void> append(std::span<const bytes::ByteSpan> parts, rt::Instant now);
  /// Final time index entry; indexes and file are trimmed to their content.
  Result<void> seal();
  /// Drops the batch that holds `offset` and everything behind. Returns the bytes that are left.
  Result<uint64_t> truncate_to(Offset offset);
  /// Reads every batch from the start: size, magic, CRC, offsets; makes all indexes anew (the
  /// transaction index is the visitor's business). Returns the torn end, if there is one; the file
  /// is not cut yet.
  Result<std::optional<TornEnd>> recover(Visitor visit, bool checks_crc = true);
  /// Cuts the file to the batches that recover() found valid. With `keep_bytes` they are kept
  /// beside it, in NAME.cut.
  Result<void> cut(const TornEnd& torn, bool keep_bytes);
  /// Checks the indexes by their content.
  Result<void> check_indexes();

  // ---- facts, one thread at a time ----

  /// Greatest timestamp and the last offset of the batch that has it; (−1, base) if there is none.
  Result<TimestampOffset> max_timestamp();
  /// As retention by time sees it: max_timestamp, else the file's modification time.
  Result<int64_t> age_timestamp();
  /// Offset behind the last batch.
  Result<Offset> read_next_offset();

  LazyFile& log_file() { return log_; }
  OffsetIndex& offset_index() { return index_; }
  TimeIndex& time_index() { return time_index_; }
  TransactionIndex& transaction_index() { return transactions_; }
  /// Renames all files to NAME.deleted.
  Result<void> retire();
  /// Removes the retired files.
  Result<void> remove_retired();
  void update_config(const LogConfig& config);
  void set_jitter_ms(int64_t jitter_ms) { jitter_ms_ = jitter_ms; }

 private:
  Result<void> create_files();
  void note_batch(const record::BatchView& batch, uint64_t position);
  Result<uint64_t> note_part(bytes::ByteSpan batches, uint64_t position);
  Result<void> index_batch(const record::BatchView& batch, uint64_t position);
  PairWindow& boundaries();
  Result<int64_t> first_timestamp();

  rt::Disk& disk_;
  const std::string folder_;
  const Offset base_;
  LogConfig config_;
  LazyFile log_;
  OffsetIndex index_;
  TimeIndex time_index_;
  TransactionIndex transactions_;
  std::atomic<uint64_t> size_{0};
  std::atomic<PairWindow*> boundaries_{nullptr};  // starts of batches, and the end
  static constexpr rt::Duration kFreshFor = std::chrono::seconds(1);
  std::atomic<int64_t> appended_ns_{std::numeric_limits<int64_t>::min() / 2};
  std::atomic<bool> damage_is_told_{false};
  Offset window_end_ = kNoOffset;  // offset of the newest boundary
  uint64_t bytes_since_entry_ = 0;
  std::optional<TimestampOffset> max_timestamp_;
  std::optional<int64_t> first_timestamp_;  // of the first batch, −1 = it has none
  int64_t created_ms_ = 0;
  int64_t modified_ms_ = 0;
  int64_t jitter_ms_ = 0;
};

}  // namespace semel::log
