// SimExecutor: one virtual reactor. Its work runs in the order posted; which of several reactors
// goes next is drawn by the world.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "rt/executor.h"

namespace semel::rt::sim {

class Process;

class SimExecutor final : public Executor {
 public:
  SimExecutor(Process& process, uint32_t index) : process_(process), index_(index) {}

  void post(UniqueFunction<void()> work) override;
  void post(Mail& mail) override;
  TimerId run_at(Instant when, UniqueFunction<void()> work) override;
  bool cancel(TimerId timer) override;
  bool is_current() const override;
  uint32_t index() const override { return index_; }
  Clock& clock() override;

  // For the world:
  Process& process() { return process_; }
  bool has_work() const { return !queue_.empty(); }
  /// Runs the oldest piece of work.
  void run_one();
  /// Moves a due timer's work into the queue; nothing if it was cancelled.
  void fire(uint64_t timer);
  std::optional<Instant> next_timer() const;
  void fire_next();
  /// Destroys all work unrun; from now on posted work is destroyed at once.
  void stop();

  bool is_step_scheduled = false;
  int64_t busy_until_ns = 0;  // world time

 private:
  struct Work {
    UniqueFunction<void()> function;
    Mail* mail = nullptr;
    uint64_t timer = 0;  // stands for due_[timer]
  };
  using TimerKey = std::pair<int64_t, uint64_t>;

  Process& process_;
  uint32_t index_;
  bool is_stopped_ = false;
  std::deque<Work> queue_;
  std::map<TimerKey, UniqueFunction<void()>> timers_;
  std::map<uint64_t, int64_t> timer_times_;
  std::map<uint64_t, UniqueFunction<void()>> due_;  // fired, not run: can still be cancelled
};

}  // namespace semel::rt::sim
