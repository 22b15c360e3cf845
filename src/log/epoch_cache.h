// EpochCache: where each leader epoch of a partition begins (KIP-101, KIP-279). The file beside it,
// leader-epoch-checkpoint, is written by the log.
#pragma once

#include <vector>

#include "base/ids.h"

namespace semel::log {

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
  bool operator==(const EpochStart&) const = default;
};

struct EpochEndOffset {
  LeaderEpoch epoch = kNoLeaderEpoch;
  Offset end_offset = kNoOffset;
  bool operator==(const EpochEndOffset&) const = default;
};

/// Not thread-safe. Entries ascend strictly in epoch and in start offset.
class EpochCache {
 public:
  /// Entries of a file; those that do not ascend push older ones out, as assign() does.
  void load(const std::vector<EpochStart>& entries);

  /// Notes that `epoch` begins at `start`. Ignored for negative epochs and if the latest entry says
  /// so already; otherwise entries with an epoch or start at or above the new one are dropped
  /// first. True if something changed.
  bool assign(LeaderEpoch epoch, Offset start);
  /// What is asked by OffsetForLeaderEpoch: the largest known epoch ≤ `epoch` and where it ends;
  /// (−1, −1) if `epoch` is −1, above the latest, or nothing is known; below the earliest: (epoch,
  /// start of the earliest).
  EpochEndOffset end_offset_for(LeaderEpoch epoch, Offset log_end) const;
  /// −1 if nothing is known.
  LeaderEpoch latest() const { return entries_.empty() ? kNoLeaderEpoch : entries_.back().epoch; }
  /// The epoch of the record at `offset`, −1 below the first entry.
  LeaderEpoch epoch_of(Offset offset) const;
  /// Forgets epochs that begin at or after `end`. True if something changed.
  bool truncate_from_end(Offset end);
  /// Forgets epochs that end at or before `start`; the one that holds `start` begins there then.
  bool truncate_from_start(Offset start);
  void clear() { entries_.clear(); }

  const std::vector<EpochStart>& entries() const { return entries_; }

 private:
  std::vector<EpochStart> entries_;
};

}  // namespace semel::log
