// BatchBuilder: writes v2 batches, for clients, coordinators, the controller, the cleaner and
// tests.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "bytes/compressor.h"
#include "record/batch_view.h"
#include "record/record_view.h"

namespace semel::record {

/// The batch as a whole. The defaults are what a producer without idempotence sends.
struct BatchOptions {
  CodecId codec = CodecId::kNone;
  std::optional<int> level;  // nothing = the codec's standard level
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  Sequence base_sequence = kNoSequence;
  bool is_transactional = false;
  bool is_control = false;
  /// Set = LogAppendTime: the maximal timestamp of the batch, in ms since 1970.
  std::optional<int64_t> log_append_time;
  /// For rewritten batches: the last offset stays although its record may be gone …
  std::optional<int32_t> last_offset_delta;
  /// … and so does the maximal timestamp of a batch that is left without records.
  std::optional<int64_t> max_timestamp;
  /// KIP-534: takes the place of the base timestamp.
  std::optional<int64_t> delete_horizon;
};

/// A record to write. The spans are borrowed for the call.
struct RecordInput {
  int64_t timestamp = kNoTimestamp;
  std::optional<ByteSpan> key;
  std::optional<ByteSpan> value;
  std::span<const HeaderView> headers;
};

/// One batch at a time: start(), append() …, finish(). Buffers are recycled: in steady state
/// nothing is allocated but what the codec itself allocates.
class BatchBuilder {
 public:
  /// Forgets the batch before.
  void start(const BatchOptions& options);
  /// The offset delta is one more than that of the record before.
  void append(const RecordInput& record);
  /// `offset_delta` must be greater than that of the record before.
  void append_at(int32_t offset_delta, const RecordInput& record);
  /// Writes a record read from another batch, its headers as they are.
  void append_copy(int32_t offset_delta, const RecordView& record);

  int32_t count() const { return count_; }
  /// Bytes of the batch if it were not compressed.
  size_t size() const { return kBatchHeaderSize + records_.size(); }
  /// Bytes that append(record) adds at most.
  static size_t size_bound(const RecordInput& record);

  /// Compresses, writes header and CRC. The bytes are valid until the next finish(). Fails only as
  /// Compressor::compress does.
  Result<MutableByteSpan> finish(bytes::Compressor& compressor);

 private:
  void begin_record(int32_t offset_delta, int64_t timestamp);
  void write_record(int32_t offset_delta, const RecordInput& record, const RecordView* copied);
  void write_header(MutableByteSpan batch) const;

  BatchOptions options_;
  bytes::Writer records_;
  bytes::Writer batch_;
  int32_t count_ = 0;
  int32_t last_delta_ = -1;
  int64_t base_timestamp_ = kNoTimestamp;
  int64_t max_timestamp_ = kNoTimestamp;
};

}  // namespace semel::record
