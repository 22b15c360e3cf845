#include "record/control_batch.h"

#include "bytes/reader.h"
#include "record/record_iterator.h"

namespace semel::record {
namespace {

constexpr int16_t kKeyVersion = 0;
constexpr int16_t kMarkerVersion = 0;
constexpr size_t kKeySize = 4;
constexpr size_t kMarkerSize = 6;

}  // namespace

std::array<std::byte, kKeySize> control_key(ControlType type) {
  std::array<std::byte, kKeySize> key{};
  bytes::store_be(key.data(), kKeyVersion);
  bytes::store_be(key.data() + sizeof kKeyVersion, static_cast<int16_t>(type));
  return key;
}

Result<ControlType> read_control_key(const std::optional<ByteSpan>& key) {
  if (!key || key->size() < kKeySize)
    return fail(ErrorCode::kCorruptMessage, "a control record's key is too short");
  bytes::Reader reader(*key);
  if (reader.read_i16() < 0)
    return fail(ErrorCode::kCorruptMessage, "a control record's key has a negative version");
  return static_cast<ControlType>(reader.read_i16());
}

Result<MutableByteSpan> build_txn_marker(BatchBuilder& builder, bytes::Compressor& compressor,
                                         const TxnMarkerContent& marker, int64_t timestamp) {
  builder.start({.producer_id = marker.producer_id,
                 .producer_epoch = marker.producer_epoch,
                 .is_transactional = true,
                 .is_control = true});
  const auto key = control_key(marker.is_commit ? ControlType::kCommit : ControlType::kAbort);
  std::array<std::byte, kMarkerSize> value{};
  bytes::store_be(value.data(), kMarkerVersion);
  bytes::store_be(value.data() + sizeof kMarkerVersion, marker.coordinator_epoch);
  builder.append({.timestamp = timestamp, .key = ByteSpan(key), .value = ByteSpan(value)});
  return builder.finish(compressor);
}

Result<std::optional<TxnMarkerContent>> read_txn_marker(const BatchView& batch,
                                                        RecordScratch& scratch) {
  RecordIterator records(batch, scratch);
  RecordView record;
  if (!records.next(record)) {
    SEMEL_CHECK(records.status());
    return std::nullopt;
  }
  SEMEL_TRY(const ControlType type, read_control_key(record.key));
  if (type != ControlType::kAbort && type != ControlType::kCommit) return std::nullopt;
  if (!record.value) return fail(ErrorCode::kCorruptMessage, "a transaction marker has no value");
  bytes::Reader reader(*record.value);
  const int16_t version = reader.read_i16();
  const int32_t coordinator_epoch = reader.read_i32();
  if (!reader.ok() || version < 0)
    return fail(ErrorCode::kCorruptMessage, "a transaction marker's value cannot be read");
  return TxnMarkerContent{.producer_id = batch.producer_id(),
                          .producer_epoch = batch.producer_epoch(),
                          .is_commit = type == ControlType::kCommit,
                          .coordinator_epoch = coordinator_epoch};
}

}  // namespace semel::record
