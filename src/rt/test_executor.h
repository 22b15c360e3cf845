// For tests: an executor and a clock that move only when the test says so.
#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "rt/executor.h"

namespace semel::rt {

class TestClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  int64_t unix_ms() const override { return 1'600'000'000'000 + now_.ns / 1'000'000; }
  void set(Instant now) { now_ = now; }

 private:
  Instant now_{1'000};
};

class TestExecutor final : public Executor {
 public:
  explicit TestExecutor(TestClock& clock, uint32_t index = 0) : clock_(clock), index_(index) {}

  void post(UniqueFunction<void()> work) override { queue_.emplace_back(nullptr, std::move(work)); }
  void post(Mail& mail) override { queue_.emplace_back(&mail, UniqueFunction<void()>{}); }
  TimerId run_at(Instant when, UniqueFunction<void()> work) override {
    const uint64_t id = ++timer_ids_;
    timers_.emplace(std::pair(when, id), std::move(work));
    return {id};
  }
  bool cancel(TimerId timer) override {
    return std::erase_if(timers_,
                         [&](const auto& entry) { return entry.first.second == timer.value; }) > 0;
  }
  bool is_current() const override { return true; }
  uint32_t index() const override { return index_; }
  Clock& clock() override { return clock_; }

  /// Runs what is queued and what that queues; returns how many pieces ran.
  int run_all() {
    int count = 0;
    while (!queue_.empty()) {
      auto [mail, work] = std::move(queue_.front());
      queue_.pop_front();
      mail != nullptr ? mail->run() : work();
      ++count;
    }
    return count;
  }
  /// Moves the clock, runs the timers that are due, then everything queued.
  void advance(Duration duration) {
    clock_.set(clock_.now() + duration);
    while (!timers_.empty() && timers_.begin()->first.first <= clock_.now()) {
      auto node = timers_.extract(timers_.begin());
      node.mapped()();
    }
    run_all();
  }
  size_t queued() const { return queue_.size(); }
  size_t timers() const { return timers_.size(); }

 private:
  TestClock& clock_;
  uint32_t index_;
  std::deque<std::pair<Mail*, UniqueFunction<void()>>> queue_;
  std::map<std::pair<Instant, uint64_t>, UniqueFunction<void()>> timers_;
  uint64_t timer_ids_ = 0;
};

}  // namespace semel::rt
