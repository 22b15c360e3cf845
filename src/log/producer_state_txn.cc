#include "log/producer_state_txn.h"

#include <algorithm>

namespace semel::log {

void PartitionTxns::open(ProducerId producer_id, Offset first_offset) {
  SEMEL_ASSERT(by_producer_.find(producer_id) == by_producer_.kNone);
  by_producer_.at(by_producer_.insert(producer_id)).first_offset = first_offset;
  open_.insert(std::ranges::upper_bound(open_, first_offset), first_offset);
}

Offset PartitionTxns::first_offset_of(ProducerId producer_id) const {
  const uint32_t number = by_producer_.find(producer_id);
  return number == by_producer_.kNone ? kNoOffset : by_producer_.at(number).first_offset;
}

Offset PartitionTxns::end(ProducerId producer_id, Offset marker) {
  const uint32_t number = by_producer_.find(producer_id);
  SEMEL_ASSERT(number != by_producer_.kNone);
  const Offset first_offset = by_producer_.at(number).first_offset;
  by_producer_.remove(number);
  open_.erase(std::ranges::lower_bound(open_, first_offset));
  ended_.push_back({first_offset, marker});
  return open_.empty() ? marker + 1 : open_.front();
}

void PartitionTxns::high_watermark_moved(Offset high_watermark) {
  const auto still = std::ranges::find_if(
      ended_, [high_watermark](const Ended& txn) { return txn.marker >= high_watermark; });
  ended_.erase(ended_.begin(), still);
}

std::optional<Offset> PartitionTxns::first_unstable_offset() const {
  std::optional<Offset> first;
  if (!open_.empty()) first = open_.front();
  for (const Ended& txn : ended_)
    if (!first || txn.first_offset < *first) first = txn.first_offset;
  return first;
}

size_t PartitionTxns::memory_bytes() const {
  return by_producer_.memory_bytes() + open_.capacity() * sizeof(Offset) +
         ended_.capacity() * sizeof(Ended);
}

void PartitionTxns::clear() {
  by_producer_.clear();
  open_.clear();
  ended_.clear();
}

}  // namespace semel::log
