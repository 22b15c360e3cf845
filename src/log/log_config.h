// LogConfig: the topic settings that a log acts on, with Kafka 4.3's defaults.
#pragma once

#include <cstdint>
#include <limits>

#include "base/units.h"

namespace semel::log {

inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
/// Greatest offset that is believed: sums with relative offsets stay in range. Greater ones in
/// files or batches are damage.
inline constexpr int64_t kOffsetMax = std::numeric_limits<int64_t>::max() - (int64_t{1} << 32);

/// Effective values of one topic; −1 or kNoLimit switch a limit off, as in Kafka.
struct LogConfig {
  int64_t segment_bytes = 1_GiB;             // segment.bytes
  int64_t segment_ms = 604'800'000;          // segment.ms
  int64_t segment_jitter_ms = 0;             // segment.jitter.ms
  int64_t segment_index_bytes = 10'485'760;  // segment.index.bytes, per index file
  int64_t index_interval_bytes = 4096;       // index.interval.bytes
  int64_t retention_ms = 604'800'000;        // retention.ms, −1 = for ever
  int64_t retention_bytes = -1;              // retention.bytes, −1 = no bound
  int64_t file_delete_delay_ms = 60'000;     // file.delete.delay.ms
  int64_t flush_messages = kNoLimit;         // flush.messages; 1 means durability class `ack`
  int64_t flush_ms = kNoLimit;               // flush.ms
  int64_t max_compaction_lag_ms = kNoLimit;  // max.compaction.lag.ms
  bool preallocate = false;                  // preallocate
  bool deletes = true;                       // cleanup.policy contains delete
  bool compacts = false;                     // cleanup.policy contains compact

  /// The time after which the active segment is rolled.
  int64_t roll_after_ms() const {
    return compacts && max_compaction_lag_ms < segment_ms ? max_compaction_lag_ms : segment_ms;
  }
  bool operator==(const LogConfig&) const = default;
};

}  // namespace semel::log
