#include "replica/read_waiter.h"

#include "base/assert.h"

namespace semel::replica {

void ReadWaiterList::add(ReadWaiter& waiter) {
  auto list = list_.lock();
  SEMEL_ASSERT(!waiter.is_listed_);
  waiter.is_listed_ = true;
  waiter.previous_ = nullptr;
  waiter.next_ = list->first;
  if (list->first != nullptr) list->first->previous_ = &waiter;
  list->first = &waiter;
  count_.fetch_add(1, std::memory_order_seq_cst);
}

void ReadWaiterList::remove(ReadWaiter& waiter) {
  auto list = list_.lock();
  if (!waiter.is_listed_) return;
  waiter.is_listed_ = false;
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : list->first) = waiter.next_;
  if (waiter.next_ != nullptr) waiter.next_->previous_ = waiter.previous_;
  count_.fetch_sub(1, std::memory_order_seq_cst);
}

void ReadWaiterList::notify(int64_t bytes) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (count_.load(std::memory_order_relaxed) == 0) return;
  auto list = list_.lock();
  for (ReadWaiter* waiter = list->first; waiter != nullptr; waiter = waiter->next_)
    waiter->on_readable(bytes);
}

}  // namespace semel::replica
