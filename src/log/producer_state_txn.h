// The transactions of one partition, as read_committed readers see them: open ones, and ended ones
// whose marker the high watermark has not passed.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace semel::log {

class PartitionTxns {
 public:
  /// The producer has no open transaction yet.
  void open(ProducerId producer_id, Offset first_offset);
  /// kNoOffset if it has none.
  Offset first_offset_of(ProducerId producer_id) const;
  /// Ends the producer's open transaction. Returns the last stable offset behind it: the first offset
  /// of the earliest other open transaction, else marker + 1.
  Offset end(ProducerId producer_id, Offset marker);
  /// Removes an open transaction without an end.
  void drop(ProducerId producer_id);

  void high_watermark_moved(Offset high_watermark);
  std::optional<Offset> first_unstable_offset() const;
  size_t open_count() const { return open_.size(); }
  void clear() {
    open_.clear();
    ended_.clear();
  }

 private:
  struct Ended {
    Offset first_offset;
    Offset marker;
  };
  std::vector<std::pair<Offset, ProducerId>> open_;  // ascending by first offset
  std::vector<Ended> ended_;                         // ascending by marker
};

}  // namespace semel::log
