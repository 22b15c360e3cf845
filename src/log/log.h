// Log: the stored records of one partition, in Kafka's files (docs/formats/log-directory.md).
//
// Threads: every function may be called from any thread. Those that change the log take its mutex
// (held for memory and page-cache work only, never for a sync), so the caller's own order (the
// partition's Combiner) is what orders appends. read(), fetch facts and offset facts take no lock:
// readers hold an immutable list of segments.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "log/leader_append.h"
#include "log/log_config.h"
#include "log/log_context.h"
#include "log/log_loader.h"
#include "log/log_state.h"
#include "log/published.h"
#include "rt/disk.h"
#include "rt/guarded.h"

namespace semel::log {

/// A piece of one segment: whole batches from the one that holds the asked offset, the last one
/// perhaps cut (as Kafka; readers drop an incomplete batch at the end).
struct ReadSlice {
  rt::FileRange range;  // size 0: nothing to read here
  bool first_is_cut =
      false;              // the first batch is greater than the asked size, and was not forced in
  bool is_fresh = false;  // appended within the last second or so: its bytes are in memory
};

/// One aborted transaction as Fetch answers it.
struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
};

struct TimestampAndOffset {
  int64_t timestamp = -1;
  Offset offset = kNoOffset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

/// Files that must be synced before everything below `end_offset` is durable.
struct FlushPlan {
  std::vector<std::shared_ptr<rt::File>> files;
  bool directory = false;           // files were made since the last sync of the partition's folder
  bool parent_directory = false;    // the folder itself is new
  std::optional<TopicId> metadata;  // partition.metadata is to be written, its folder synced
  bool metadata_is_written = false;  // says who carried the plan out
  Offset end_offset;
  uint64_t files_made = 0;
  uint64_t truncations = 0;

  bool is_empty() const { return files.empty() && !directory && !parent_directory && !metadata; }
};

/// Told by the flusher of a log's progress, on an executor.
class LogListener {
 public:
  virtual ~LogListener() = default;
  /// Everything below `end` is durable.
  virtual void on_flushed(Offset end) = 0;
};

class Log {
 public:
  /// Opens the folder `path` (made if missing), recovers it if it was not closed in order. Blocks.
  /// Fails with kCorruptMessage where bytes below the recovery point are damaged: nothing was cut
  /// then, and the context names file, position and what to try.
  static Result<std::unique_ptr<Log>> open(LogContext& context, TopicPartition name,
                                           std::string path, const LogConfig& config,
                                           const LoadHints& hints);
  ~Log();

  // ---- appending ----

  /// Appends one whole v2 batch as leader: asks dedup, then the verdict, stamps base offset, leader
  /// epoch (and append time) in place, rolls, writes, keeps indexes, epochs and producer state.
  /// kKafkaStorageError with Cause::kNoSpace: nothing was appended, try again later; with
  /// Cause::kIo: the log directory is offline.
  Result<LeaderAppended> append_as_leader(bytes::MutableByteSpan batch, const LeaderAppend& how);
  /// As above for the first ones of `batches` (not empty), which are written together: all of them
  /// or none. Returns how many were handled, at least one; their results are set. Call again for
  /// the rest.
  size_t append_as_leader(std::span<LeaderBatch* const> batches);
  /// Turns a kCompare or kLookUp decision into kDuplicate or kRefuse (ProducerState::settle).
  Decision settle(const BatchIdentity& batch, const Decision& decision, const LookupResult& found);
  /// Appends whole batches that carry their offsets and leader epochs (replication, the
  /// controller's log). Their offsets must ascend from log_end() on; CRCs were checked by the
  /// caller.
  Result<Appended> append_as_follower(bytes::ByteSpan batches);

  // ---- reading ----

  /// At most `max_bytes` from the batch that holds `from`, none with an offset ≥ `upper_limit` (a
  /// batch boundary). `at_least_one`: the first batch comes whole even if it is greater.
  /// kOffsetOutOfRange if `from` is outside [log_start, log_end].
  Result<ReadSlice> read(Offset from, size_t max_bytes, Offset upper_limit, bool at_least_one);
  /// As read(), with the bytes in memory. Blocks on cold data.
  Result<bytes::Buffer> read_bytes(Offset from, size_t max_bytes, Offset upper_limit,
                                   bool at_least_one);
  /// The first record with a timestamp ≥ `timestamp`, below `upper_limit`; offset −1 if there is
  /// none.
  Result<TimestampAndOffset> offset_for_timestamp(int64_t timestamp, Offset upper_limit);
  /// The record with the greatest timestamp, the first of equals (ListOffsets −3).
  Result<TimestampAndOffset> max_timestamp();
  /// Transactions aborted with records in [from, upper), as Fetch read_committed wants them.
  Result<std::vector<AbortedTransaction>> aborted_transactions(Offset from, Offset upper);

  // ---- leader epochs ----

  /// Where the largest known epoch ≤ `epoch` ends (OffsetForLeaderEpoch, KIP-101, KIP-279).
  EpochEndOffset end_offset_for_epoch(LeaderEpoch epoch) const;
  LeaderEpoch latest_epoch() const;
  LeaderEpoch epoch_of(Offset offset) const;
  /// A new leader notes its epoch at the log end before it appends.
  Result<void> assign_epoch_start(LeaderEpoch epoch, Offset start);

  // ---- facts ----

  const TopicPartition& name() const { return name_; }
  /// The folder the log was opened in.
  const std::string& path() const { return path_; }
  Offset log_start() const { return Offset{log_start_.load(std::memory_order_acquire)}; }
  Offset log_end() const { return Offset{log_end_.load(std::memory_order_acquire)}; }
  Offset flushed_end() const { return Offset{flushed_end_.load(std::memory_order_acquire)}; }
  /// Everything below is durable with all that belongs to it; what a crash has to rescan begins
  /// here.
  Offset recovery_point() const { return Offset{recovery_point_.load(std::memory_order_acquire)}; }
  /// The first offset of the earliest transaction that is open or not yet below the high watermark;
  /// log_end() if there is none. Read_committed fetches end here or at the high watermark.
  Offset first_unstable() const {
    const int64_t unstable = first_unstable_.load(std::memory_order_acquire);
    return unstable < 0 ? log_end() : Offset{unstable};
  }
  Offset high_watermark() const { return Offset{high_watermark_.load(std::memory_order_acquire)}; }
  /// Kept for checkpoints, retention and first_unstable(); the partition decides it.
  void set_high_watermark(Offset high_watermark);
  /// Base offset of the oldest segment.
  Offset first_base() const { return segments_.load()->front()->base(); }
  uint64_t size_bytes() const;
  size_t segment_count() const;
  std::optional<TopicId> topic_id() const;
  /// Comes into partition.metadata with the next flush; a different one is kInconsistentTopicId.
  Result<void> set_topic_id(const TopicId& id);
  /// Of its log directory; null if nobody keeps it.
  AppendPace* append_pace() const { return context_.pace; }
  LogConfig config() const;
  void update_config(const LogConfig& config);

  // ---- changing the past ----

  /// Drops every record with an offset ≥ `offset` (follower truncation). Blocks.
  Result<void> truncate_to(Offset offset);
  /// Drops everything; the log is empty at `offset`. Blocks.
  Result<void> reset_to(Offset offset);
  /// Moves the log start up to at most the high watermark (DeleteRecords, a follower's leader);
  /// whole segments below it go away in the next retention pass.
  Result<void> delete_records_before(Offset offset);
  /// Deletes old segments by log start, size and age; returns how many. Files go after
  /// file.delete.delay.ms.
  Result<size_t> retention_pass(int64_t now_ms);
  /// Rolls now if the active segment is not empty.
  Result<void> roll();

  // ---- producers ----

  /// `look(const ProducerState&)` under the log's mutex.
  template <class Look>
  auto inspect_producers(Look&& look) const {
    return state_.with([&](const LogState& state) { return look(state.producers); });
  }
  /// Forgets expired producers among the next `slots` (ProducerState::expire_step).
  size_t expire_producers(int64_t now_ms, size_t slots);

  // ---- durability ----

  /// What class `ack` needs: every byte below log_end() and the files' names.
  FlushPlan plan_flush() const {
    FlushPlan plan;
    plan_flush(plan);
    return plan;
  }
  /// As above, into a plan that was used before, whose room is kept.
  void plan_flush(FlushPlan& plan) const;
  /// The files of `plan` are synced. Any thread.
  void flushed_to(const FlushPlan& plan);
  /// A sync of one of its files failed: its log directory goes offline, whatever the cause says.
  void sync_failed(const Error& error) const;
  /// flush.ms has passed since the last flush, and records wait for one.
  bool is_flush_overdue() const;
  /// partition.metadata waits for a flush.
  bool metadata_is_waiting() const;
  /// True if flush() has something to do.
  bool needs_flush() const;
  /// Makes everything durable: records, indexes of sealed segments, epochs, waiting snapshots;
  /// moves the recovery point. Blocks, also while another flush of this log runs.
  Result<void> flush();
  /// The flusher's mark of a log that waits for a commit: sets it, and tells what it was.
  bool mark_waiting(bool waits) {
    return waits_for_commit_.exchange(waits, std::memory_order_acq_rel);
  }
  void set_listener(std::weak_ptr<LogListener> listener);
  std::shared_ptr<LogListener> listener() const;
  /// Trims and syncs all files and takes a producer snapshot, as Kafka at a controlled stop. The
  /// log takes no appends afterwards. Blocks.
  Result<void> close_clean();
  /// Takes no appends any more; nothing is written from now on (its directory is offline).
  void close();
  /// As close(), and waits for a flush that runs: afterwards nothing is written under path(), so
  /// that the folder can be renamed and its name used again.
  void close_for_removal();
  /// What recovery cut off when the log was opened.
  const std::vector<CutReport>& cuts() const { return cuts_; }
  /// Removes files whose delay has passed; returns when the next is due, if any waits.
  std::optional<int64_t> remove_retired(int64_t steady_now_ms);

 private:
  using Segments = std::vector<std::shared_ptr<Segment>>;

  Log(LogContext& context, TopicPartition name, std::string path, const LogConfig& config,
      LoadedLog loaded);

  // Under the lock.
  Result<void> check_writable(const LogState& state) const;
  Result<void> append_bytes(LogState& state, bytes::ByteSpan batches, Offset first, Offset last,
                            int64_t timestamp);
  bool take(LogState& state, LeaderGroup& group, LeaderBatch& batch);
  bool may_join(LogState& state, LeaderGroup& group, const LeaderBatch& batch) const;
  Decision decide(LogState& state, const LeaderGroup& group, const LeaderAppend& how) const;
  void put_last(LogState& state, LeaderGroup& group, LeaderBatch& batch);
  void write_group(LogState& state, LeaderGroup& group);
  Result<void> make_place(LogState& state, uint64_t bytes, Offset first, Offset last,
                          int64_t timestamp);
  Result<void> write_parts(LogState& state, std::span<const bytes::ByteSpan> parts);
  Result<void> roll_to(LogState& state, Offset base);
  void apply_leader(LogState& state, const LeaderBatch& batch, int64_t timestamp, int64_t now_ms);
  /// The bugs of rt/plants.h in the question to dedup and in its answer.
  Decision check_planted(LogState& state, const BatchIdentity& batch, const LogFacts& facts) const;
  void note_ended(LogState& state, const std::optional<CompletedTxn>& ended);
  void publish_end(LogState& state, Offset end);
  void publish_unstable(LogState& state);
  void publish_segments(LogState& state, Segments segments);
  Result<void> rebuild_producers(LogState& state, Offset end);
  Result<void> truncate_locked(LogState& state, Offset offset);
  Result<void> reset_locked(LogState& state, Offset offset);
  Result<void> retire(LogState& state, const Segments& gone);
  size_t count_deletable(LogState& state, const Segments& segments, int64_t now_ms);
  static SnapshotImage image_of(const LogState& state, Offset end, int64_t now_ms);
  Result<void> settle_truncation();
  Result<void> flush_now();
  Result<void> write_flush(FlushPlan& plan, const std::string& epochs,
                           const std::vector<std::shared_ptr<const SnapshotImage>>& snapshots);
  /// Passes `error` on as kKafkaStorageError; kIo takes the directory offline.
  std::unexpected<Error> storage_failure(Error error) const;
  /// As storage_failure; but stored bytes that are no batch stay so, and a reader must be told:
  /// kCorruptMessage, and the operator hears of it once per segment.
  std::unexpected<Error> read_failure(Segment& segment, Error error) const;

  Result<std::optional<TimestampAndOffset>> find_timestamp(Segment& segment, Offset from,
                                                           int64_t timestamp, Offset upper_limit);

  LogContext& context_;
  const TopicPartition name_;
  const std::string path_;
  const std::vector<CutReport> cuts_;
  mutable rt::Guarded<LogState> state_;
  rt::Guarded<bool> may_flush_{true};  // held during a flush; false once removed
  Published<Segments> segments_;
  std::atomic<int64_t> log_start_{0};
  std::atomic<int64_t> log_end_{0};
  std::atomic<int64_t> flushed_end_{0};
  std::atomic<int64_t> recovery_point_{0};
  std::atomic<int64_t> flushed_at_ms_{
      0};  // LogContext::steady_unix_ms of the last flush, or of opening
  std::atomic<int64_t> first_unstable_{-1};  // −1 = none
  std::atomic<int64_t> high_watermark_{0};
  std::atomic<bool> waits_for_commit_{false};
  mutable rt::Guarded<std::weak_ptr<LogListener>> listener_;
};

}  // namespace semel::log
