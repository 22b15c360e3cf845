// What a leader asks of its log, and hears, about batches to append.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "log/producer_state_types.h"

namespace semel::log {

/// Where and when an accepted batch was stored.
struct Appended {
  Offset base_offset;
  Offset last_offset;
  int64_t append_time_ms = -1;  // LogAppendTime topics; else −1
  Offset log_start;
};

/// How a leader stores a batch. Pointers are borrowed for the call.
struct LeaderAppend {
  LeaderEpoch leader_epoch;
  /// The batch as its producer sent it; null without a producer id and for markers.
  const BatchIdentity* identity = nullptr;
  /// Set for a batch that holds a transaction marker.
  const TxnMarker* marker = nullptr;
  /// What validation found; speaks only when dedup says "append". Null = nothing wrong.
  const Error* verdict = nullptr;
  bool leadership_is_proven = true;
  bool stamp_append_time = false;  // message.timestamp.type=LogAppendTime
};

/// `appended` counts if decision.verdict is kAppend; nothing was written otherwise.
struct LeaderAppended {
  Decision decision;
  Appended appended;
};

/// One of several batches that a leader appends in one call.
struct LeaderBatch {
  bytes::MutableByteSpan bytes;
  LeaderAppend how;
  Result<LeaderAppended> result;
};

/// Batches that are written by one system call. Lives for one call of Log::append_as_leader.
///
/// Nothing of the log or of its producers changes before the bytes are written. So a batch whose
/// producer has one in the group already can join only behind it, in order; any other question
/// about that producer must wait until the group is stored.
struct LeaderGroup {
  static constexpr size_t kBatchesMax = 64;
  /// Larger ones would leave the processor's cache between their check and their copy.
  static constexpr uint64_t kBytesMax = 128 * 1024;

  explicit LeaderGroup(Offset log_end)
      : next(log_end) {}  // NOLINT: the arrays are filled as it grows

  std::array<LeaderBatch*, kBatchesMax> batches;
  std::array<bytes::ByteSpan, kBatchesMax> parts;
  size_t count = 0;
  uint64_t bytes = 0;
  Offset next;                          // offset behind the last batch
  uint64_t producers = 0;               // one bit for each, not exact
  bool is_closed = false;               // the last batch lets nothing follow
  const LeaderBatch* before = nullptr;  // of the batch that may_join(): its producer's newest here

  /// The newest batch of this producer; null if there is none.
  const LeaderBatch* newest_of(ProducerId producer) const {
    if ((producers & bit_of(producer)) == 0) return nullptr;
    for (size_t i = count; i > 0; --i) {
      const BatchIdentity* identity = batches[i - 1]->how.identity;
      if (identity != nullptr && identity->producer_id == producer) return batches[i - 1];
    }
    return nullptr;
  }
  void add(LeaderBatch& batch, Offset end) {
    batches[count] = &batch;
    parts[count++] = batch.bytes;
    bytes += batch.bytes.size();
    next = end;
    if (batch.how.identity != nullptr) producers |= bit_of(batch.how.identity->producer_id);
  }

 private:
  static uint64_t bit_of(ProducerId producer) {
    return uint64_t{1} << (static_cast<uint64_t>(producer.value) & 63);
  }
};

}  // namespace semel::log
