// LogContext: what all logs of one log directory share.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/result.h"
#include "log/producer_state.h"
#include "rt/clock.h"
#include "rt/disk.h"
#include "rt/executor.h"
#include "rt/function.h"
#include "rt/random.h"

namespace semel::log {

/// One log directory's health. The first failure sticks: nothing is written to it any more.
class DirectoryHealth {
 public:
  /// Called once, on the thread that met the failure.
  using OnFailure = rt::UniqueFunction<void(const Error&)>;
  explicit DirectoryHealth(OnFailure on_failure) : on_failure_(std::move(on_failure)) {}

  bool is_offline() const { return offline_.load(std::memory_order_acquire); }
  /// Takes the directory offline; later calls do nothing. Any thread.
  void fail(const Error& why);

 private:
  std::atomic<bool> offline_{false};
  std::mutex mutex_;
  OnFailure on_failure_;
};

/// Borrowed parts; they outlive every log that was opened with them.
struct LogContext {
  rt::Disk& disk;
  rt::Clock& clock;
  rt::Random& random;
  rt::Executor& home;  // where blocking work reports back, and timers run
  DirectoryHealth& health;
  ProducerStateConfig producers;
};

}  // namespace semel::log
