#include "metrics/histogram.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace semel::metrics {

Histogram::~Histogram() {
  for (const auto& place : shards_) delete place.load(std::memory_order_acquire);
}

// Two threads may share a shard: who comes second takes what the first has made.
Histogram::Shard& Histogram::shard() {
  std::atomic<Shard*>& place = shards_[thread_shard()];
  Shard* found = place.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  auto fresh = std::make_unique<Shard>();
  if (place.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel)) {
    return *fresh.release();
  }
  return *found;
}

void Histogram::record(uint64_t value) {
  value = std::min(value, kTop);
  Shard& mine = shard();
  mine.buckets[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
  mine.sum.fetch_add(value, std::memory_order_relaxed);
  uint64_t largest = mine.max.load(std::memory_order_relaxed);
  while (value > largest &&
         !mine.max.compare_exchange_weak(largest, value, std::memory_order_relaxed)) {
  }
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot merged;
  merged.buckets_.resize(kBuckets);
  for (const auto& place : shards_) {
    const Shard* one = place.load(std::memory_order_acquire);
    if (one == nullptr) continue;
    for (size_t i = 0; i < kBuckets; ++i) {
      const uint64_t count = one->buckets[i].load(std::memory_order_relaxed);
      merged.buckets_[i] += count;
      merged.count_ += count;
    }
    merged.sum_ += one->sum.load(std::memory_order_relaxed);
    merged.max_ = std::max(merged.max_, one->max.load(std::memory_order_relaxed));
  }
  return merged;
}

uint64_t HistogramSnapshot::quantile(double q) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_);
  const uint64_t wanted = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share)));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(Histogram::last_of(i), max_);
  }
  return max_;
}

uint64_t HistogramSnapshot::count_below_power(unsigned exponent) const {
  SEMEL_ASSERT(exponent >= Histogram::kFineBits);
  if (exponent >= Histogram::kTopExponent) return count_;
  const size_t end = Histogram::bucket_of(1ull << exponent);
  uint64_t seen = 0;
  for (size_t i = 0; i < std::min(end, buckets_.size()); ++i) seen += buckets_[i];
  return seen;
}

}  // namespace semel::metrics
