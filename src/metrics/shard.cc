#include "metrics/shard.h"

namespace semel::metrics {
namespace {

constinit thread_local uint32_t shard_of_this_thread = 0;

}  // namespace

void set_thread_shard(uint32_t index) { shard_of_this_thread = index % kShards; }

uint32_t thread_shard() { return shard_of_this_thread; }

}  // namespace semel::metrics
