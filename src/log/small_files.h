// Two small files: partition.metadata (whose partition a folder is) and .kafka_cleanshutdown (the
// directory's logs were closed in order).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "rt/disk.h"

namespace semel::log {

/// `version: 0\ntopic_id: <22 characters>`, no newline at the end.
std::string format_partition_metadata(const TopicId& id);
/// kCorruptMessage: another version, no or a malformed or zero topic id.
Result<TopicId> parse_partition_metadata(std::string_view text);
/// Writes the file durably; a crash leaves the whole file or none (Kafka takes a directory with a
/// torn one offline). Blocks.
Result<void> write_partition_metadata(rt::Disk& disk, const std::string& folder, const TopicId& id);
/// Nothing if the file is missing, empty or torn (another broker's, never synced).
Result<std::optional<TopicId>> read_partition_metadata(rt::Disk& disk, const std::string& folder);

/// `{"version":0,"brokerEpoch":N}`, no newline.
std::string format_clean_shutdown(int64_t broker_epoch);
/// The broker epoch; −1 if the text is empty (before Kafka 3.7) or cannot be read.
int64_t parse_clean_shutdown(std::string_view text);
/// Nothing if there is no marker; else its broker epoch.
std::optional<int64_t> read_clean_shutdown(rt::Disk& disk, const std::string& directory);

}  // namespace semel::log
