// ReadWaiter: a fetch that waits for more readable bytes, in the lists of all its partitions at
// once.
#pragma once

#include <atomic>
#include <cstdint>

#include "rt/guarded.h"

namespace semel::replica {

/// Embedded once per partition by whoever waits.
class ReadWaiter {
 public:
  virtual ~ReadWaiter() = default;
  /// `bytes` more may be readable (never fewer than there are, perhaps more), or kSomethingElse
  /// happened. Any thread, under the list's lock: be quick, call nothing.
  virtual void on_readable(int64_t bytes) = 0;

  /// The partition is gone, no longer led here, or its log start moved.
  static constexpr int64_t kSomethingElse = INT64_MAX / 2;

 private:
  friend class ReadWaiterList;
  ReadWaiter* previous_ = nullptr;
  ReadWaiter* next_ = nullptr;
  bool is_listed_ = false;
};

/// Race: a waiter is added first and looks at the offsets again afterwards; the appender publishes
/// offsets first and looks for waiters afterwards. So at least one of them sees the other.
class ReadWaiterList {
 public:
  /// Any thread.
  void add(ReadWaiter& waiter);
  /// Any thread. Afterwards on_readable is not called any more. No effect if it is not in the list.
  void remove(ReadWaiter& waiter);
  /// Any thread. Costs one load if nobody waits.
  void notify(int64_t bytes);

 private:
  struct List {
    ReadWaiter* first = nullptr;
  };
  std::atomic<uint32_t> count_{0};
  rt::Guarded<List> list_;
};

}  // namespace semel::replica
