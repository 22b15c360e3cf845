// Counter and Gauge.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "metrics/shard.h"

namespace semel::metrics {

class Counter {
 public:
  /// `n` >= 0. Any thread.
  void add(int64_t n = 1) { cells_[thread_shard()].value.fetch_add(n, std::memory_order_relaxed); }
  int64_t value() const {
    int64_t sum = 0;
    for (const Cell& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  std::array<Cell, kShards> cells_;
};

class Gauge {
 public:
  /// Any thread.
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void move(int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace semel::metrics
