#include "record/batch_header.h"

#include <array>

#include "bytes/crc32c.h"

namespace semel::record {

using bytes::load_be;
using bytes::store_be;

void stamp_base_offset(MutableByteSpan batch, Offset base_offset) {
  SEMEL_ASSERT(batch.size() >= kBatchHeaderSize);
  store_be(batch.data() + SEMEL_BATCH_FIELD(base_offset), base_offset.value);
}

void stamp_last_offset(MutableByteSpan batch, Offset last_offset) {
  SEMEL_ASSERT(batch.size() >= kBatchHeaderSize);
  const int64_t delta = load_be<int32_t>(batch.data() + SEMEL_BATCH_FIELD(last_offset_delta));
  stamp_base_offset(batch, Offset{static_cast<int64_t>(static_cast<uint64_t>(last_offset.value) -
                                                       static_cast<uint64_t>(delta))});
}

void stamp_leader_epoch(MutableByteSpan batch, LeaderEpoch epoch) {
  SEMEL_ASSERT(batch.size() >= kBatchHeaderSize);
  store_be(batch.data() + SEMEL_BATCH_FIELD(leader_epoch), epoch.value);
}

bool stamp_timestamps(MutableByteSpan batch, TimestampType type, int64_t max_timestamp) {
  SEMEL_ASSERT(batch.size() >= kBatchHeaderSize);
  constexpr size_t kFrom = SEMEL_BATCH_FIELD(attributes);
  constexpr size_t kTo = SEMEL_BATCH_FIELD(producer_id);
  constexpr size_t kStampAt = SEMEL_BATCH_FIELD(max_timestamp);
  std::byte* at = batch.data();
  const auto old_attributes = load_be<int16_t>(at + kFrom);
  const auto old_timestamp = load_be<int64_t>(at + kStampAt);
  const auto attributes =
      static_cast<int16_t>((old_attributes & ~kLogAppendTimeBit) |
                           (type == TimestampType::kLogAppendTime ? kLogAppendTimeBit : 0));
  if (attributes == old_attributes && max_timestamp == old_timestamp) return false;
  std::array<std::byte, kTo - kFrom> difference{};
  store_be(difference.data(), static_cast<int16_t>(attributes ^ old_attributes));
  store_be(difference.data() + kStampAt - kFrom, max_timestamp ^ old_timestamp);
  store_be(at + kFrom, attributes);
  store_be(at + kStampAt, max_timestamp);
  const auto crc = load_be<uint32_t>(at + SEMEL_BATCH_FIELD(crc));
  store_be(at + SEMEL_BATCH_FIELD(crc), bytes::crc32c_patch(crc, difference, batch.size() - kTo));
  return true;
}

void stamp_crc(MutableByteSpan batch) {
  SEMEL_ASSERT(batch.size() >= kBatchHeaderSize);
  constexpr size_t kFrom = SEMEL_BATCH_FIELD(attributes);
  store_be(batch.data() + SEMEL_BATCH_FIELD(crc), bytes::crc32c(batch.subspan(kFrom)));
}

}  // namespace semel::record
