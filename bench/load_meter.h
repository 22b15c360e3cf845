// Meter: time and CPU time between two moments, of this process and of the broker's.
#pragma once

#include <cstdint>

namespace semel::bench {

/// Monotonic, ns.
int64_t now_ns();

/// On-CPU time of all living threads of a process, ns; from the scheduler's own account
/// (/proc/PID/task/*/schedstat), which counts ns where /proc/PID/stat counts ticks. 0 if it is
/// gone.
int64_t cpu_ns(int32_t pid);

struct Span {
  double seconds = 0;
  double broker_cpu_seconds = 0;
  double own_cpu_seconds = 0;
};

class Meter {
 public:
  explicit Meter(int32_t pid) : pid_(pid) {}
  void start();
  Span stop() const;

 private:
  int32_t pid_;
  int64_t started_ns_ = 0;
  int64_t broker_ns_ = 0;
  int64_t own_ns_ = 0;
};

}  // namespace semel::bench
