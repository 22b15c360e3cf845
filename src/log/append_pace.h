// AppendPace: how long appends to the files of one log directory took, and whether they may run on a
// reactor now.
//
// An append into the page cache takes microseconds, unless the kernel makes the writer wait for the
// disk. From an append that stalled until the directory was quiet for a while, its partitions append on
// the I/O pool, so that a reactor's other connections do not wait with them.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>

#include "metrics/histogram.h"
#include "rt/clock.h"

namespace semel::log {

/// Any thread.
class AppendPace {
 public:
  static constexpr rt::Duration kStall = std::chrono::milliseconds(5);
  static constexpr rt::Duration kQuiet = std::chrono::seconds(1);

  /// `path` names the directory in messages.
  explicit AppendPace(std::string path) : path_(std::move(path)) {}

  /// An append took from `start` to `end`.
  void note(rt::Instant start, rt::Instant end) {
    const rt::Duration took = end - start;
    durations_.record(took.count() > 0 ? static_cast<uint64_t>(took.count()) : 0);
    if (took > kStall) note_stall(took, end);
  }
  /// True from a stall until there was none for kQuiet.
  bool is_slow(const rt::Clock& clock) const {
    const int64_t stalled = last_stall_ns_.load(std::memory_order_relaxed);
    return stalled != kNever && clock.now().ns - stalled < kQuiet.count();
  }
  /// Something for a partition was given to the I/O pool.
  void note_moved() { moved_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t moved() const { return moved_.load(std::memory_order_relaxed); }
  uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }
  /// Nanoseconds.
  const metrics::Histogram& durations() const { return durations_; }

 private:
  void note_stall(rt::Duration took, rt::Instant end);

  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

  const std::string path_;
  std::atomic<int64_t> last_stall_ns_{kNever};
  std::atomic<uint64_t> moved_{0};
  std::atomic<uint64_t> stalls_{0};
  metrics::Histogram durations_;
};

}  // namespace semel::log
