// The words of duplicate detection: what a batch says of itself, what the broker answers, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error_code.h"
#include "base/ids.h"

namespace semel::log {

/// How many sequences `sequence` lies before `last`, which wrap: 0 … 2^31−1.
inline int64_t behind(Sequence last, Sequence sequence) {
  return (static_cast<int64_t>(last.value) - sequence.value) & 0x7fffffff;
}

/// What the header of a v2 batch with a producer id says. Sequences wrap after 2^31−1, also inside
/// a batch.
struct BatchIdentity {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  Sequence base_sequence;         // ≥ 0
  int32_t last_offset_delta = 0;  // records − 1, ≥ 0; kept by the cleaner
  /// CRC-32C of the batch from its attributes on: as received from the client, or as stored (then a
  /// batch that the leader changed merely differs, and is compared by content).
  uint32_t crc = 0;
  bool crc_is_known = true;
  bool is_transactional = false;
  /// The client speaks transaction version 2: an unknown producer must begin at sequence 0
  /// (KAFKA-18202).
  bool must_start_at_zero = false;

  Sequence last_sequence() const { return base_sequence.plus(last_offset_delta); }
};

/// Where a batch lies.
struct StoredBatch {
  Offset first_offset = kNoOffset;
  Offset last_offset = kNoOffset;
  int64_t timestamp_ms = -1;  // the batch's maximal timestamp
};

/// A transaction marker, from a control batch of type COMMIT or ABORT.
struct TxnMarker {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  int32_t coordinator_epoch = -1;
  bool is_abort = false;
  /// Transaction version 2: the marker's epoch must be above that of the transaction (KIP-890).
  bool epoch_is_bumped = false;
};

/// A transaction with data in this partition that a marker has ended.
struct CompletedTxn {
  ProducerId producer_id = kNoProducerId;
  Offset first_offset;
  Offset last_offset;  // the marker's
  Offset
      last_stable_offset;  // first offset of the earliest other open transaction, else marker + 1
  bool is_abort = false;
};

/// What the log knows when a batch arrives.
struct LogFacts {
  Offset log_start;
  /// False while leadership or recovery is unproven: then every answer is NOT_LEADER_OR_FOLLOWER.
  bool leadership_is_proven = true;
};

enum class Verdict : uint8_t {
  kAppend,     // store it, then call applied()
  kDuplicate,  // stored before: answer success with the offsets and timestamp given
  kCompare,    // a stored batch has this range, its bytes may differ: compare with the batch that
               // ends at last_offset (it may begin below the log start), then settle()
  kLookUp,     // older than what is remembered: search [first_offset, last_offset], then settle()
  kRefuse,     // answer code_of(reason) with explain()
};

enum class Reason : uint8_t {
  kInOrder,             // append
  kNewProducer,         // append
  kNewEpoch,            // append
  kSameBytes,           // duplicate, proven by the CRC
  kReencoded,           // duplicate, proven by comparing records
  kMayDiffer,           // compare
  kOlder,               // look up
  kBelowLogStart,       // 46: stored once and since deleted
  kGap,                 // 45
  kPartOfRange,         // 45: overlaps stored batches without being one of them
  kSequenceReused,      // 45: same range, other records
  kOlderUnknown,        // 45: older than anything known, not in the log
  kOlderOutOfReach,     // 45: not within the bytes that one look-up may read
  kEpochNotFromZero,    // 45: first sequence of a newer epoch (or after a marker alone) is not 0
  kUnknownNotFromZero,  // 45: unknown producer of transaction version 2, sequence not 0
  kFenced,              // 47: older epoch
  kNotTransactional,    // 48: a transaction of this producer is open
  kCoordinatorFenced,   // 52: marker of an older coordinator
  kUnproven,            // 6
  kTableFull,           // 19, retriable: no room for another producer now
  kLookupBusy,          // 6, retriable: too many look-ups at a time
};

/// The wire's code for a reason; kNone for appends and duplicates.
ErrorCode code_of(Reason reason);

struct Decision {
  static constexpr uint32_t kNoSlot = 0xffffffff;

  Verdict verdict = Verdict::kRefuse;
  Reason reason = Reason::kUnproven;
  /// Sequence that would have been appended; −1 = any or none.
  Sequence expected;
  /// Epoch known for the producer; −1 = none.
  ProducerEpoch known_epoch = kNoProducerEpoch;
  /// Of the stored batch (kDuplicate, kCompare), or the offsets to search (kLookUp), both
  /// inclusive.
  Offset first_offset = kNoOffset;
  Offset last_offset = kNoOffset;
  int64_t timestamp_ms = -1;  // of the stored batch: LogAppendTimeMs of the answer
  /// kLookUp: the whole range lies between the first known and the last sequence, so it was stored.
  bool was_stored = false;
  /// The table's own note between check() and applied(); valid until the next change of the state.
  uint32_t slot = kNoSlot;
};

/// The text for ErrorMessage: one line, sequences and epochs only, no data of records. Empty for
/// appends and duplicates.
std::string explain(const Decision& decision, const BatchIdentity& batch);

/// What reading the log brought to light; made by duplicate_lookup.h.
enum class Match : uint8_t {
  kEqual,       // stored holds the batch
  kDifferent,   // same range, other records
  kPartOf,      // stored batches overlap the range without being equal to it
  kNotFound,    // the search reached its lowest offset
  kOutOfReach,  // the search used up its bytes
};
struct LookupResult {
  Match match = Match::kNotFound;
  StoredBatch stored;       // kEqual, kDifferent
  bool same_bytes = false;  // kEqual: the checksums are equal too
};

/// Counted where the leader decides; since the producer became known here, or as the sidecar kept
/// it.
struct ProducerCounters {
  uint64_t duplicates = 0;  // batches answered from memory or log, re-encoded ones included
  uint64_t duplicate_records = 0;
  uint64_t reencoded = 0;         // of them: equal by content only
  uint64_t below_log_start = 0;   // answered 46
  uint64_t gaps = 0;              // answered 45 for a gap or an overlap
  uint64_t sequences_reused = 0;  // answered 45 for other records under a stored range
  uint64_t epoch_bumps = 0;
  uint64_t fenced = 0;  // answered 47

  bool operator==(const ProducerCounters&) const = default;
};

/// One batch that is remembered.
struct RememberedBatch {
  Sequence last_sequence;
  int32_t offset_delta = 0;
  Offset last_offset = kNoOffset;
  int64_t timestamp_ms = -1;
  uint32_t crc = 0;
  bool crc_is_known = false;

  Sequence first_sequence() const { return last_sequence.minus(offset_delta); }
  Offset first_offset() const { return last_offset - offset_delta; }
  bool operator==(const RememberedBatch&) const = default;
};

/// Everything known of one producer: for DescribeProducers, the sidecar and tests.
struct ProducerView {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  int32_t coordinator_epoch = -1;
  int64_t timestamp_ms = -1;    // of the last batch or marker (what Kafka's snapshot keeps)
  int64_t last_append_ms = -1;  // broker's clock, whole seconds, never too early
  Offset txn_first_offset = kNoOffset;
  /// First sequence from which everything up to the last one is known to have been stored; −1 =
  /// none.
  Sequence first_known;
  /// first_known began the epoch: nothing of this epoch came before it.
  bool epoch_start_is_known = false;
  std::vector<RememberedBatch> batches;  // oldest first
  ProducerCounters counters;

  bool operator==(const ProducerView&) const = default;
};

}  // namespace semel::log
