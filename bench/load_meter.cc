#include "bench/load_meter.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

namespace semel::bench {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t cpu_ns(int32_t pid) {
  std::error_code error;
  int64_t total = 0;
  for (const auto& task :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    std::ifstream file(task.path() / "schedstat");
    int64_t on_cpu = 0;
    if (file >> on_cpu) total += on_cpu;
  }
  return total;
}

void Meter::start() {
  broker_ns_ = cpu_ns(pid_);
  own_ns_ = cpu_ns(::getpid());
  started_ns_ = now_ns();
}

Span Meter::stop() const {
  Span span;
  span.seconds = static_cast<double>(now_ns() - started_ns_) / 1e9;
  span.own_cpu_seconds = static_cast<double>(cpu_ns(::getpid()) - own_ns_) / 1e9;
  span.broker_cpu_seconds = static_cast<double>(cpu_ns(pid_) - broker_ns_) / 1e9;
  return span;
}

}  // namespace semel::bench
