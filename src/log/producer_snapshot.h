// Kafka's producer state snapshot, `<end offset, 20 digits>.snapshot`, version 1, bit-exact
// (docs/formats/producer-snapshot.md). It keeps the newest batch per producer and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"

namespace semel::log {

struct ProducerSnapshotEntry {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  Sequence last_sequence;          // −1 = no batch, only a marker was seen
  Offset last_offset = kNoOffset;  // −1 = no batch
  int32_t offset_delta = 0;        // last − first offset of the newest batch
  int64_t timestamp_ms = -1;       // of the newest batch or marker
  int32_t coordinator_epoch = -1;
  Offset txn_first_offset = kNoOffset;  // −1 = no open transaction

  bool operator==(const ProducerSnapshotEntry&) const = default;
};

/// The file's bytes: 10 + 46 per entry.
bytes::Buffer encode_producer_snapshot(std::span<const ProducerSnapshotEntry> entries);
/// kCorruptMessage: too short, unknown version, checksum or count do not fit. Bytes behind the last
/// entry are refused, as the checksum covers them and Kafka writes none.
Result<std::vector<ProducerSnapshotEntry>> decode_producer_snapshot(bytes::ByteSpan file);
/// The checksum in the file's header (bytes 2…5), unchecked; kCorruptMessage if the file is too
/// short.
Result<uint32_t> producer_snapshot_checksum(bytes::ByteSpan file);

}  // namespace semel::log
