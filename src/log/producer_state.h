// ProducerState: what one partition remembers of each producer, and the answer to every batch that
// carries a producer id (KIP-98, KIP-360; reference semantics: Kafka's ProducerStateManager).
//
// Not thread-safe: it is used under the partition's combiner. Nothing here waits, reads files or
// asks a clock. Every `now_ms` is the broker's own clock in Unix milliseconds (wall time at start
// plus monotonic time), never a record's timestamp.
//
//   check() → kAppend → the log writes the batch → applied()
//           → kCompare or kLookUp → the batch is read on the I/O pool → settle()
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/producer_snapshot.h"
#include "log/producer_state_table.h"
#include "log/producer_state_txn.h"
#include "log/producer_state_types.h"

namespace semel::log {

struct ProducerStateConfig {
  /// Batches remembered per producer: 1 … 1,024 (`semel.dedup.window.batches`). Kafka's clients
  /// need 5.
  uint16_t window_batches = 5;
  /// At this many producers an unknown one is refused, retriably; replication and loading go
  /// beyond.
  uint32_t producers_max = 1'000'000;
  /// `producer.id.expiration.ms`, since the broker's last append for the producer.
  int64_t expiration_ms = 86'400'000;
  /// From rt::Random, so that chosen producer ids do not collide.
  uint64_t hash_seed = 0;
};

/// A copy costs little more than its bytes: taken under the log's lock, it can be read and written
/// to files without it.
class ProducerState {
 public:
  explicit ProducerState(const ProducerStateConfig& config);

  // --- the leader's way -------------------------------------------------------------------------
  /// The answer to a client's batch (`batch.base_sequence` ≥ 0). Counts duplicates and refusals, so
  /// call it once per batch received. Does not allocate unless it counts.
  Decision check(const BatchIdentity& batch, const LogFacts& facts);
  /// After the batch of a kAppend was written. `decision` is check()'s answer to it, with no other
  /// change of this state in between.
  void applied(const BatchIdentity& batch, const Decision& decision, const StoredBatch& stored,
               int64_t now_ms);
  /// Turns kCompare or kLookUp into kDuplicate or kRefuse, and counts it.
  Decision settle(const BatchIdentity& batch, const Decision& decision, const LookupResult& found);

  /// kAppend, or kRefuse: 47 older producer epoch, 52 older coordinator.
  Decision check_marker(const TxnMarker& marker) const;
  /// After a marker was written at `offset`, on leader, follower and at load. Returns the
  /// transaction that it ended, if that had data here; an aborted one belongs into the txn index.
  std::optional<CompletedTxn> applied_marker(const TxnMarker& marker, Offset offset,
                                             int64_t timestamp_ms, int64_t now_ms);

  // --- followers and loading --------------------------------------------------------------------
  /// A batch that a leader accepted: taken as it is.
  void replay(const BatchIdentity& batch, const StoredBatch& stored, int64_t now_ms);
  /// Adds the entries of a snapshot to an empty state. `sidecar` (may be null) gives the rest for
  /// the producers in it. Entries without it count as appended `now_ms`. Nobody expires by this: a
  /// wall clock that jumped while the broker was down looks like a long absence, so each lives for
  /// a quarter of an hour (or for the whole expiration, if that is shorter) at least.
  void load(std::span<const ProducerSnapshotEntry> entries, std::span<const ProducerView> sidecar,
            int64_t now_ms);
  /// Truncation: the state must be rebuilt from a snapshot at or below the cut and a replay up to
  /// it. Empties the state and keeps aside what no log can tell (CRCs as received, counters, last
  /// appends).
  void start_rebuild();
  /// Ends it: gives what was kept aside back to producers and batches that are there again
  /// unchanged, and to producers whose batches all lie below `end`, where the log was cut: they
  /// were not touched, though their records may be deleted and no snapshot may know them.
  void finish_rebuild(Offset end);
  /// Forgets everything (the log starts anew elsewhere).
  void clear();

  // --- transactions -----------------------------------------------------------------------------
  /// First offset that a read_committed reader must not pass; nothing if there is none. Open
  /// transactions, and ended ones whose marker is not below the high watermark.
  std::optional<Offset> first_unstable_offset() const { return txns_.first_unstable_offset(); }
  /// Call as the high watermark moves up.
  void high_watermark_moved(Offset high_watermark) { txns_.high_watermark_moved(high_watermark); }
  bool has_open_txn(ProducerId producer_id) const;
  size_t open_txn_count() const { return txns_.open_count(); }

  // --- care -------------------------------------------------------------------------------------
  /// Looks at up to `slots` producers and forgets those that expired and have no open transaction.
  /// Returns how many it forgot. Called often, it walks round the table.
  size_t expire_step(int64_t now_ms, size_t slots);
  void set_expiration_ms(int64_t expiration_ms) { config_.expiration_ms = expiration_ms; }
  void set_window_batches(uint16_t window_batches);

  // --- reading ----------------------------------------------------------------------------------
  size_t size() const { return table_.size(); }
  /// Producer `index` of size(); the order changes whenever the state does.
  ProducerView view(size_t index) const;
  std::optional<ProducerView> find(ProducerId producer_id) const;
  std::vector<ProducerSnapshotEntry> snapshot() const;
  std::vector<ProducerView> views() const;
  /// Sums over all producers, also forgotten ones, since this state was made.
  const ProducerCounters& totals() const { return totals_; }
  uint64_t refused_when_full() const { return refused_when_full_; }
  /// Bytes of heap in use, growth slack included.
  size_t memory_bytes() const;

 private:
  Decision check_unknown(const BatchIdentity& batch);
  Decision check_other_epoch(const BatchIdentity& batch, uint32_t number);
  Decision check_not_next(const BatchIdentity& batch, uint32_t number, Offset log_start);
  Decision check_older(const BatchIdentity& batch, uint32_t number, Offset log_start);
  Decision stored_match(const BatchIdentity& batch, uint32_t number, const RememberedBatch& stored,
                        Offset log_start);
  Decision append(const BatchIdentity& batch, uint32_t number, Reason reason);
  Decision refuse(uint32_t number, Reason reason);
  void count(uint32_t number, Reason reason, const BatchIdentity* batch);
  void start_epoch(HotSlot& slot, ProducerEpoch epoch);
  void push(HotSlot& slot, const BatchIdentity& batch, const StoredBatch& stored, int64_t now_ms);
  /// Sequences further back than this cannot be told from sequences ahead; first_known follows.
  static constexpr int64_t kReach = int64_t{1} << 30;

  [[gnu::noinline]] void applied_slowly(uint32_t number, const BatchIdentity& batch,
                                        const StoredBatch& stored, int64_t now_ms);
  void note_newest(HotSlot& slot, const BatchIdentity& batch, Sequence last,
                   const StoredBatch& stored, int64_t now_ms);
  [[gnu::noinline]] void note_time(int64_t now_ms);
  void remember_newest(HotSlot& slot);
  void forget(uint32_t number);
  void insert_view(const ProducerView& view);
  void give_back(uint32_t number, const ProducerView& kept);
  RememberedBatch oldest_batch(const HotSlot& slot) const;
  bool has_expired(int64_t last_append_ms, int64_t now_ms) const {
    return now_ms - last_append_ms > config_.expiration_ms;
  }

  ProducerStateConfig config_;
  ProducerTable table_;
  OlderBatches older_;
  PartitionTxns txns_;
  CounterTable counters_;
  ProducerCounters totals_;
  uint64_t refused_when_full_ = 0;
  size_t expiry_cursor_ = 0;
  int64_t now_ms_ = 0;  // of the last append …
  uint32_t now_s_ = 0;  // … in seconds, rounded up
  std::vector<ProducerView> kept_aside_;
};

// Inline, since it is most of what idempotence costs. Plain is a slot whose newest batch is there
// with its CRC, whose older ones lie in a small ring, and whose window is Kafka's: push() finds it
// out, and whatever else changes one of these takes the flag away.
inline void ProducerState::applied(const BatchIdentity& batch, const Decision& decision,
                                   const StoredBatch& stored, int64_t now_ms) {
  SEMEL_ASSERT(decision.verdict == Verdict::kAppend);
  if (decision.slot == Decision::kNoSlot) [[unlikely]]
    return applied_slowly(decision.slot, batch, stored, now_ms);
  HotSlot& slot = table_.at(decision.slot);
  SEMEL_ASSERT(slot.producer_id == batch.producer_id);
  const Sequence last = batch.last_sequence();
  const bool is_plain = slot.has(HotSlot::kIsPlain) && slot.epoch == batch.epoch &&
                        batch.crc_is_known && !batch.is_transactional &&
                        behind(last, slot.first_known) <= kReach;
  if (!is_plain) [[unlikely]]
    return applied_slowly(decision.slot, batch, stored, now_ms);
  older_.push_newest(slot);
  note_newest(slot, batch, last, stored, now_ms);
}

/// The newest batch is remembered already; `last` is batch.last_sequence().
inline void ProducerState::note_newest(HotSlot& slot, const BatchIdentity& batch, Sequence last,
                                       const StoredBatch& stored, int64_t now_ms) {
  slot.last_sequence = last;
  slot.offset_delta = batch.last_offset_delta;
  slot.last_offset = stored.last_offset;
  slot.batch_timestamp_ms = stored.timestamp_ms;
  slot.entry_timestamp_ms = stored.timestamp_ms;
  slot.crc = batch.crc;
  if (now_ms != now_ms_) note_time(now_ms);
  slot.last_append_s = now_s_;
}

}  // namespace semel::log
