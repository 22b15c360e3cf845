#include "net/memory_budget.h"

#include "base/assert.h"

namespace semel::net {

MemoryBudget::MemoryBudget(size_t total, size_t reserve) : total_(total), reserve_(reserve) {
  SEMEL_ASSERT(total > reserve, "the memory budget is smaller than its reserve");
}

bool MemoryBudget::take(size_t size) {
  const size_t limit = limit_for(size);
  size_t used = used_.load(std::memory_order_seq_cst);
  while (used + size <= limit) {
    if (used_.compare_exchange_weak(used, used + size, std::memory_order_seq_cst)) return true;
  }
  return false;
}

bool MemoryBudget::try_reserve(size_t size) {
  if (size > kSmall && waiting_.load(std::memory_order_acquire) != 0) return false;
  return take(size);
}

void MemoryBudget::release(size_t size) {
  const size_t before = used_.fetch_sub(size, std::memory_order_seq_cst);
  SEMEL_ASSERT(before >= size, "more memory was given back than was reserved");
  if (waiting_.load(std::memory_order_seq_cst) != 0) wake();
}

void MemoryBudget::wait(Waiter& waiter) {
  SEMEL_ASSERT(waiter.size <= largest(), "this request can never be served");
  {
    auto queue = queue_.lock();
    SEMEL_ASSERT(!waiter.is_queued);
    waiter.is_queued = true;
    waiter.next = nullptr;
    waiter.previous = queue->last;
    (queue->last != nullptr ? queue->last->next : queue->first) = &waiter;
    queue->last = &waiter;
    waiting_.fetch_add(1, std::memory_order_seq_cst);
  }
  // Race: a release between the caller's failed try and the line above saw nobody waiting.
  wake();
}

bool MemoryBudget::cancel(Waiter& waiter) {
  {
    auto queue = queue_.lock();
    if (!waiter.is_queued) return false;
    unlink(*queue, waiter);
    waiting_.fetch_sub(1, std::memory_order_seq_cst);
  }
  // The ones behind it may fit where this one did not.
  if (waiting_.load(std::memory_order_seq_cst) != 0) wake();
  return true;
}

void MemoryBudget::unlink(Queue& queue, Waiter& waiter) {
  (waiter.previous != nullptr ? waiter.previous->next : queue.first) = waiter.next;
  (waiter.next != nullptr ? waiter.next->previous : queue.last) = waiter.previous;
  waiter.is_queued = false;
}

void MemoryBudget::wake() {
  auto queue = queue_.lock();
  bool large_must_wait = false;
  for (Waiter* waiter = queue->first; waiter != nullptr;) {
    Waiter& candidate = *waiter;
    waiter = candidate.next;
    const bool is_large = candidate.size > kSmall;
    if ((is_large && large_must_wait) || !take(candidate.size)) {
      large_must_wait = true;
      continue;
    }
    unlink(*queue, candidate);
    waiting_.fetch_sub(1, std::memory_order_seq_cst);
    candidate.executor->post(candidate);
  }
}

}  // namespace semel::net
