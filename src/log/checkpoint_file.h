// Kafka's text checkpoints: a version line `0`, a line with the count, then one line per entry.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/epoch_cache.h"
#include "rt/disk.h"

namespace semel::log {

/// `topic partition offset` lines (recovery-point-, log-start-, replication- and cleaner-offset-
/// checkpoint), in any order in the file.
using OffsetCheckpoint = std::map<TopicPartition, Offset>;

/// kCorruptMessage: version, count or a line is wrong. An empty text is an empty checkpoint.
Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text);
std::string format_offset_checkpoint(const OffsetCheckpoint& offsets);

/// `epoch startOffset` lines in ascending order (leader-epoch-checkpoint).
Result<std::vector<EpochStart>> parse_epoch_checkpoint(std::string_view text);
std::string format_epoch_checkpoint(const std::vector<EpochStart>& epochs);

/// A missing file is an empty checkpoint.
Result<OffsetCheckpoint> read_offset_checkpoint(rt::Disk& disk, const std::string& path);

}  // namespace semel::log
