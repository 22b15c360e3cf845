// Formatting: makes empty directories into a node's own, byte for byte as `kafka-storage.sh format`
// of Kafka 4.3 does: meta.properties and bootstrap.checkpoint in each, and for a dynamic quorum
// (kraft.version 1) the voters in
// `__cluster_metadata-0/00000000000000000000-0000000000.checkpoint`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cluster/metadata_record.h"
#include "quorum/quorum.h"
#include "rt/runtime.h"

namespace semel::cluster {

inline constexpr std::string_view kMetadataFolder = "__cluster_metadata-0";

struct FormatPlan {
  std::string cluster_id;  // 22 characters, or any text that Kafka accepts
  BrokerId node_id;
  std::vector<std::string> directories;  // to be formatted, metadata directory included
  std::string metadata_directory;        // where __cluster_metadata-0 lies; one of directories
  std::map<std::string, int16_t, std::less<>> features;  // finalized levels, kraft.version included
  Records more_records;  // after the feature levels (SCRAM credentials)
  /// Endpoints of this node's controller listener; set: this node is the only voter of a dynamic
  /// quorum
  /// (`--standalone`), and its directory id goes into the zero checkpoint.
  std::optional<std::vector<quorum::VoterEndpoint>> standalone;
};

/// What a new directory of semel's is finalized at.
std::map<std::string, int16_t, std::less<>> default_feature_levels();

/// The records that a controller with an empty log writes first: feature levels, metadata.version
/// first, then by name, no record for kraft.version and for level 0; then `more`.
Records bootstrap_records(const std::map<std::string, int16_t, std::less<>>& features,
                          const Records& more);

/// What a directory is. kInvalidConfig: meta.properties cannot be read.
enum class DirectoryState : uint8_t { kMissing, kEmpty, kFormatted, kForeign };
/// kForeign: not empty and without meta.properties.
Result<DirectoryState> directory_state(rt::Disk& disk, const std::string& directory);

/// Formats every directory of the plan; each must be missing or empty but for a lock file. Durable
/// when it returns; a directory counts as formatted by its meta.properties, which is written last.
Result<void> format_directories(rt::Runtime& runtime, const FormatPlan& plan);

}  // namespace semel::cluster
