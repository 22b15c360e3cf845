#include "rt/event.h"

namespace semel::rt {

void Event::set() {
  is_set_ = true;
  while (first_ != nullptr) {
    Wait& wait = *first_;
    wait.unlink();
    executor_.post(wait.waiter_);
  }
}

void Event::Wait::await_suspend(std::coroutine_handle<> awaiter) {
  previous_ = event_.last_;
  (previous_ != nullptr ? previous_->next_ : event_.first_) = this;
  event_.last_ = this;
  is_listed_ = true;
  suspend(awaiter);
}

bool Event::Wait::disarm() {
  if (!is_listed_) return false;
  unlink();
  return true;
}

void Event::Wait::unlink() {
  (previous_ != nullptr ? previous_->next_ : event_.first_) = next_;
  (next_ != nullptr ? next_->previous_ : event_.last_) = previous_;
  is_listed_ = false;
}

void Doorbell::ring() {
  Executor& executor = executor_;
  const State before = state_.exchange(State::kRung, std::memory_order_acq_rel);
  if (before == State::kWaiting) executor.post(*waiter_);
}

bool Doorbell::Wait::await_ready() {
  State rung = State::kRung;
  if (bell_.state_.compare_exchange_strong(rung, State::kIdle, std::memory_order_acq_rel))
    return true;
  return BoundedWait::await_ready();
}

// A ring may arrive between await_ready and here: then the waiter posts itself.
void Doorbell::Wait::await_suspend(std::coroutine_handle<> awaiter) {
  bell_.waiter_ = &waiter_;
  suspend(awaiter);
  State idle = State::kIdle;
  if (bell_.state_.compare_exchange_strong(idle, State::kWaiting, std::memory_order_acq_rel))
    return;
  SEMEL_ASSERT(idle == State::kRung, "a bell has one waiter at a time");
  executor().post(waiter_);
}

bool Doorbell::Wait::disarm() {
  State waiting = State::kWaiting;
  return bell_.state_.compare_exchange_strong(waiting, State::kIdle, std::memory_order_acq_rel);
}

void Doorbell::Wait::Waiter::run() {
  wait.bell_.state_.exchange(State::kIdle, std::memory_order_acq_rel);
  wait.fired();
}

}  // namespace semel::rt
