#include "rt/linux/timer_heap.h"

#include <utility>

#include "base/assert.h"

namespace semel::rt::linux_os {

// A TimerId is the slot's generation in the high half and its number in the low half; the
// generation starts at 1, so that no id is 0.
TimerId TimerHeap::add(Instant when, UniqueFunction<void()> work) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t number = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[number];
  slot.work = std::move(work);
  slot.is_used = true;
  heap_.push_back({when, added_++, number});
  slot.position = static_cast<uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
  return {uint64_t{slot.generation} << 32 | number};
}

bool TimerHeap::cancel(TimerId timer) {
  const uint64_t number = timer.value & 0xffffffff;
  if (number >= slots_.size()) return false;
  const Slot& slot = slots_[number];
  if (!slot.is_used || slot.generation != timer.value >> 32) return false;
  remove_at(slot.position);
  return true;
}

UniqueFunction<void()> TimerHeap::pop() {
  SEMEL_ASSERT(!heap_.empty());
  return remove_at(0);
}

void TimerHeap::clear() {
  while (!empty()) pop();
}

UniqueFunction<void()> TimerHeap::remove_at(size_t position) {
  const uint32_t number = heap_[position].slot;
  const Node last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    place(position, last);
    sift_up(position);
    sift_down(slots_[last.slot].position);
  }
  Slot& slot = slots_[number];
  slot.is_used = false;
  if (++slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(number);
  return std::exchange(slot.work, {});
}

void TimerHeap::sift_up(size_t position) {
  const Node node = heap_[position];
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (!(node < heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, node);
}

void TimerHeap::sift_down(size_t position) {
  const Node node = heap_[position];
  while (true) {
    size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (!(heap_[child] < node)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, node);
}

}  // namespace semel::rt::linux_os
