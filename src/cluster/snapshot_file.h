// Snapshots of the metadata log: names of the files, and reading them (KIP-630). A snapshot is
// whole only if it ends with its footer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/metadata_batch.h"
#include "quorum/quorum.h"
#include "rt/disk.h"

namespace semel::cluster {

inline constexpr std::string_view kBootstrapCheckpoint = "bootstrap.checkpoint";
/// Voters and kraft.version of a new dynamic quorum (end offset 0, epoch 0).
inline constexpr std::string_view kZeroCheckpoint = "00000000000000000000-0000000000.checkpoint";

/// "00000000000000000143-0000000001.checkpoint"
std::string snapshot_name(quorum::LogPoint point);
/// Nothing for other files, `.part` and `.deleted` included.
std::optional<quorum::LogPoint> parse_snapshot_name(std::string_view name);

/// The whole snapshots of a metadata folder, ascending; the zero checkpoint is among them.
Result<std::vector<quorum::LogPoint>> list_snapshots(rt::Disk& disk, const std::string& folder);

struct SnapshotFacts {
  int64_t last_contained_log_timestamp = 0;
  std::optional<int16_t> kraft_version;
  std::optional<std::vector<quorum::Voter>> voters;
};

/// Gives every metadata record of the file's bytes to `take`. kCorruptMessage if header or footer
/// are missing or anything stands behind the footer; what `take` returned.
Result<SnapshotFacts> read_snapshot(
    bytes::ByteSpan file, const std::function<Result<void>(const VersionedRecord&)>& take);
/// The `last_contained_log_timestamp` of a snapshot file, from its header alone.
Result<int64_t> read_snapshot_time(rt::Disk& disk, const std::string& path);
/// Reads at most 1 GiB.
Result<bytes::Buffer> load_snapshot_file(rt::Disk& disk, const std::string& path);

/// A snapshot file's bytes: header (with kraft.version and voters if given), the records in batches
/// of at most 4 MiB, footer; offsets from 0, all batches with `epoch`.
struct SnapshotContent {
  LeaderEpoch epoch;
  int64_t last_contained_log_timestamp = 0;
  std::optional<int16_t> kraft_version;
  std::optional<std::vector<quorum::Voter>> voters;
  Records records;
};
bytes::Buffer build_snapshot(const SnapshotContent& content, int64_t now_ms);

}  // namespace semel::cluster
