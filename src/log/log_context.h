// LogContext: what all logs of one log directory share.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "log/append_pace.h"
#include "log/producer_state.h"
#include "rt/clock.h"
#include "rt/disk.h"
#include "rt/function.h"
#include "rt/guarded.h"
#include "rt/plants.h"
#include "rt/random.h"

namespace semel::log {

class Log;

/// One log directory's health. The first failure sticks: nothing is written to it any more.
class DirectoryHealth {
 public:
  /// Called once, on the thread that met the failure; must be quick and not call back into a log.
  using OnFailure = rt::UniqueFunction<void(const Error&)>;
  explicit DirectoryHealth(OnFailure on_failure) : on_failure_(std::move(on_failure)) {}

  bool is_offline() const { return offline_.load(std::memory_order_acquire); }
  /// Takes the directory offline; later calls do nothing. Any thread.
  void fail(const Error& why) {
    if (offline_.exchange(true, std::memory_order_acq_rel)) return;
    on_failure_.with([&](OnFailure& call) { call(why); });
  }

 private:
  std::atomic<bool> offline_{false};
  rt::Guarded<OnFailure> on_failure_;
};

/// What a log asks of its keeper. Without one the owner of the log calls flush() itself.
class LogCare {
 public:
  virtual ~LogCare() = default;
  /// Any thread, under the log's lock: a full flush is due soon (a segment was rolled).
  virtual void wants_flush(Log& log) = 0;
  /// Blocks: the directory's recovery points are written now, for `log`'s went down.
  virtual void recovery_point_went_down(Log& log) = 0;
};

/// Borrowed parts; they outlive every log that was opened with them.
struct LogContext {
  rt::Disk& disk;
  rt::Clock& clock;
  rt::Random& random;
  DirectoryHealth& health;
  ProducerStateConfig producers;
  LogCare* care = nullptr;
  AppendPace* pace = nullptr;
  const rt::Plants* plants = nullptr;
  /// Wall time minus monotonic time at start, so that expiry does not follow jumps of the wall
  /// clock.
  int64_t monotonic_to_unix_ms = 0;

  int64_t steady_unix_ms() const { return clock.now().ns / 1'000'000 + monotonic_to_unix_ms; }
};

}  // namespace semel::log
