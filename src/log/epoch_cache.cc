#include "log/epoch_cache.h"

#include <algorithm>

namespace semel::log {
namespace {

auto first_after(const std::vector<EpochStart>& entries, LeaderEpoch epoch) {
  return std::ranges::upper_bound(entries, epoch, {}, &EpochStart::epoch);
}

}  // namespace

void EpochCache::load(const std::vector<EpochStart>& entries) {
  entries_.clear();
  for (const EpochStart& entry : entries) assign(entry.epoch, entry.start);
}

bool EpochCache::assign(LeaderEpoch epoch, Offset start) {
  if (epoch.value < 0 || start.value < 0) return false;
  if (!entries_.empty() && entries_.back().epoch == epoch && entries_.back().start <= start)
    return false;
  std::erase_if(entries_,
                [&](const EpochStart& e) { return e.epoch >= epoch || e.start >= start; });
  entries_.push_back({epoch, start});
  return true;
}

EpochEndOffset EpochCache::end_offset_for(LeaderEpoch epoch, Offset log_end) const {
  if (epoch.value < 0 || entries_.empty() || epoch > entries_.back().epoch) return {};
  if (epoch == entries_.back().epoch) return {epoch, log_end};
  const auto next = first_after(entries_, epoch);
  if (next == entries_.begin()) return {epoch, next->start};
  return {std::prev(next)->epoch, next->start};
}

LeaderEpoch EpochCache::epoch_of(Offset offset) const {
  const auto next = std::ranges::upper_bound(entries_, offset, {}, &EpochStart::start);
  return next == entries_.begin() ? kNoLeaderEpoch : std::prev(next)->epoch;
}

bool EpochCache::truncate_from_end(Offset end) {
  return std::erase_if(entries_, [&](const EpochStart& e) { return e.start >= end; }) > 0;
}

bool EpochCache::truncate_from_start(Offset start) {
  const auto next = std::ranges::upper_bound(entries_, start, {}, &EpochStart::start);
  if (next == entries_.begin()) return false;
  const auto holder = std::prev(next);
  if (holder == entries_.begin() && holder->start == start) return false;
  const EpochStart kept{holder->epoch, start};
  entries_.erase(entries_.begin(), holder);
  entries_.front() = kept;
  return true;
}

}  // namespace semel::log
