#include "rt/cancel.h"

namespace semel::rt {

bool CancelToken::watch(Watch& watch) const {
  if (state_ == nullptr) return true;
  auto head = state_->watches.lock();
  if (state_->is_cancelled.load(std::memory_order_relaxed)) return false;
  watch.previous_ = nullptr;
  watch.next_ = *head;
  if (*head != nullptr) (*head)->previous_ = &watch;
  *head = &watch;
  watch.is_listed_ = true;
  return true;
}

bool CancelToken::unwatch(Watch& watch) const {
  if (state_ == nullptr) return true;
  auto head = state_->watches.lock();
  if (!watch.is_listed_) return false;
  watch.is_listed_ = false;
  if (watch.next_ != nullptr) watch.next_->previous_ = watch.previous_;
  (watch.previous_ != nullptr ? watch.previous_->next_ : *head) = watch.next_;
  return true;
}

// A watch may be gone as soon as it is posted, so it is unlinked before. Posting takes no lock that
// could be held while somebody waits for this one.
void CancelSource::cancel() {
  auto head = state_->watches.lock();
  state_->is_cancelled.store(true, std::memory_order_release);
  while (*head != nullptr) {
    CancelToken::Watch& watch = **head;
    *head = watch.next_;
    if (*head != nullptr) (*head)->previous_ = nullptr;
    watch.is_listed_ = false;
    watch.executor_.post(watch);
  }
}

}  // namespace semel::rt
