// TimerHeap: the timers of one reactor, a binary heap over reusable slots. Adding and cancelling
// cost O(log n); a cancelled timer is gone at once, so that timeouts that never fire do not pile
// up. Nothing is allocated once the vectors have grown to the usual number of timers.
#pragma once

#include <cstdint>
#include <vector>

#include "rt/executor.h"

namespace semel::rt::linux_os {

class TimerHeap {
 public:
  TimerId add(Instant when, UniqueFunction<void()> work);
  /// False if the timer ran or was cancelled before.
  bool cancel(TimerId timer);

  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  /// When the first one is due; not for an empty heap.
  Instant next() const { return heap_.front().when; }
  /// Removes the first timer and returns its work; timers due at the same instant come in the order
  /// of add(). Not for an empty heap.
  UniqueFunction<void()> pop();
  void clear();

 private:
  struct Node {
    Instant when;
    uint64_t order;
    uint32_t slot;
    bool operator<(const Node& other) const {
      return when != other.when ? when < other.when : order < other.order;
    }
  };
  struct Slot {
    UniqueFunction<void()> work;
    uint32_t generation = 1;
    uint32_t position = 0;  // in heap_, while in use
    bool is_used = false;
  };

  void place(size_t position, const Node& node) {
    heap_[position] = node;
    slots_[node.slot].position = static_cast<uint32_t>(position);
  }
  void sift_up(size_t position);
  void sift_down(size_t position);
  UniqueFunction<void()> remove_at(size_t position);

  std::vector<Node> heap_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t added_ = 0;
};

}  // namespace semel::rt::linux_os
