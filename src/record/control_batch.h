// Control batches: transaction markers, and the keys of KRaft's control records.
#pragma once

#include <array>

#include "record/batch_builder.h"
#include "record/record_feed.h"

namespace semel::record {

/// The type in a control record's key. Readers ignore types that they do not know.
enum class ControlType : int16_t {
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKRaftVersion = 5,
  kKRaftVoters = 6,
};

/// Key of a control record: version 0 and the type.
std::array<std::byte, 4> control_key(ControlType type);

/// The type in `key`, which may be one that this program does not know. kCorruptMessage if the key
/// is null or too short or its version negative; versions above 0 are read by their known prefix.
Result<ControlType> read_control_key(const std::optional<ByteSpan>& key);

/// What WriteTxnMarkers puts at the end of a transaction.
struct TxnMarkerContent {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  bool is_commit = false;
  int32_t coordinator_epoch = 0;
};

/// A marker batch (attributes 0x30, one record). The bytes belong to `builder`.
Result<MutableByteSpan> build_txn_marker(BatchBuilder& builder, bytes::Compressor& compressor,
                                         const TxnMarkerContent& marker, int64_t timestamp);

/// Reads the marker in a control batch of a producer. Nothing if the batch holds no record
/// (cleaned) or one that is no marker; kCorruptMessage if it cannot be read.
Result<std::optional<TxnMarkerContent>> read_txn_marker(const BatchView& batch,
                                                        RecordScratch& scratch);

}  // namespace semel::record
