// MemoryBudget: bounds the bytes of request frames that are held in memory, over all reactors. What
// does not fit is not read from its socket; large waiters are served in the order in which they
// came.
//
// Small requests (at most kSmall bytes) may use the last `reserve` bytes too, so that a broker full
// of large frames still answers Metadata, heartbeats and the traffic between brokers.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/units.h"
#include "rt/executor.h"
#include "rt/guarded.h"

namespace semel::net {

class MemoryBudget {
 public:
  static constexpr size_t kReserve = 8_MiB;
  static constexpr size_t kSmall = 16_KiB;

  /// `total` includes the reserve and must be greater than it.
  explicit MemoryBudget(size_t total, size_t reserve = kReserve);

  /// The largest single request that can ever be served.
  size_t largest() const { return total_ - reserve_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

  /// Any thread. False: wait() for it. Large requests also fail while others wait.
  bool try_reserve(size_t size);
  /// For what requests become: leaves an eighth of all for frames, and for what estimates miss.
  bool try_reserve_for_work(size_t size) {
    return used() + size <= total_ - total_ / 8 && try_reserve(size);
  }
  /// Any thread. Wakes waiters that fit now.
  void release(size_t size);

  /// Someone who needs `size` ≤ largest() bytes. When its Mail runs on `executor`, they are
  /// reserved.
  struct Waiter : rt::Mail {
    size_t size = 0;
    rt::Executor* executor = nullptr;
    Waiter* previous = nullptr;
    Waiter* next = nullptr;
    bool is_queued = false;
  };
  /// `waiter` must not be queued. May post it at once.
  void wait(Waiter& waiter);
  /// True: `waiter` was taken back, holds nothing and will not run. False: it was posted before.
  bool cancel(Waiter& waiter);

 private:
  struct Queue {
    Waiter* first = nullptr;
    Waiter* last = nullptr;
  };
  size_t limit_for(size_t size) const { return size <= kSmall ? total_ : total_ - reserve_; }
  bool take(size_t size);
  static void unlink(Queue& queue, Waiter& waiter);
  void wake();

  const size_t total_;
  const size_t reserve_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> waiting_{
      0};  // members of queue_; read without the lock to keep release() cheap
  rt::Guarded<Queue> queue_;
};

}  // namespace semel::net
