// Names of Kafka's files and folders in a log directory (docs/formats/log-directory.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace semel::log {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kTransactionIndexSuffix = ".txnindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";
/// semel's own: what recovery cut off the end of a segment.
inline constexpr std::string_view kCutSuffix = ".cut";

/// semel's own: a sync of this partition's records has failed (failed_flush.h).
inline constexpr std::string_view kFailedFlushName = "failed-flush";

inline constexpr std::string_view kEpochCheckpointName = "leader-epoch-checkpoint";
inline constexpr std::string_view kPartitionMetadataName = "partition.metadata";
inline constexpr std::string_view kRecoveryPointName = "recovery-point-offset-checkpoint";
inline constexpr std::string_view kLogStartName = "log-start-offset-checkpoint";
inline constexpr std::string_view kHighWatermarkName = "replication-offset-checkpoint";
inline constexpr std::string_view kCleanShutdownName = ".kafka_cleanshutdown";
inline constexpr std::string_view kLockName = ".lock";
inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

/// "00000000000000000042.log"
std::string file_name(Offset base, std::string_view suffix);
/// The offset in the digits before the first '.'; nothing if they are none or too great.
std::optional<Offset> offset_of_name(std::string_view name);
/// True if `name` is exactly 20 digits and `suffix`.
bool is_file_of(std::string_view name, std::string_view suffix);

enum class FolderKind : uint8_t {
  kPartition,  // topic-3
  kDelete,     // topic-3.<32 hex>-delete
  kStray,      // topic-3.<32 hex>-stray
  kFuture,     // topic-3.<32 hex>-future
  kOther,      // no partition at all
};

struct FolderName {
  FolderKind kind = FolderKind::kOther;
  TopicPartition partition;  // of kPartition, kStray and kFuture
};

/// Reads the name of a folder in a log directory.
FolderName parse_folder_name(std::string_view name);
/// "topic-3.<32 hex of id>-delete"; the topic is shortened so that the name has at most 255 bytes.
std::string retired_folder_name(const TopicPartition& partition, const Uuid& id,
                                std::string_view suffix);

}  // namespace semel::log
