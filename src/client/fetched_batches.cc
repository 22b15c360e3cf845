#include "client/fetched_batches.h"

#include <algorithm>

#include <fmt/format.h>

#include "record/control_batch.h"
#include "record/legacy.h"
#include "record/record_iterator.h"

namespace semel::client {

FetchedBatches::FetchedBatches(bytes::Buffer bytes, std::vector<AbortedTransaction> aborted)
    : bytes_(std::move(bytes)), aborted_(std::move(aborted)) {
  std::sort(
      aborted_.begin(), aborted_.end(),
      [](const AbortedTransaction& a, const AbortedTransaction& b) { return a.first < b.first; });
}

bool FetchedBatches::is_aborted(const record::BatchView& batch) {
  while (aborted_at_ < aborted_.size() && aborted_[aborted_at_].first <= batch.last_offset())
    aborting_.insert(aborted_[aborted_at_++].producer.value);
  if (!batch.has_producer_id()) return false;
  if (batch.is_control()) {
    const auto marker = record::read_txn_marker(batch, scratch_);
    if (marker && *marker && !(*marker)->is_commit) aborting_.erase(batch.producer_id().value);
    return false;
  }
  return batch.is_transactional() && aborting_.contains(batch.producer_id().value);
}

template <class Records>
Result<FetchedBatches::Step> FetchedBatches::visit_records(Records& records,
                                                           const record::BatchView& batch,
                                                           const Reading& reading,
                                                           std::pair<Offset*, size_t*> progress,
                                                           RecordVisitor& visit) {
  auto [position, left] = progress;
  for (record::RecordView record; records.next(record);) {
    if (record.offset < *position) continue;
    if (*left == 0) return Step::kStop;
    --*left;
    *position = record.offset + 1;
    const ConsumedRecord consumed{reading.topic, reading.partition, record, batch.timestamp_type(),
                                  batch.leader_epoch()};
    if (!visit(consumed)) return Step::kStop;
  }
  SEMEL_CHECK(records.status());
  return Step::kNext;
}

Result<FetchedBatches::Step> FetchedBatches::read_batch(const record::BatchView& batch,
                                                        const Reading& reading, Offset& position,
                                                        size_t& left, RecordVisitor& visit) {
  if (reading.checks_crc && !batch.crc_is_right())
    return fail(ErrorCode::kCorruptMessage, "the checksum of the batch does not fit");
  const bool is_left_out = reading.is_read_committed && is_aborted(batch);
  Step step = Step::kNext;
  if (batch.is_legacy()) {
    record::LegacyRecordIterator records(batch);
    SEMEL_TRY(step, visit_records(records, batch, reading, {&position, &left}, visit));
  } else if (!batch.is_control() && !is_left_out) {
    record::RecordIterator records(batch, scratch_);
    SEMEL_TRY(step, visit_records(records, batch, reading, {&position, &left}, visit));
  }
  if (step == Step::kNext) position = std::max(position, batch.next_offset());
  return step;
}

Result<void> FetchedBatches::read(const Reading& reading, Offset& position, size_t& left,
                                  RecordVisitor& visit) {
  record::BatchIterator batches(bytes_.span().subspan(at_));
  const size_t start = at_;
  for (auto batch = batches.next(); batch; batch = batches.next()) {
    const auto step = read_batch(*batch, reading, position, left, visit);
    if (!step)
      return fail(step.error().code,
                  fmt::format("{}-{} at offset {}: {}", reading.topic, reading.partition,
                              batch->base_offset().value, step.error().context));
    if (*step == Step::kStop) return {};
    at_ = start + batches.position();
  }
  const bool is_damaged = batches.stop() == record::BatchStop::kCorrupt;
  const bool has_none = start == 0 && batches.position() == 0 && !bytes_.empty();
  at_ = bytes_.size();
  if (is_damaged || has_none)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{}-{} at offset {}: {}", reading.topic, reading.partition,
                            position.value, batches.reason()));
  return {};
}

}  // namespace semel::client
