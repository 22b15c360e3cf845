#include "rt/wait.h"

namespace semel::rt {

void BoundedWait::suspend(std::coroutine_handle<> awaiter) {
  awaiter_ = awaiter;
  source_is_armed_ = true;
  if (limits_.deadline != kNever) {
    timer_ = waiting_executor_.run_at(limits_.deadline, [this] {
      timer_ = {};
      finish(WaitOutcome::kDeadline);
    });
  }
  if (limits_.cancel != nullptr) {
    cancel_is_armed_ = true;
    if (!limits_.cancel->watch(*this)) waiting_executor_.post(*this);
  }
}

void BoundedWait::fired() {
  source_is_armed_ = false;
  if (!is_decided_) return finish(WaitOutcome::kReady);
  outcome_ = WaitOutcome::kReady;
  resume_if_free();
}

void BoundedWait::run() {
  cancel_is_armed_ = false;
  if (!is_decided_) return finish(WaitOutcome::kCancelled);
  resume_if_free();
}

void BoundedWait::finish(WaitOutcome outcome) {
  is_decided_ = true;
  outcome_ = outcome;
  if (timer_.value != 0) waiting_executor_.cancel(timer_);
  if (source_is_armed_ && disarm()) source_is_armed_ = false;
  if (cancel_is_armed_ && limits_.cancel->unwatch(*this)) cancel_is_armed_ = false;
  resume_if_free();
}

}  // namespace semel::rt
