// Loading, rebuilding, expiring and reading of ProducerState.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "log/producer_state.h"

namespace semel::log {
namespace {

/// A loaded producer lives so long at least: whoever saw his broker go down has sent again by then.
constexpr int64_t kGraceMs = 15 * 60 * 1000;

}  // namespace

void ProducerState::forget(uint32_t number) {
  HotSlot& slot = table_.at(number);
  older_.release(slot.older_block);
  if (slot.has(HotSlot::kHasCounters)) counters_.remove(counters_.find(slot.producer_id));
  table_.remove(number);
}

size_t ProducerState::expire_step(int64_t now_ms, size_t slots) {
  size_t forgotten = 0;
  for (size_t looked_at = 0; looked_at < slots && table_.size() > 0; ++looked_at) {
    if (expiry_cursor_ == 0 || expiry_cursor_ > table_.size()) expiry_cursor_ = table_.size();
    const auto number = static_cast<uint32_t>(--expiry_cursor_);
    const HotSlot& slot = table_.at(number);
    if (slot.has(HotSlot::kTxnOpen) || !has_expired(slot.last_append_s * int64_t{1000}, now_ms))
      continue;
    forget(number);
    ++forgotten;
  }
  return forgotten;
}

void ProducerState::clear() {
  table_.clear();
  older_.clear();
  txns_.clear();
  counters_.clear();
  expiry_cursor_ = 0;
  kept_aside_.clear();
}

void ProducerState::insert_view(const ProducerView& view) {
  HotSlot& slot = table_.at(table_.insert(view.producer_id));
  slot.epoch = view.epoch;
  slot.coordinator_epoch = view.coordinator_epoch;
  slot.entry_timestamp_ms = view.timestamp_ms;
  slot.last_append_s =
      static_cast<uint32_t>(std::clamp<int64_t>((view.last_append_ms + 999) / 1000, 0, UINT32_MAX));
  slot.first_known = view.first_known;
  slot.set(HotSlot::kEpochStartKnown, view.epoch_start_is_known);
  if (!view.batches.empty()) {
    const size_t older = std::min<size_t>(view.batches.size() - 1, config_.window_batches - 1u);
    for (size_t back = older; back > 0; --back)
      slot.older_block = older_.push(slot.older_block, view.batches[view.batches.size() - 1 - back],
                                     config_.window_batches - 1u);
    const RememberedBatch& newest = view.batches.back();
    slot.last_sequence = newest.last_sequence;
    slot.offset_delta = newest.offset_delta;
    slot.last_offset = newest.last_offset;
    slot.batch_timestamp_ms = newest.timestamp_ms;
    slot.crc = newest.crc;
    slot.set(HotSlot::kCrcKnown, newest.crc_is_known);
    slot.set(HotSlot::kHasBatch, true);
  }
  if (view.txn_first_offset.value >= 0) {
    slot.set(HotSlot::kTxnOpen, true);
    txns_.open(view.producer_id, view.txn_first_offset);
  }
  if (view.counters == ProducerCounters{}) return;
  counters_.at(counters_.insert(view.producer_id)).counters = view.counters;
  slot.set(HotSlot::kHasCounters, true);
}

namespace {

ProducerView view_of(const ProducerSnapshotEntry& entry, int64_t now_ms) {
  ProducerView view;
  view.producer_id = entry.producer_id;
  view.epoch = entry.epoch;
  view.coordinator_epoch = entry.coordinator_epoch;
  view.timestamp_ms = entry.timestamp_ms;
  view.last_append_ms = now_ms;
  view.txn_first_offset = entry.txn_first_offset;
  if (entry.last_offset.value < 0) return view;
  view.batches.push_back(
      {entry.last_sequence, entry.offset_delta, entry.last_offset, entry.timestamp_ms, 0, false});
  view.first_known = view.batches.back().first_sequence();
  return view;
}

bool tells_more_of(const ProducerView& view, const ProducerSnapshotEntry& entry) {
  if (view.epoch != entry.epoch) return false;
  if (view.batches.empty()) return entry.last_offset.value < 0;
  const RememberedBatch& newest = view.batches.back();
  return newest.last_offset == entry.last_offset && newest.last_sequence == entry.last_sequence &&
         newest.offset_delta == entry.offset_delta;
}

}  // namespace

void ProducerState::load(std::span<const ProducerSnapshotEntry> entries,
                         std::span<const ProducerView> sidecar, int64_t now_ms) {
  SEMEL_ASSERT(table_.size() == 0);
  std::unordered_map<ProducerId, const ProducerView*> known;
  known.reserve(sidecar.size());
  for (const ProducerView& view : sidecar) known.emplace(view.producer_id, &view);
  const int64_t least_ms =
      now_ms - config_.expiration_ms + std::min(kGraceMs, config_.expiration_ms);
  for (const ProducerSnapshotEntry& entry : entries) {
    if (table_.find(entry.producer_id) != ProducerTable::kNone) continue;
    const auto found = known.find(entry.producer_id);
    if (found == known.end() || !tells_more_of(*found->second, entry)) {
      insert_view(view_of(entry, now_ms));
      continue;
    }
    ProducerView view = *found->second;
    view.coordinator_epoch = entry.coordinator_epoch;
    view.timestamp_ms = entry.timestamp_ms;
    view.txn_first_offset = entry.txn_first_offset;
    view.last_append_ms = std::max(view.last_append_ms, least_ms);
    insert_view(view);
  }
}

void ProducerState::start_rebuild() {
  std::vector<ProducerView> kept = views();
  clear();
  kept_aside_ = std::move(kept);
}

void ProducerState::finish_rebuild(Offset end) {
  for (ProducerView& kept : std::exchange(kept_aside_, {})) {
    const uint32_t number = table_.find(kept.producer_id);
    if (number != ProducerTable::kNone) {
      give_back(number, kept);
    } else if (!kept.batches.empty() && kept.batches.back().last_offset < end) {
      kept.txn_first_offset = kNoOffset;
      insert_view(kept);
    }
  }
}

namespace {

/// What `kept` knew of the batches and sequences up to the newest batch of `view` stays true.
void add_older_knowledge(ProducerView& view, const ProducerView& kept) {
  std::vector<RememberedBatch> still = kept.batches;
  const RememberedBatch& newest = view.batches.back();
  while (!still.empty() && still.back().last_offset > newest.last_offset) still.pop_back();
  if (still.empty() || still.back().last_offset != newest.last_offset ||
      still.back().last_sequence != newest.last_sequence)
    return;
  const Sequence kept_last = kept.batches.back().last_sequence;
  const bool covers_newest =
      behind(kept_last, kept.first_known) >= behind(kept_last, newest.last_sequence);
  if (covers_newest && behind(newest.last_sequence, kept.first_known) >=
                           behind(newest.last_sequence, view.first_known)) {
    view.first_known = kept.first_known;
    view.epoch_start_is_known = kept.epoch_start_is_known;
  }
  if (still.size() > view.batches.size()) std::swap(still, view.batches);
  for (auto one = view.batches.rbegin(), other = still.rbegin(); other != still.rend();
       ++one, ++other) {
    if (one->crc_is_known || one->last_offset != other->last_offset) continue;
    one->crc = other->crc;
    one->crc_is_known = other->crc_is_known;
  }
}

}  // namespace

void ProducerState::give_back(uint32_t number, const ProducerView& kept) {
  ProducerView view = this->view(number);
  view.last_append_ms = kept.last_append_ms;
  view.counters = kept.counters;
  if (view.epoch == kept.epoch && !view.batches.empty() && !kept.batches.empty())
    add_older_knowledge(view, kept);
  const bool has_open_txn = view.txn_first_offset != kNoOffset;
  view.txn_first_offset = kNoOffset;  // stays in txns_
  forget(number);
  insert_view(view);
  table_.at(table_.find(kept.producer_id)).set(HotSlot::kTxnOpen, has_open_txn);
}

ProducerView ProducerState::view(size_t index) const {
  const HotSlot& slot = table_.at(static_cast<uint32_t>(index));
  ProducerView view;
  view.producer_id = slot.producer_id;
  view.epoch = slot.epoch;
  view.coordinator_epoch = slot.coordinator_epoch;
  view.timestamp_ms = slot.entry_timestamp_ms;
  view.last_append_ms = slot.last_append_s * int64_t{1000};
  if (slot.has(HotSlot::kTxnOpen)) view.txn_first_offset = txns_.first_offset_of(slot.producer_id);
  view.first_known = slot.first_known;
  view.epoch_start_is_known = slot.has(HotSlot::kEpochStartKnown);
  const uint32_t older =
      std::min<uint32_t>(older_.count(slot.older_block), config_.window_batches - 1u);
  view.batches.reserve(older + 1);
  for (uint32_t back = older; back > 0; --back)
    view.batches.push_back(older_.get(slot.older_block, back - 1));
  if (slot.has(HotSlot::kHasBatch))
    view.batches.push_back({slot.last_sequence, slot.offset_delta, slot.last_offset,
                            slot.batch_timestamp_ms, slot.crc, slot.has(HotSlot::kCrcKnown)});
  if (slot.has(HotSlot::kHasCounters))
    view.counters = counters_.at(counters_.find(slot.producer_id)).counters;
  return view;
}

std::optional<ProducerView> ProducerState::find(ProducerId producer_id) const {
  const uint32_t number = table_.find(producer_id);
  if (number == ProducerTable::kNone) return std::nullopt;
  return view(number);
}

std::vector<ProducerView> ProducerState::views() const {
  std::vector<ProducerView> all;
  all.reserve(table_.size());
  for (size_t index = 0; index < table_.size(); ++index) all.push_back(view(index));
  return all;
}

std::vector<ProducerSnapshotEntry> ProducerState::snapshot() const {
  std::vector<ProducerSnapshotEntry> entries;
  entries.reserve(table_.size());
  for (uint32_t number = 0; number < table_.size(); ++number) {
    const HotSlot& slot = table_.at(number);
    ProducerSnapshotEntry& entry = entries.emplace_back();
    entry.producer_id = slot.producer_id;
    entry.epoch = slot.epoch;
    entry.last_sequence = slot.last_sequence;
    entry.last_offset = slot.last_offset;
    entry.offset_delta = slot.offset_delta;
    entry.timestamp_ms = slot.entry_timestamp_ms;
    entry.coordinator_epoch = slot.coordinator_epoch;
    if (slot.has(HotSlot::kTxnOpen))
      entry.txn_first_offset = txns_.first_offset_of(slot.producer_id);
  }
  return entries;
}

size_t ProducerState::memory_bytes() const {
  return sizeof(*this) + table_.memory_bytes() + older_.memory_bytes() + txns_.memory_bytes() +
         counters_.memory_bytes();
}

}  // namespace semel::log
