#include "net/memory_share.h"

#include <algorithm>

namespace semel::net {

MemoryShare::~MemoryShare() {
  SEMEL_ASSERT(taken_ == 0 && first_ == nullptr, "requests are under way");
  if (reserved_ > 0) budget_.release(reserved_);
}

bool MemoryShare::grow_by(size_t bytes) {
  const size_t taken = taken_ + bytes;
  const size_t covered = reserved_ + overdraft_;
  if (taken > covered + kFree && !reserve(taken - covered - kFree)) {
    const bool is_little = bytes <= kSmall && taken <= covered + kFreeForSmall;
    if (!is_little && overdraft_ > kFreeForSmall) return false;
    if (!is_little) overdraft_ += taken - covered - kFree;
  }
  taken_ = taken;
  return true;
}

bool MemoryShare::reserve(size_t bytes) {
  const size_t steps = (bytes + kStep - 1) / kStep * kStep;
  size_t got = steps;
  if (!budget_.try_reserve_for_work(steps)) {
    got = MemoryBudget::kSmall;
    if (bytes > got || !budget_.try_reserve(got)) return false;
  }
  reserved_ += got;
  return true;
}

void MemoryShare::shrink() {
  const size_t needed = taken_ > kFree ? taken_ - kFree : 0;
  overdraft_ = std::min(overdraft_, needed > reserved_ ? needed - reserved_ : 0);
  if (needed == 0 ? reserved_ > 0 : reserved_ >= needed + 2 * kStep) {
    budget_.release(reserved_ - needed);
    reserved_ = needed;
  }
  if (first_ != nullptr) serve();
}

void MemoryShare::wait(Waiter& waiter) {
  waiter.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &waiter;
  last_ = &waiter;
}

bool MemoryShare::cancel(Waiter& waiter) {
  Waiter* before = nullptr;
  for (Waiter* at = first_; at != nullptr; before = at, at = at->next) {
    if (at != &waiter) continue;
    (before != nullptr ? before->next : first_) = at->next;
    if (last_ == at) last_ = before;
    serve();
    return true;
  }
  return false;
}

void MemoryShare::serve() {
  while (first_ != nullptr && grow_by(first_->bytes)) {
    Waiter& served = *first_;
    first_ = served.next;
    if (first_ == nullptr) last_ = nullptr;
    owner_.post(served);
  }
}

}  // namespace semel::net
