// Deadlines: many timeouts of one reactor behind one timer. Nothing is allocated in steady state.
#pragma once

#include <cstddef>
#include <vector>

#include "rt/executor.h"

namespace semel::api {

/// Embedded by who waits. Must be removed, or have fired, before it dies.
class Deadline {
 public:
  virtual ~Deadline() = default;
  /// The time is up; the deadline is no longer set.
  virtual void on_deadline() = 0;

 private:
  friend class Deadlines;
  static constexpr size_t kUnset = ~size_t{0};
  rt::Instant when_;
  size_t place_ = kUnset;  // in the heap
};

/// One reactor's; used on it only.
class Deadlines {
 public:
  explicit Deadlines(rt::Executor& executor) : executor_(executor) {}
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void set(Deadline& deadline, rt::Instant when);
  /// No effect if it is not set.
  void remove(Deadline& deadline);
  rt::Executor& executor() { return executor_; }

 private:
  void place(size_t at, Deadline& deadline);
  void move_up(size_t at);
  void move_down(size_t at);
  void arm();
  void fire();

  rt::Executor& executor_;
  std::vector<Deadline*> heap_;  // by when_, the earliest first
  rt::TimerId timer_;
  rt::Instant timer_at_;  // when timer_ fires; perhaps earlier than needed
};

}  // namespace semel::api
