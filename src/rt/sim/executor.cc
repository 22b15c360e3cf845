#include "rt/sim/executor.h"

#include "base/assert.h"
#include "rt/sim/process.h"

namespace semel::rt::sim {

void SimExecutor::post(UniqueFunction<void()> work) {
  if (is_stopped_) return;
  queue_.push_back({std::move(work), nullptr, 0});
  process_.wake(*this);
}

void SimExecutor::post(Mail& mail) {
  if (is_stopped_) return;
  queue_.push_back({{}, &mail, 0});
  process_.wake(*this);
}

TimerId SimExecutor::run_at(Instant when, UniqueFunction<void()> work) {
  SEMEL_ASSERT(process_.may_act_as(*this), "run_at from another executor");
  if (is_stopped_) return {};
  const uint64_t id = process_.next_timer_id();
  timers_.emplace(TimerKey{when.ns, id}, std::move(work));
  timer_times_.emplace(id, when.ns);
  process_.schedule_timer(*this, when, id);
  return TimerId{id};
}

bool SimExecutor::cancel(TimerId timer) {
  SEMEL_ASSERT(process_.may_act_as(*this), "cancel from another executor");
  if (const auto due = due_.find(timer.value); due != due_.end()) {
    const UniqueFunction<void()> work = std::move(due->second);
    due_.erase(due);
    return true;
  }
  const auto found = timer_times_.find(timer.value);
  if (found == timer_times_.end()) return false;
  const auto entry = timers_.find(TimerKey{found->second, timer.value});
  const UniqueFunction<void()> work =
      std::move(entry->second);  // destroyed after the maps are whole
  timers_.erase(entry);
  timer_times_.erase(found);
  return true;
}

bool SimExecutor::is_current() const { return process_.is_current(*this); }

Clock& SimExecutor::clock() { return process_.clock(); }

void SimExecutor::run_one() {
  Work work = std::move(queue_.front());
  queue_.pop_front();
  if (work.mail != nullptr) return work.mail->run();
  if (work.timer == 0) return work.function();
  const auto due = due_.find(work.timer);
  if (due == due_.end()) return;
  work.function = std::move(due->second);
  due_.erase(due);
  work.function();
}

void SimExecutor::fire(uint64_t timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  const auto entry = timers_.find(TimerKey{found->second, timer});
  due_.emplace(timer, std::move(entry->second));
  queue_.push_back({{}, nullptr, timer});
  timers_.erase(entry);
  timer_times_.erase(found);
  process_.wake(*this);
}

std::optional<Instant> SimExecutor::next_timer() const {
  if (timers_.empty()) return std::nullopt;
  return Instant{timers_.begin()->first.first};
}

void SimExecutor::fire_next() { fire(timers_.begin()->first.second); }

void SimExecutor::stop() {
  is_stopped_ = true;
  const auto queue = std::exchange(queue_, {});
  const auto timers = std::exchange(timers_, {});
  const auto due = std::exchange(due_, {});
  timer_times_.clear();
}

}  // namespace semel::rt::sim
