// For tests: a started LinuxRuntime, and a way to run a task on it and wait for its end.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "rt/cancel.h"
#include "rt/gate.h"
#include "rt/linux/linux_runtime.h"
#include "rt/task.h"

namespace semel::rt {

class StartedRuntime {
 public:
  explicit StartedRuntime(uint32_t reactors = 1, uint32_t io_threads = 2)
      : os_(std::move(*LinuxRuntime::create({.reactors = reactors, .io_threads = io_threads}))) {
    os_->start();
  }
  /// Cancels what was started with token() and waits until all that entered gate() has left.
  ~StartedRuntime() {
    source_.cancel();
    run([this] { return close_gate(gate_, executor()); });
    os_->stop();
  }
  CancelToken token() const { return source_.token(); }
  Gate& gate() { return gate_; }

  Runtime& operator*() { return os_->runtime(); }
  Runtime* operator->() { return &os_->runtime(); }
  Executor& executor(size_t i = 0) { return *os_->runtime().executors[i]; }

  /// Starts `make_task()` on executor `index` and blocks until it has ended.
  template <class MakeTask>
  void run(MakeTask make_task, size_t index = 0) {
    std::promise<void> ended;
    executor(index).post([&] { spawn(then_end(make_task(), &ended)); });
    ended.get_future().wait();
  }
  /// Runs `function` on executor `index` and blocks until it returned.
  template <class Function>
  void on(size_t index, Function function) {
    std::promise<void> ended;
    executor(index).post([&] {
      function();
      ended.set_value();
    });
    ended.get_future().wait();
  }

 private:
  static Task<void> close_gate(Gate& gate, Executor& executor) { co_await gate.close(executor); }
  static Task<void> then_end(Task<void> task, std::promise<void>* ended) {
    co_await task;
    ended->set_value();
  }

  std::unique_ptr<LinuxRuntime> os_;
  CancelSource source_;
  Gate gate_;
};

}  // namespace semel::rt
