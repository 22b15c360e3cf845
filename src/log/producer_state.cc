#include "log/producer_state.h"

#include <algorithm>
#include <utility>

namespace semel::log {
namespace {

/// Batches that Kafka's clients need to be remembered: the newest, and four older ones.
constexpr uint16_t kKafkasWindow = 5;

uint32_t seconds_up(int64_t ms) {
  if (ms <= 0 || ms > int64_t{UINT32_MAX} * 1000) [[unlikely]]
    return ms <= 0 ? 0 : UINT32_MAX;
  return static_cast<uint32_t>((static_cast<uint64_t>(ms) + 999) / 1000);
}

RememberedBatch newest_of(const HotSlot& slot) {
  return {slot.last_sequence,      slot.offset_delta, slot.last_offset,
          slot.batch_timestamp_ms, slot.crc,          slot.has(HotSlot::kCrcKnown)};
}

}  // namespace

ProducerState::ProducerState(const ProducerStateConfig& config)
    : config_(config),
      table_(config.hash_seed),
      txns_(config.hash_seed),
      counters_(config.hash_seed) {
  set_window_batches(config.window_batches);
}

void ProducerState::set_window_batches(uint16_t window_batches) {
  config_.window_batches = std::clamp<uint16_t>(window_batches, 1, 1024);
  for (uint32_t i = 0; i < table_.size(); ++i) table_.at(i).set(HotSlot::kIsPlain, false);
}

Decision ProducerState::check(const BatchIdentity& batch, const LogFacts& facts) {
  if (!facts.leadership_is_proven) [[unlikely]]
    return {};
  const uint32_t number = table_.find(batch.producer_id);
  if (number == ProducerTable::kNone) return check_unknown(batch);
  const HotSlot& slot = table_.at(number);
  if (slot.epoch != batch.epoch) [[unlikely]]
    return check_other_epoch(batch, number);
  if (batch.base_sequence == slot.last_sequence.plus(1)) [[likely]]
    return append(batch, number, Reason::kInOrder);
  return check_not_next(batch, number, facts.log_start);
}

Decision ProducerState::append(const BatchIdentity& batch, uint32_t number, Reason reason) {
  const HotSlot& slot = table_.at(number);
  if (slot.has(HotSlot::kTxnOpen) && !batch.is_transactional) [[unlikely]]
    return refuse(number, Reason::kNotTransactional);
  Decision decision;
  decision.verdict = Verdict::kAppend;
  decision.reason = reason;
  decision.slot = number;
  return decision;
}

Decision ProducerState::check_unknown(const BatchIdentity& batch) {
  Decision decision;
  if (table_.size() >= config_.producers_max) {
    ++refused_when_full_;
    decision.reason = Reason::kTableFull;
  } else if (batch.must_start_at_zero && batch.base_sequence.value != 0) {
    ++totals_.gaps;
    decision.reason = Reason::kUnknownNotFromZero;
    decision.expected = Sequence{0};
  } else {
    decision.verdict = Verdict::kAppend;
    decision.reason = Reason::kNewProducer;
  }
  return decision;
}

Decision ProducerState::check_other_epoch(const BatchIdentity& batch, uint32_t number) {
  if (batch.epoch < table_.at(number).epoch) return refuse(number, Reason::kFenced);
  if (batch.base_sequence.value == 0) return append(batch, number, Reason::kNewEpoch);
  Decision decision = refuse(number, Reason::kEpochNotFromZero);
  decision.expected = Sequence{0};
  return decision;
}

Decision ProducerState::check_not_next(const BatchIdentity& batch, uint32_t number,
                                       Offset log_start) {
  const HotSlot& slot = table_.at(number);
  if (!slot.has(HotSlot::kHasBatch)) return refuse(number, Reason::kEpochNotFromZero);
  const Sequence last = batch.last_sequence();
  const auto is_range_of = [&](const RememberedBatch& stored) {
    return stored.last_sequence == last && stored.offset_delta == batch.last_offset_delta;
  };
  const RememberedBatch newest = newest_of(slot);
  if (is_range_of(newest)) return stored_match(batch, number, newest, log_start);
  const uint32_t older =
      std::min<uint32_t>(older_.count(slot.older_block), config_.window_batches - 1u);
  for (uint32_t index = 0; index < older; ++index) {
    const RememberedBatch stored = older_.get(slot.older_block, index);
    if (is_range_of(stored)) return stored_match(batch, number, stored, log_start);
  }
  const int64_t base_behind = behind(slot.last_sequence, batch.base_sequence);
  if (base_behind > kReach) return refuse(number, Reason::kGap);
  const int64_t last_behind = base_behind - batch.last_offset_delta;
  const int64_t oldest_behind = behind(slot.last_sequence, oldest_batch(slot).first_sequence());
  if (last_behind <= oldest_behind) return refuse(number, Reason::kPartOfRange);
  return check_older(batch, number, log_start);
}

Decision ProducerState::check_older(const BatchIdentity& batch, uint32_t number, Offset log_start) {
  const HotSlot& slot = table_.at(number);
  const int64_t base_behind = behind(slot.last_sequence, batch.base_sequence);
  const int64_t known_behind = behind(slot.last_sequence, slot.first_known);
  const bool was_stored = base_behind <= known_behind;
  if (!was_stored && slot.has(HotSlot::kEpochStartKnown))
    return refuse(number, Reason::kOlderUnknown);
  const Offset oldest = oldest_batch(slot).first_offset();
  if (oldest <= log_start)
    return refuse(number, was_stored ? Reason::kBelowLogStart : Reason::kOlderUnknown);
  Decision decision;
  decision.verdict = Verdict::kLookUp;
  decision.reason = Reason::kOlder;
  decision.expected = slot.last_sequence.plus(1);
  decision.known_epoch = slot.epoch;
  decision.first_offset = log_start;
  decision.last_offset = oldest - 1;
  decision.was_stored = was_stored;
  return decision;
}

Decision ProducerState::stored_match(const BatchIdentity& batch, uint32_t number,
                                     const RememberedBatch& stored, Offset log_start) {
  const bool is_proven = stored.crc_is_known && batch.crc_is_known && stored.crc == batch.crc;
  if (!is_proven && stored.last_offset < log_start) return refuse(number, Reason::kBelowLogStart);
  Decision decision;
  decision.verdict = is_proven ? Verdict::kDuplicate : Verdict::kCompare;
  decision.reason = is_proven ? Reason::kSameBytes : Reason::kMayDiffer;
  decision.expected = table_.at(number).last_sequence.plus(1);
  decision.known_epoch = batch.epoch;
  decision.first_offset = stored.first_offset();
  decision.last_offset = stored.last_offset;
  decision.timestamp_ms = stored.timestamp_ms;
  decision.was_stored = true;
  if (is_proven) count(number, Reason::kSameBytes, &batch);
  return decision;
}

Decision ProducerState::refuse(uint32_t number, Reason reason) {
  count(number, reason, nullptr);
  const HotSlot& slot = table_.at(number);
  Decision decision;
  decision.reason = reason;
  decision.expected = slot.last_sequence.plus(1);
  decision.known_epoch = slot.epoch;
  return decision;
}

Decision ProducerState::settle(const BatchIdentity& batch, const Decision& decision,
                               const LookupResult& found) {
  Decision settled = decision;
  settled.verdict = Verdict::kRefuse;
  switch (found.match) {
    case Match::kEqual:
      settled.verdict = Verdict::kDuplicate;
      settled.reason = found.same_bytes ? Reason::kSameBytes : Reason::kReencoded;
      settled.first_offset = found.stored.first_offset;
      settled.last_offset = found.stored.last_offset;
      settled.timestamp_ms = found.stored.timestamp_ms;
      break;
    case Match::kDifferent:
      settled.reason = Reason::kSequenceReused;
      break;
    case Match::kPartOf:
      settled.reason = Reason::kPartOfRange;
      break;
    case Match::kOutOfReach:
      settled.reason = Reason::kOlderOutOfReach;
      break;
    case Match::kNotFound:
      settled.reason = decision.was_stored ? Reason::kBelowLogStart : Reason::kOlderUnknown;
      break;
  }
  count(table_.find(batch.producer_id), settled.reason, &batch);
  return settled;
}

void ProducerState::note_time(int64_t now_ms) {
  now_ms_ = now_ms;
  now_s_ = seconds_up(now_ms);
}

void ProducerState::applied_slowly(uint32_t number, const BatchIdentity& batch,
                                   const StoredBatch& stored, int64_t now_ms) {
  if (number == Decision::kNoSlot) number = table_.insert(batch.producer_id);
  HotSlot& slot = table_.at(number);
  if (slot.epoch != batch.epoch) [[unlikely]] {
    if (slot.epoch != kNoProducerEpoch) count(number, Reason::kNewEpoch, nullptr);
    start_epoch(slot, batch.epoch);
  }
  push(slot, batch, stored, now_ms);
}

void ProducerState::replay(const BatchIdentity& batch, const StoredBatch& stored, int64_t now_ms) {
  uint32_t number = table_.find(batch.producer_id);
  if (number == ProducerTable::kNone) number = table_.insert(batch.producer_id);
  HotSlot& slot = table_.at(number);
  if (slot.epoch != batch.epoch) start_epoch(slot, batch.epoch);
  if (slot.has(HotSlot::kHasBatch) && batch.base_sequence != slot.last_sequence.plus(1)) {
    slot.first_known = kNoSequence;
    slot.set(HotSlot::kEpochStartKnown, false);
    const bool goes_back = behind(slot.last_sequence, batch.base_sequence) <= kReach;
    if (goes_back) start_epoch(slot, batch.epoch);
  }
  push(slot, batch, stored, now_ms);
}

void ProducerState::start_epoch(HotSlot& slot, ProducerEpoch epoch) {
  older_.release(slot.older_block);
  slot.older_block = HotSlot::kNoBlock;
  slot.set(HotSlot::kHasBatch, false);
  slot.set(HotSlot::kCrcKnown, false);
  slot.set(HotSlot::kIsPlain, false);
  slot.set(HotSlot::kEpochStartKnown, slot.epoch != kNoProducerEpoch && slot.epoch < epoch);
  slot.last_sequence = kNoSequence;
  slot.first_known = kNoSequence;
  slot.last_offset = kNoOffset;
  slot.offset_delta = 0;
  slot.epoch = epoch;
}

void ProducerState::push(HotSlot& slot, const BatchIdentity& batch, const StoredBatch& stored,
                         int64_t now_ms) {
  if (slot.has(HotSlot::kHasBatch)) remember_newest(slot);
  const Sequence last = batch.last_sequence();
  if (slot.first_known == kNoSequence) {
    slot.first_known = batch.base_sequence;
    if (batch.base_sequence.value != 0) slot.set(HotSlot::kEpochStartKnown, false);
  }
  if (behind(last, slot.first_known) > kReach) [[unlikely]] {
    slot.first_known = last.minus(static_cast<int32_t>(kReach));
    slot.set(HotSlot::kEpochStartKnown, false);
  }
  note_newest(slot, batch, last, stored, now_ms);
  slot.set(HotSlot::kHasBatch, true);
  slot.set(HotSlot::kCrcKnown, batch.crc_is_known);
  slot.set(HotSlot::kIsPlain, batch.crc_is_known && OlderBatches::is_small(slot.older_block) &&
                                  config_.window_batches == kKafkasWindow);
  if (batch.is_transactional && !slot.has(HotSlot::kTxnOpen)) [[unlikely]] {
    slot.set(HotSlot::kTxnOpen, true);
    txns_.open(slot.producer_id, stored.first_offset);
  }
}

Decision ProducerState::check_marker(const TxnMarker& marker) const {
  Decision decision;
  decision.verdict = Verdict::kAppend;
  decision.reason = Reason::kInOrder;
  const uint32_t number = table_.find(marker.producer_id);
  if (number == ProducerTable::kNone) return decision;
  const HotSlot& slot = table_.at(number);
  decision.known_epoch = slot.epoch;
  const bool is_fenced =
      marker.epoch < slot.epoch ||
      (marker.epoch_is_bumped && marker.epoch == slot.epoch && slot.has(HotSlot::kTxnOpen));
  if (is_fenced || marker.coordinator_epoch < slot.coordinator_epoch) {
    decision.verdict = Verdict::kRefuse;
    decision.reason = is_fenced ? Reason::kFenced : Reason::kCoordinatorFenced;
  }
  return decision;
}

void ProducerState::remember_newest(HotSlot& slot) {
  if (config_.window_batches > 1) {
    slot.older_block = older_.push(slot.older_block, newest_of(slot), config_.window_batches - 1u);
  } else if (slot.older_block != HotSlot::kNoBlock) {
    older_.release(std::exchange(slot.older_block, HotSlot::kNoBlock));
  }
}

std::optional<CompletedTxn> ProducerState::applied_marker(const TxnMarker& marker, Offset offset,
                                                          int64_t timestamp_ms, int64_t now_ms) {
  uint32_t number = table_.find(marker.producer_id);
  if (number == ProducerTable::kNone) number = table_.insert(marker.producer_id);
  HotSlot& slot = table_.at(number);
  if (slot.epoch != marker.epoch) start_epoch(slot, marker.epoch);
  slot.coordinator_epoch = marker.coordinator_epoch;
  slot.entry_timestamp_ms = timestamp_ms;
  slot.last_append_s = seconds_up(now_ms);
  if (!slot.has(HotSlot::kTxnOpen)) return std::nullopt;
  slot.set(HotSlot::kTxnOpen, false);
  CompletedTxn txn;
  txn.producer_id = marker.producer_id;
  txn.first_offset = txns_.first_offset_of(marker.producer_id);
  txn.last_offset = offset;
  txn.last_stable_offset = txns_.end(marker.producer_id, offset);
  txn.is_abort = marker.is_abort;
  return txn;
}

bool ProducerState::has_open_txn(ProducerId producer_id) const {
  const uint32_t number = table_.find(producer_id);
  return number != ProducerTable::kNone && table_.at(number).has(HotSlot::kTxnOpen);
}

RememberedBatch ProducerState::oldest_batch(const HotSlot& slot) const {
  const uint32_t older =
      std::min<uint32_t>(older_.count(slot.older_block), config_.window_batches - 1u);
  return older == 0 ? newest_of(slot) : older_.get(slot.older_block, older - 1);
}

void ProducerState::count(uint32_t number, Reason reason, const BatchIdentity* batch) {
  const auto note = [&](ProducerCounters& counters) {
    switch (reason) {
      case Reason::kReencoded:
        ++counters.reencoded;
        [[fallthrough]];
      case Reason::kSameBytes:
        ++counters.duplicates;
        counters.duplicate_records += static_cast<uint64_t>(batch->last_offset_delta) + 1;
        break;
      case Reason::kBelowLogStart:
        ++counters.below_log_start;
        break;
      case Reason::kSequenceReused:
        ++counters.sequences_reused;
        break;
      case Reason::kNewEpoch:
        ++counters.epoch_bumps;
        break;
      case Reason::kFenced:
        ++counters.fenced;
        break;
      case Reason::kGap:
      case Reason::kPartOfRange:
      case Reason::kOlderUnknown:
      case Reason::kOlderOutOfReach:
      case Reason::kEpochNotFromZero:
        ++counters.gaps;
        break;
      default:
        break;
    }
  };
  note(totals_);
  if (number == ProducerTable::kNone) return;
  HotSlot& slot = table_.at(number);
  if (!slot.has(HotSlot::kHasCounters)) {
    counters_.insert(slot.producer_id);
    slot.set(HotSlot::kHasCounters, true);
  }
  note(counters_.at(counters_.find(slot.producer_id)).counters);
}

}  // namespace semel::log
