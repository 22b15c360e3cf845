// Shards: each reactor counts in cache lines of its own.
#pragma once

#include <atomic>
#include <cstdint>

namespace semel::metrics {

/// A power of two; shard numbers are taken modulo it.
inline constexpr uint32_t kShards = 16;

/// The calling thread counts in shard `index` from now on. A reactor's thread says its index when
/// it starts; every other thread counts in shard 0.
void set_thread_shard(uint32_t index);
uint32_t thread_shard();

/// One shard's number, alone on its cache line.
struct alignas(64) Cell {
  std::atomic<int64_t> value{0};
};

}  // namespace semel::metrics
