// LinuxRuntime: owns the reactors, the I/O pool and the system's clock, network, disk and chance,
// and hands them out as a Runtime.
//
//   auto os = LinuxRuntime::create({.reactors = 2});
//   os->runtime().executors[0]->post([&] { start_everything(); });
//   os->run();  // until request_stop()
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "rt/runtime.h"

namespace semel::rt {

class LinuxRuntime {
 public:
  struct Options {
    uint32_t reactors = 1;    // > 0; each one thread
    uint32_t io_threads = 4;  // > 0; started when needed
  };

  /// Ignores SIGPIPE for the whole process. Error: kNone, too few descriptors.
  static Result<std::unique_ptr<LinuxRuntime>> create(const Options& options);
  /// Stops first, if it runs. Everything that uses its parts is gone by then.
  ~LinuxRuntime();

  Runtime& runtime();

  /// Executor 0 runs on the calling thread, the others on threads of their own; returns when all
  /// have stopped after request_stop(). Once, and not together with start().
  void run();
  /// All executors on threads of their own. Once.
  void start();
  /// Any thread, also an executor's; idempotent. Executors end after the piece of work that they
  /// run; what is still posted is destroyed unrun. So it comes last, after every gate was closed.
  void request_stop();
  /// request_stop(), then waits for all threads. Not on one of them.
  void stop();

  /// Calls `on_signal(number)` on executor 0 for each of `signals` that the process gets from now
  /// on; once, before run() or start() and before other threads exist. The signals are blocked in
  /// every thread, and so in children unless they unblock them after fork.
  Result<void> watch_signals(std::span<const int> signals, UniqueFunction<void(int)> on_signal);

 private:
  struct Parts;
  explicit LinuxRuntime(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace semel::rt
