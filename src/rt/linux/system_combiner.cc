#include "rt/linux/system_combiner.h"

namespace semel::rt::linux_os {

// Race: the pusher publishes its entry and then tries the lock; the holder lets the lock go and
// then looks for entries. All four steps are sequentially consistent, so at least one of the two
// sees what the other did: either the pusher gets the lock, or the holder sees the entry and tries
// it again.
void SystemCombiner::enqueue(Entry& entry) {
  Entry* before = newest_.load(std::memory_order_relaxed);
  do {
    entry.next = before;
  } while (!newest_.compare_exchange_weak(before, &entry));
}

void SystemCombiner::drain() {
  while (has_work() && !is_taken_.exchange(true)) {
    drain_turn();
    is_taken_.store(false);
  }
}

// An entry may be gone, or pushed anew, as soon as it was handed to drain_.
void SystemCombiner::drain_turn() {
  for (int i = 0; i < kEntriesPerTurn; ++i) {
    if (first_ == nullptr) take_pushed();
    Entry* entry = first_;
    if (entry == nullptr) break;
    first_ = entry->next;
    drain_(*entry);
  }
  if (turn_end_) turn_end_();
  has_rest_.store(first_ != nullptr);
}

void SystemCombiner::take_pushed() {
  Entry* newest = newest_.exchange(nullptr);
  while (newest != nullptr) {
    Entry* const before = newest->next;
    newest->next = first_;
    first_ = newest;
    newest = before;
  }
}

}  // namespace semel::rt::linux_os
