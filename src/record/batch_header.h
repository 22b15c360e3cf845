// The header of a v2 record batch (KIP-98), and in-place changes to it.
// Bytes: docs/formats/record-batch.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "bytes/buffer.h"
#include "bytes/codec.h"
#include "bytes/endian.h"

namespace semel::record {

using bytes::ByteSpan;
using bytes::CodecId;
using bytes::MutableByteSpan;

/// The header as it lies in memory and on disk; every field is big-endian.
struct BatchHeaderLayout {
  std::byte base_offset[8];
  std::byte batch_length[4];  // bytes that follow this field
  std::byte leader_epoch[4];
  std::byte magic[1];
  std::byte crc[4];  // CRC-32C from `attributes` to the end of the batch
  std::byte attributes[2];
  std::byte last_offset_delta[4];
  std::byte base_timestamp[8];
  std::byte max_timestamp[8];
  std::byte producer_id[8];
  std::byte producer_epoch[2];
  std::byte base_sequence[4];
  std::byte records_count[4];
};
static_assert(sizeof(BatchHeaderLayout) == 61 && alignof(BatchHeaderLayout) == 1);
static_assert(offsetof(BatchHeaderLayout, batch_length) == 8);
static_assert(offsetof(BatchHeaderLayout, leader_epoch) == 12);
static_assert(offsetof(BatchHeaderLayout, magic) == 16);
static_assert(offsetof(BatchHeaderLayout, crc) == 17);
static_assert(offsetof(BatchHeaderLayout, attributes) == 21);
static_assert(offsetof(BatchHeaderLayout, last_offset_delta) == 23);
static_assert(offsetof(BatchHeaderLayout, base_timestamp) == 27);
static_assert(offsetof(BatchHeaderLayout, max_timestamp) == 35);
static_assert(offsetof(BatchHeaderLayout, producer_id) == 43);
static_assert(offsetof(BatchHeaderLayout, producer_epoch) == 51);
static_assert(offsetof(BatchHeaderLayout, base_sequence) == 53);
static_assert(offsetof(BatchHeaderLayout, records_count) == 57);

inline constexpr size_t kBatchHeaderSize = sizeof(BatchHeaderLayout);
/// Base offset and length: what stands before the bytes that `batch_length` counts.
inline constexpr size_t kLogOverhead = 12;
/// Bytes needed to learn a batch's size and magic.
inline constexpr size_t kHeaderSizeUpToMagic = 17;
/// Smallest value of the length field in each format; below it the bytes are corrupt.
inline constexpr int32_t kLengthMinV0 = 14;
inline constexpr int32_t kLengthMinV1 = 22;
inline constexpr int32_t kLengthMinV2 = static_cast<int32_t>(kBatchHeaderSize - kLogOverhead);

inline constexpr int8_t kMagicV0 = 0;
inline constexpr int8_t kMagicV1 = 1;
inline constexpr int8_t kMagicV2 = 2;
inline constexpr int64_t kNoTimestamp = -1;

enum class TimestampType : uint8_t { kCreateTime = 0, kLogAppendTime = 1 };

/// Bits of the attributes field. Only the low byte has a meaning; the rest is ignored, as by Kafka.
inline constexpr int16_t kCodecMask = 0x07;
inline constexpr int16_t kLogAppendTimeBit = 0x08;
inline constexpr int16_t kTransactionalBit = 0x10;
inline constexpr int16_t kControlBit = 0x20;
inline constexpr int16_t kDeleteHorizonBit = 0x40;

#define SEMEL_BATCH_FIELD(name) offsetof(::semel::record::BatchHeaderLayout, name)

/// In-place changes of a v2 batch. The bytes must hold at least its header (leader epoch and
/// offsets) or the whole batch (where said so). Base offset, length, leader epoch and magic lie
/// outside the CRC.

/// Stamps the base offset; the CRC does not cover it.
void stamp_base_offset(MutableByteSpan batch, Offset base_offset);
/// Stamps the base offset so that the batch's last offset becomes `last_offset`.
void stamp_last_offset(MutableByteSpan batch, Offset last_offset);
/// Stamps the partition leader epoch; the CRC does not cover it.
void stamp_leader_epoch(MutableByteSpan batch, LeaderEpoch epoch);
/// Sets timestamp type and maximal timestamp, and mends the CRC without reading the records.
/// `batch` is the whole batch and its CRC must be right (or wrong on purpose: the difference is
/// kept). Returns false, having written nothing, if both have these values already.
bool stamp_timestamps(MutableByteSpan batch, TimestampType type, int64_t max_timestamp);
/// Computes the CRC anew and stores it. `batch` is the whole batch.
void stamp_crc(MutableByteSpan batch);

}  // namespace semel::record
