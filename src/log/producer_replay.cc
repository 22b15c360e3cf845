#include "log/producer_replay.h"

#include "record/control_batch.h"

namespace semel::log {

BatchIdentity identity_of(const record::BatchView& batch) {
  BatchIdentity identity;
  identity.producer_id = batch.producer_id();
  identity.epoch = batch.producer_epoch();
  identity.base_sequence = batch.base_sequence();
  identity.last_offset_delta = batch.last_offset_delta();
  identity.crc = batch.crc();
  identity.is_transactional = batch.is_transactional();
  return identity;
}

StoredBatch place_of(const record::BatchView& batch) {
  return {batch.base_offset(), batch.last_offset(), batch.max_timestamp()};
}

Result<std::optional<CompletedTxn>> replay_batch(ProducerState& producers,
                                                 const record::BatchView& batch, int64_t now_ms) {
  if (!batch.has_producer_id()) return std::nullopt;
  if (!batch.is_control()) {
    if (batch.base_sequence().value >= 0)
      producers.replay(identity_of(batch), place_of(batch), now_ms);
    return std::nullopt;
  }
  record::RecordScratch scratch;
  SEMEL_TRY(const auto content, record::read_txn_marker(batch, scratch));
  if (!content) return std::nullopt;
  const TxnMarker marker{.producer_id = content->producer_id,
                         .epoch = content->producer_epoch,
                         .coordinator_epoch = content->coordinator_epoch,
                         .is_abort = !content->is_commit};
  return producers.applied_marker(marker, batch.last_offset(), batch.max_timestamp(), now_ms);
}

Result<void> replay_segment(Segment& segment, Offset from, Offset to, ProducerState& producers,
                            int64_t now_ms) {
  SEMEL_TRY(const auto first, segment.find(from));
  if (!first) return {};
  SEMEL_TRY(auto file, segment.file());
  BatchWalker walker(*file, first->position, segment.size());
  std::vector<std::byte> whole;
  while (true) {
    SEMEL_TRY(const auto place, walker.next());
    if (!place || place->base_offset >= to) return {};
    if (place->base_offset < from) continue;
    record::BatchView batch = walker.header_view();
    if (batch.is_control()) {
      whole.resize(place->size);
      SEMEL_TRY(const size_t count, file->pread(place->position, whole));
      if (count != whole.size())
        return fail(ErrorCode::kCorruptMessage, "a segment ends inside a control batch");
      batch = record::BatchView(whole);
    }
    SEMEL_CHECK(replay_batch(producers, batch, now_ms));
  }
}

}  // namespace semel::log
