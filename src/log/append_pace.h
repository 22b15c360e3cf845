// AppendPace: how long appends to the files of one log directory took, and whether they may run on
// a reactor now.
//
// An append into the page cache takes microseconds, unless the kernel makes the writer wait for the
// disk. From an append that stalled until the directory was quiet for a while, its partitions
// append on the I/O pool, so that a reactor's other connections do not wait with them.
//
// A clock cannot tell a wait for the disk from a thread that had no processor. So a long append
// only makes the appends of the next second be watched; one of those that took long and waited is
// the stall.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "metrics/histogram.h"
#include "rt/clock.h"
#include "rt/disk.h"

namespace semel::log {

/// Any thread.
class AppendPace {
 public:
  static constexpr rt::Duration kStall = std::chrono::milliseconds(5);
  static constexpr rt::Duration kQuiet = std::chrono::seconds(1);

  /// Borrows the parts. `path` names the directory in messages.
  AppendPace(const rt::Clock& clock, rt::Disk& disk, std::string path)
      : clock_(clock), disk_(disk), path_(std::move(path)) {}

  /// What is known as an append begins.
  struct Start {
    rt::Instant at;
    std::optional<uint64_t> waits;  // Disk::thread_waits(), while appends are watched
  };
  Start begin() const {
    const rt::Instant now = clock_.now();
    if (is_within(last_long_ns_, now)) [[unlikely]]
      return {now, disk_.thread_waits()};
    return {now, std::nullopt};
  }
  /// The append is done; on the thread that began it.
  void end(const Start& start) {
    const rt::Instant now = clock_.now();
    const rt::Duration took = now - start.at;
    durations_.record(took.count() > 0 ? static_cast<uint64_t>(took.count()) : 0);
    if (took > kStall) [[unlikely]]
      note_long(start, now);
  }
  /// True from a stall until there was none for kQuiet.
  bool is_slow() const {
    return last_stall_ns_.load(std::memory_order_relaxed) != kNever &&
           is_within(last_stall_ns_, clock_.now());
  }
  /// Something for a partition was given to the I/O pool.
  void note_moved() { moved_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t moved() const { return moved_.load(std::memory_order_relaxed); }
  uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }
  /// Nanoseconds.
  const metrics::Histogram& durations() const { return durations_; }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min() / 2;

  static bool is_within(const std::atomic<int64_t>& when, rt::Instant now) {
    return now.ns - when.load(std::memory_order_relaxed) < kQuiet.count();
  }
  void note_long(const Start& start, rt::Instant now);

  const rt::Clock& clock_;
  rt::Disk& disk_;
  const std::string path_;
  std::atomic<int64_t> last_long_ns_{kNever};
  std::atomic<int64_t> last_stall_ns_{kNever};
  std::atomic<uint64_t> moved_{0};
  std::atomic<uint64_t> stalls_{0};
  metrics::Histogram durations_;
};

}  // namespace semel::log
