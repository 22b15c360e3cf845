#include "cli/audit_sequences.h"

#include <algorithm>

namespace semel::cli {
namespace {

constexpr int64_t kWrap = int64_t{1} << 31;
constexpr size_t kOlderMax = 8;

/// `sequence` counted on through wraps, as near to `expected` as it can lie.
int64_t unwrapped(Sequence sequence, int64_t expected) {
  const int64_t ahead = (sequence.value - expected) & (kWrap - 1);
  return expected + (ahead < kWrap / 2 ? ahead : ahead - kWrap);
}

Sequence wrapped(int64_t value) { return Sequence{static_cast<int32_t>(value & (kWrap - 1))}; }

}  // namespace

AuditSequences::Producer& AuditSequences::of(ProducerId id, bool& is_new) {
  const auto at = producers_.find(id);
  is_new = at == producers_.end();
  if (!is_new) return at->second;
  ++seen_;
  if (producers_.size() >= producers_max_) make_room();
  return producers_[id];
}

void AuditSequences::make_room() {
  std::vector<uint64_t> marks;
  marks.reserve(producers_.size());
  for (const auto& [id, producer] : producers_) marks.push_back(producer.mark);
  const auto middle = marks.begin() + static_cast<ptrdiff_t>(marks.size() / 2);
  std::nth_element(marks.begin(), middle, marks.end());
  forgotten_ += std::erase_if(
      producers_, [limit = *middle](const auto& entry) { return entry.second.mark <= limit; });
}

void AuditSequences::remember(Producer& producer, Range range) {
  auto& older = producer.older;
  older.push_back(range);
  if (older.size() <= kOlderMax) return;
  older[0] = {std::min(older[0].first, older[1].first), std::max(older[0].last, older[1].last)};
  older.erase(older.begin() + 1);
}

SequenceVerdict AuditSequences::add(const AuditBatch& batch, uint64_t mark) {
  bool is_new = false;
  Producer& producer = of(batch.producer_id, is_new);
  SequenceVerdict verdict{.known_epoch = producer.epoch, .previous_mark = producer.mark};
  if (batch.epoch < producer.epoch) {
    verdict.step = SequenceStep::kOldEpoch;
    return verdict;
  }
  producer.mark = mark;
  const bool has_range = producer.newest.last >= producer.newest.first;
  if (is_new || batch.epoch > producer.epoch || !has_range) {
    producer.epoch = batch.epoch;
    producer.newest = {batch.base_sequence.value,
                       int64_t{batch.base_sequence.value} + batch.last_offset_delta};
    producer.older.clear();
    verdict.step = SequenceStep::kFirst;
    return verdict;
  }
  const int64_t expected = producer.newest.last + 1;
  verdict.expected = wrapped(expected);
  const int64_t first = unwrapped(batch.base_sequence, expected);
  const Range range{first, first + batch.last_offset_delta};
  const auto overlaps = [&](const Range& other) {
    return range.first <= other.last && other.first <= range.last;
  };
  if (first == expected) {
    producer.newest.last = range.last;
    return verdict;
  }
  if (first > expected) {
    remember(producer, producer.newest);
    producer.newest = range;
    verdict.step = SequenceStep::kGap;
    return verdict;
  }
  const bool is_seen = overlaps(producer.newest) || std::ranges::any_of(producer.older, overlaps);
  verdict.step = is_seen ? SequenceStep::kSeen : SequenceStep::kBehind;
  if (range.last > producer.newest.last)
    producer.newest.last = range.last;
  else if (!is_seen)
    remember(producer, range);
  return verdict;
}

void AuditSequences::add_marker(ProducerId producer_id, ProducerEpoch epoch, uint64_t mark) {
  bool is_new = false;
  Producer& producer = of(producer_id, is_new);
  producer.mark = mark;
  if (!is_new && epoch <= producer.epoch) return;
  producer.epoch = epoch;
  producer.newest = {};
  producer.older.clear();
}

}  // namespace semel::cli
