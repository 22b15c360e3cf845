// MetadataLog: the folder `__cluster_metadata-0` of a controller: the log itself, `quorum-state`,
// and snapshots to start from. Reading and appending are page-cache work; flush() and open() block.
//
// Durability class `ack`: the driver counts as committed only what flush() has covered.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/image.h"
#include "cluster/metadata_batch.h"
#include "cluster/snapshot_file.h"
#include "log/log.h"
#include "quorum/quorum.h"
#include "rt/runtime.h"

namespace semel::cluster {

/// The effective high-level settings of the metadata log.
struct MetadataLogConfig {
  int64_t segment_bytes = 1 << 30;  // metadata.log.segment.bytes
  int64_t segment_ms = 604'800'000;
  /// A snapshot is written after so many bytes of batches
  /// (metadata.log.max.record.bytes.between.snapshots).
  uint64_t snapshot_bytes = 20u << 20;
  /// … or after so long, if there are records behind the newest one
  /// (metadata.log.max.snapshot.interval.ms; 0 = never).
  int64_t snapshot_interval_ms = 3'600'000;
  /// Old snapshots, and the log before the next one, go above so many bytes of log and snapshots,
  /// or when their records are so old (metadata.max.retention.bytes, .ms; negative = never). The
  /// newest one stays.
  int64_t retention_bytes = 100 << 20;
  int64_t retention_ms = 604'800'000;
  int64_t delete_delay_ms = 60'000;  // of deleted segments' files
};

/// Everything that is known after opening.
struct MetadataContent {
  ImagePtr image;  // snapshot and log replayed
  std::map<BrokerId, Offset>
      registered_at;  // offsets of RegisterBroker records, as far as in the log
  quorum::ElectionState election;
  quorum::LogFacts facts;              // voters: of log and snapshots, else empty
  bool has_open_transaction = false;   // a BeginTransaction without its end
  uint64_t bytes_behind_snapshot = 0;  // of the log
};

/// One piece of a snapshot file.
struct SnapshotPiece {
  bytes::Buffer bytes;
  int64_t file_size = 0;
};

class MetadataLog {
 public:
  /// `directory` holds the folder, which is made if missing. Blocks.
  static Result<std::unique_ptr<MetadataLog>> open(rt::Runtime& runtime,
                                                   const std::string& directory,
                                                   const MetadataLogConfig& config);
  ~MetadataLog();

  /// Reads the newest whole snapshot and the log behind it. Once. Blocks.
  Result<MetadataContent> load();

  /// One batch that begins at end(). Errors: kKafkaStorageError (Cause::kNoSpace: nothing was
  /// appended).
  Result<void> append(const bytes::Buffer& batch);
  Offset end() const;
  Offset start() const;
  Offset flushed_end() const;
  /// Makes everything appended durable. Blocks; one call at a time, on any thread.
  Result<void> flush();
  /// Replaces `quorum-state` durably. Blocks; any thread.
  Result<void> save_election(const quorum::ElectionState& election, int16_t kraft_version);
  /// Whole batches from the one that holds `from`, below `limit`; at least one.
  Result<bytes::Buffer> read(Offset from, size_t max_bytes, Offset limit);
  /// Up to `max_bytes` of a snapshot from `position` on. kSnapshotNotFound, kPositionOutOfRange.
  Result<SnapshotPiece> read_snapshot_piece(quorum::LogPoint point, int64_t position,
                                            size_t max_bytes);
  /// Writes a snapshot of everything below `point.end` durably. Blocks; any thread, one at a time.
  Result<void> write_snapshot(quorum::LogPoint point, const SnapshotContent& content);
  /// The snapshot is there: it is served from now on. Gives the oldest one.
  quorum::LogPoint add_snapshot(quorum::LogPoint point);
  /// The snapshots that are served, ascending.
  const std::vector<quorum::LogPoint>& snapshots() const;
  /// Whether the first of `snapshots` has outlived its use (see MetadataLogConfig). Blocks; any
  /// thread.
  Result<bool> is_oldest_due(const std::vector<quorum::LogPoint>& snapshots, int64_t now_ms) const;
  /// The oldest snapshot, of at least two, is not served any more, and the log starts where the
  /// next one ends. Gives what remove_before() then takes away.
  Result<quorum::LogPoint> forget_oldest_snapshot();
  /// Removes the file of a forgotten snapshot, and the segments below the log's start. Blocks; any
  /// thread, one at a time.
  Result<void> remove_before_start(quorum::LogPoint forgotten);
  /// Removes segments' files whose delay has passed. Blocks; any thread.
  void remove_retired();
  /// Trims and syncs the files as Kafka at a controlled stop. Blocks.
  Result<void> close_clean();

  const std::string& folder() const { return folder_; }
  std::optional<Error> failure() const;

 private:
  struct Parts;
  MetadataLog(std::unique_ptr<Parts> parts, const MetadataLogConfig& config);
  Result<std::optional<quorum::LogPoint>> load_snapshot(MetadataContent& content);
  Result<void> load_log(MetadataContent& content);

  std::unique_ptr<Parts> parts_;
  std::string folder_;
  MetadataLogConfig config_;
};

}  // namespace semel::cluster
