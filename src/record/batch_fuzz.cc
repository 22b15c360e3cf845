// Arbitrary bytes through everything that reads batches. The first byte picks the rules.
#include <vector>

#include "record/batch_iterator.h"
#include "record/batch_validator.h"
#include "record/content.h"
#include "record/control_batch.h"
#include "record/legacy.h"
#include "record/record_iterator.h"

namespace semel::record {
namespace {

constexpr DecompressLimits kLimits{.output_bytes_max = 1 << 20};

void read_batch(const BatchView& batch) {
  RecordScratch scratch;
  RecordScratch other;
  (void)batch.crc_is_right();
  (void)batch.last_sequence();
  if (batch.is_legacy()) {
    LegacyRecordIterator records(batch, kLimits);
    for (RecordView record; records.next(record);) {
    }
    return;
  }
  RecordIterator records(batch, scratch, kLimits);
  for (RecordView record; records.next(record);)
    for (auto headers = record.headers(); headers.next();) {
    }
  if (batch.is_control()) (void)read_txn_marker(batch, scratch);
  const auto same = same_content(batch, batch, scratch, other, kLimits);
  SEMEL_ASSERT(same.has_value() || !records.status().has_value());
}

void validate(ByteSpan input, int flags) {
  std::vector<std::byte> bytes(input.begin(), input.end());
  BatchIterator whole(bytes);
  if (const auto batch = whole.next(); batch && !batch->is_legacy() && (flags & 1) != 0)
    stamp_crc(MutableByteSpan(bytes).first(batch->size()));
  ProduceRules rules{.partition = "t-0", .now_ms = 1700000000000, .limits = kLimits};
  if ((flags & 2) != 0) rules.keys_are_required = true;
  if ((flags & 4) != 0) rules.codec = static_cast<CodecId>((flags >> 3) % bytes::kCodecCount);
  if ((flags & 64) != 0) rules.timestamp_type = TimestampType::kLogAppendTime;
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  if (verdict.standing != ProduceVerdict::Standing::kAccepted) return;
  const BatchView accepted(verdict.batch);
  RecordScratch scratch;
  RecordIterator records(accepted, scratch, {.output_bytes_max = 2 << 20});
  int32_t count = 0;
  for (RecordView record; records.next(record); ++count) SEMEL_ASSERT(record.offset_delta == count);
  SEMEL_ASSERT(records.status().has_value() && count == accepted.records_count());
  SEMEL_ASSERT(accepted.crc_is_right());
}

}  // namespace
}  // namespace semel::record

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace semel::record;
  if (size == 0) return 0;
  const ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  BatchIterator batches(input);
  while (const auto batch = batches.next()) read_batch(*batch);
  SEMEL_ASSERT(batches.position() <= input.size());
  validate(input, data[0]);
  return 0;
}
