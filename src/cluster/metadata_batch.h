// Batches of `__cluster_metadata` and of its snapshots: building them, and reading regions of them
// record by record (docs/formats/cluster-metadata.md).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "bytes/compressor.h"
#include "cluster/metadata_record.h"
#include "quorum/quorum.h"
#include "record/batch_builder.h"
#include "record/record_feed.h"

namespace semel::cluster {

struct LeaderChange {
  int32_t leader_id = -1;
  std::vector<int32_t> voters;
  std::vector<int32_t> granting_voters;
};
struct SnapshotHeader {
  int64_t last_contained_log_timestamp = 0;  // Unix milliseconds
};
struct SnapshotFooter {};
struct KraftVersion {
  int16_t version = 0;
};
struct KraftVoters {
  std::vector<quorum::Voter> voters;
};
/// std::monostate: a type that readers skip.
using ControlRecord = std::variant<std::monostate, LeaderChange, SnapshotHeader, SnapshotFooter,
                                   KraftVersion, KraftVoters>;

/// Batches of Kafka are at most this long (`controller.quorum.*`, 8 MiB); greater ones are corrupt.
inline constexpr size_t kMetadataBatchMax = 8u << 20;

/// Writes batches: no compression, create time, no producer. One thread.
class MetadataBatchBuilder {
 public:
  /// `records` must not be empty: a batch without records halts Java followers.
  bytes::Buffer records(Offset base, LeaderEpoch epoch, int64_t now_ms,
                        std::span<const VersionedRecord> records);
  bytes::Buffer control(Offset base, LeaderEpoch epoch, int64_t now_ms,
                        std::span<const ControlRecord> records);
  /// The batch that a new leader writes first.
  bytes::Buffer leader(Offset base, const quorum::LeaderBatch& batch, int64_t now_ms);

 private:
  bytes::Buffer finish();

  record::BatchBuilder builder_;
  bytes::Compressor compressor_;
};

/// Where a record stands.
struct RecordPlace {
  Offset offset;
  LeaderEpoch epoch;
  int64_t timestamp = -1;
};

/// Takes what read_batches finds; an error ends the reading.
class BatchVisitor {
 public:
  virtual ~BatchVisitor() = default;
  virtual Result<void> on_record(const RecordPlace& place, const VersionedRecord& record) = 0;
  virtual Result<void> on_control(const RecordPlace& place, const ControlRecord& record) = 0;
};

/// Reads whole batches and checks magic, CRC and counts. A batch that is cut at the end of `region`
/// is left out (fetch responses may end so). Returns the offset behind the last record read, or
/// `from` if there is none; records below `from` are skipped. kCorruptMessage with the place; what
/// the visitor returned.
Result<Offset> read_batches(bytes::ByteSpan region, Offset from, BatchVisitor& visitor);

}  // namespace semel::cluster
