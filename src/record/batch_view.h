// BatchView: reads one batch of a segment or of a request in place.
#pragma once

#include "record/batch_header.h"

namespace semel::record {

/// A view of exactly one batch, which BatchIterator has measured. The fields are as hostile as the
/// bytes: only size and magic are checked. Of legacy entries (magic 0 and 1: one message, or one
/// wrapper around compressed messages) the getters tell what the entry itself says; what lies
/// inside a wrapper is record/legacy.h's business. The bytes must outlive the view.
class BatchView {
 public:
  /// `bytes` hold one whole batch whose size and magic were checked.
  explicit BatchView(ByteSpan bytes) : bytes_(bytes) {}

  ByteSpan span() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  int8_t magic() const { return load<int8_t>(SEMEL_BATCH_FIELD(magic)); }
  bool is_legacy() const { return magic() < kMagicV2; }

  /// Offset of the record with delta 0, kept by compaction. Legacy: the entry's offset, which is
  /// the offset of a wrapper's *last* record.
  Offset base_offset() const { return Offset{load<int64_t>(SEMEL_BATCH_FIELD(base_offset))}; }
  Offset last_offset() const { return plus(base_offset(), last_offset_delta()); }
  Offset next_offset() const { return plus(last_offset(), 1); }
  int32_t last_offset_delta() const {
    return is_legacy() ? 0 : load<int32_t>(SEMEL_BATCH_FIELD(last_offset_delta));
  }
  int32_t batch_length() const { return load<int32_t>(SEMEL_BATCH_FIELD(batch_length)); }
  LeaderEpoch leader_epoch() const {
    return is_legacy() ? kNoLeaderEpoch
                       : LeaderEpoch{load<int32_t>(SEMEL_BATCH_FIELD(leader_epoch))};
  }

  /// The stored checksum: CRC-32C for v2, CRC-32 for legacy entries.
  uint32_t crc() const {
    return load<uint32_t>(is_legacy() ? kLegacyCrcAt : SEMEL_BATCH_FIELD(crc));
  }
  uint32_t compute_crc() const;
  bool crc_is_right() const { return crc() == compute_crc(); }

  int16_t attributes() const {
    return is_legacy() ? load<int8_t>(kLegacyAttributesAt)
                       : load<int16_t>(SEMEL_BATCH_FIELD(attributes));
  }
  /// Nothing for the numbers 5–7, which are not assigned.
  std::optional<CodecId> codec() const {
    return bytes::codec_from_number(attributes() & kCodecMask);
  }
  bool is_compressed() const { return (attributes() & kCodecMask) != 0; }
  /// Always create time for magic 0, which has no timestamps.
  TimestampType timestamp_type() const {
    return magic() != kMagicV0 && (attributes() & kLogAppendTimeBit) != 0
               ? TimestampType::kLogAppendTime
               : TimestampType::kCreateTime;
  }
  bool is_transactional() const { return !is_legacy() && (attributes() & kTransactionalBit) != 0; }
  bool is_control() const { return !is_legacy() && (attributes() & kControlBit) != 0; }
  bool has_delete_horizon() const {
    return !is_legacy() && (attributes() & kDeleteHorizonBit) != 0;
  }
  /// When tombstones and markers of the batch may go, in ms since 1970 (KIP-534), if it was set.
  std::optional<int64_t> delete_horizon() const {
    if (!has_delete_horizon()) return std::nullopt;
    return base_timestamp();
  }

  /// What the records' timestamp deltas count from: the first record's timestamp, or the delete
  /// horizon if there is one. Magic 0: none.
  int64_t base_timestamp() const {
    return is_legacy() ? legacy_timestamp() : load<int64_t>(SEMEL_BATCH_FIELD(base_timestamp));
  }
  int64_t max_timestamp() const {
    return is_legacy() ? legacy_timestamp() : load<int64_t>(SEMEL_BATCH_FIELD(max_timestamp));
  }

  ProducerId producer_id() const {
    return is_legacy() ? kNoProducerId : ProducerId{load<int64_t>(SEMEL_BATCH_FIELD(producer_id))};
  }
  bool has_producer_id() const { return producer_id().value > kNoProducerId.value; }
  ProducerEpoch producer_epoch() const {
    return is_legacy() ? kNoProducerEpoch
                       : ProducerEpoch{load<int16_t>(SEMEL_BATCH_FIELD(producer_epoch))};
  }
  Sequence base_sequence() const {
    return is_legacy() ? kNoSequence : Sequence{load<int32_t>(SEMEL_BATCH_FIELD(base_sequence))};
  }
  /// With the wrap after 2^31−1; none if the base sequence is negative.
  Sequence last_sequence() const {
    const Sequence base = base_sequence();
    return base.value < 0 ? kNoSequence : base.plus(last_offset_delta());
  }
  /// Records that are present (fewer than offsets after compaction); 1 for a legacy entry.
  int32_t records_count() const {
    return is_legacy() ? 1 : load<int32_t>(SEMEL_BATCH_FIELD(records_count));
  }
  /// What follows the header of a v2 batch: the records, or one compressed stream of them.
  ByteSpan payload() const { return is_legacy() ? ByteSpan{} : bytes_.subspan(kBatchHeaderSize); }

 private:
  static constexpr size_t kLegacyCrcAt = 12;
  static constexpr size_t kLegacyAttributesAt = 17;
  static constexpr size_t kLegacyTimestampAt = 18;

  template <std::integral T>
  T load(size_t at) const {
    return bytes::load_be<T>(bytes_.data() + at);
  }
  /// Hostile offsets may wrap around; that must not be undefined.
  static Offset plus(Offset offset, int64_t n) {
    return Offset{
        static_cast<int64_t>(static_cast<uint64_t>(offset.value) + static_cast<uint64_t>(n))};
  }
  int64_t legacy_timestamp() const {
    return magic() == kMagicV1 ? load<int64_t>(kLegacyTimestampAt) : kNoTimestamp;
  }

  ByteSpan bytes_;
};

}  // namespace semel::record
