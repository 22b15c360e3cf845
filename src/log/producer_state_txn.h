// The transactions of one partition, as read_committed readers see them: open ones, and ended ones
// whose marker the high watermark has not passed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "log/producer_state_table.h"

namespace semel::log {

class PartitionTxns {
 public:
  explicit PartitionTxns(uint64_t hash_seed) : by_producer_(hash_seed) {}

  /// The producer has no open transaction yet.
  void open(ProducerId producer_id, Offset first_offset);
  /// kNoOffset if it has none.
  Offset first_offset_of(ProducerId producer_id) const;
  /// Ends the producer's open transaction. Returns the last stable offset behind it: the first
  /// offset of the earliest other open transaction, else marker + 1.
  Offset end(ProducerId producer_id, Offset marker);

  void high_watermark_moved(Offset high_watermark);
  std::optional<Offset> first_unstable_offset() const;
  size_t open_count() const { return by_producer_.size(); }
  size_t memory_bytes() const;
  void clear();

 private:
  struct Open {
    ProducerId producer_id;
    Offset first_offset;
  };
  struct Ended {
    Offset first_offset;
    Offset marker;
  };

  PidTable<Open> by_producer_;
  std::vector<Offset> open_;  // first offsets, ascending; two producers never share one
  std::vector<Ended> ended_;  // ascending by marker
};

}  // namespace semel::log
