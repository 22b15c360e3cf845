#include "api/deadlines.h"

#include "base/assert.h"

namespace semel::api {

Deadlines::~Deadlines() {
  SEMEL_ASSERT(heap_.empty(), "deadlines die with waiters");
  if (timer_.value != 0 && executor_.is_current()) executor_.cancel(timer_);
}

void Deadlines::place(size_t at, Deadline& deadline) {
  heap_[at] = &deadline;
  deadline.place_ = at;
}

void Deadlines::move_up(size_t at) {
  Deadline& moving = *heap_[at];
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (heap_[parent]->when_ <= moving.when_) break;
    place(at, *heap_[parent]);
    at = parent;
  }
  place(at, moving);
}

void Deadlines::move_down(size_t at) {
  Deadline& moving = *heap_[at];
  while (true) {
    size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_) ++child;
    if (moving.when_ <= heap_[child]->when_) break;
    place(at, *heap_[child]);
    at = child;
  }
  place(at, moving);
}

void Deadlines::set(Deadline& deadline, rt::Instant when) {
  remove(deadline);
  deadline.when_ = when;
  heap_.push_back(&deadline);
  deadline.place_ = heap_.size() - 1;
  move_up(deadline.place_);
  arm();
}

void Deadlines::remove(Deadline& deadline) {
  const size_t at = std::exchange(deadline.place_, Deadline::kUnset);
  if (at == Deadline::kUnset) return;
  Deadline& last = *heap_.back();
  heap_.pop_back();
  if (&last == &deadline) return;
  place(at, last);
  move_up(at);
  move_down(last.place_);
}

void Deadlines::arm() {
  if (heap_.empty()) return;
  const rt::Instant needed = heap_.front()->when_;
  if (timer_.value != 0) {
    if (timer_at_ <= needed) return;
    executor_.cancel(timer_);
  }
  timer_at_ = needed;
  timer_ = executor_.run_at(needed, [this] { fire(); });
}

void Deadlines::fire() {
  timer_ = {};
  const rt::Instant now = executor_.clock().now();
  while (!heap_.empty() && heap_.front()->when_ <= now) {
    Deadline& due = *heap_.front();
    remove(due);
    due.on_deadline();
  }
  arm();
}

}  // namespace semel::api
