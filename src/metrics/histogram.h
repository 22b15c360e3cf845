// Histogram: how often which values occurred, in logarithmic buckets.
//
// Values 0 … 31 have a bucket each; above, every power of two is cut into 32 equal buckets, so that
// a bucket is at most 1/32 (3.1 %) of its values wide. Values of 2^42 and more count as 2^42 − 1
// (in nanoseconds more than an hour, in bytes 4 TiB).
//
//   value     bits           bucket
//   0 … 31    ────────────   value
//   above     1 sssss xx…x   32 + 32 · (number of x) + sssss
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "metrics/shard.h"

namespace semel::metrics {

/// The merged content of a Histogram at one moment; not exactly one moment while others count.
class HistogramSnapshot {
 public:
  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t max() const { return max_; }
  double mean() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  /// The value that a share `q` (0 … 1) of the values does not exceed, to within a bucket, and
  /// never above max(); 0 if there are none.
  uint64_t quantile(double q) const;
  /// How many values lie below 2^exponent, for exponent >= 5; exact.
  uint64_t count_below_power(unsigned exponent) const;

 private:
  friend class Histogram;
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};

class Histogram {
 public:
  static constexpr unsigned kFineBits = 5;
  static constexpr unsigned kTopExponent = 42;
  static constexpr uint64_t kTop = (1ull << kTopExponent) - 1;
  static constexpr size_t kBuckets = (kTopExponent - kFineBits + 1) << kFineBits;

  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  ~Histogram();

  /// Any thread.
  void record(uint64_t value);
  HistogramSnapshot snapshot() const;

  static constexpr size_t bucket_of(uint64_t value) {
    if (value < (1u << kFineBits)) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kFineBits - 1;
    return (size_t{shift} << kFineBits) + (value >> shift);
  }
  /// The largest value of a bucket.
  static constexpr uint64_t last_of(size_t bucket) {
    if (bucket < (1u << kFineBits)) return bucket;
    const size_t shift = (bucket >> kFineBits) - 1;
    const uint64_t first = ((bucket & ((1u << kFineBits) - 1)) + (1u << kFineBits)) << shift;
    return first + (1ull << shift) - 1;
  }

 private:
  struct Shard {
    std::array<std::atomic<uint64_t>, kBuckets> buckets{};
    std::atomic<uint64_t> sum{0};
    std::atomic<uint64_t> max{0};
  };
  Shard& shard();

  std::array<std::atomic<Shard*>, kShards> shards_{};  // made by the first value, owned
};

static_assert(Histogram::bucket_of(31) == 31 && Histogram::bucket_of(32) == 32);
static_assert(Histogram::bucket_of(Histogram::kTop) == Histogram::kBuckets - 1);
static_assert(Histogram::last_of(Histogram::kBuckets - 1) == Histogram::kTop);

}  // namespace semel::metrics
