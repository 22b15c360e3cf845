// IoPool: the threads that may block. They start when they are first needed, up to a bound.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <thread>
#include <vector>

#include "rt/executor.h"
#include "rt/guarded.h"
#include "rt/linux/mailbox.h"

namespace semel::rt::linux_os {

class IoPool {
 public:
  enum class Priority : uint8_t { kNormal, kLow };
  /// `threads` > 0. Threads of low priority are called semel-calc and get what processor time the
  /// others leave (ten nice steps down).
  explicit IoPool(uint32_t threads, Priority priority = Priority::kNormal);
  ~IoPool();

  /// Any thread. `work` runs on the pool, then `done` on `back`. In steady state nothing is
  /// allocated.
  void submit(UniqueFunction<void()> work, Executor& back, UniqueFunction<void()> done);
  /// Waits for what is running; what has not begun is destroyed unrun, also what comes later.
  void stop();

 private:
  struct Job;
  struct State {
    MailQueue jobs;
    uint32_t queued = 0;
    uint32_t idle = 0;
    bool is_stopping = false;
    std::vector<std::thread> threads;
  };
  void thread_main();
  void work_loop();

  uint32_t limit_;
  Priority priority_;
  Guarded<State> state_;
  std::condition_variable changed_;
};

}  // namespace semel::rt::linux_os
