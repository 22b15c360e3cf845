// The half of Log that changes the past: truncation, log start, retention, and deletion of files.
#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/log.h"
#include "log/producer_replay.h"

namespace semel::log {

Result<void> Log::truncate_to(Offset offset) {
  {
    auto state = state_.lock();
    SEMEL_CHECK(check_writable(*state));
    if (offset >= log_end()) return {};
    auto truncated = offset < segments_.load()->front()->base() ? reset_locked(*state, offset)
                                                                : truncate_locked(*state, offset);
    if (!truncated) return storage_failure(std::move(truncated.error()));
  }
  return settle_truncation();
}

/// What was removed must not come back after a power cut: new records take its offsets.
Result<void> Log::settle_truncation() {
  auto file = segments_.load()->back()->file();
  if (!file) return storage_failure(std::move(file.error()));
  if (auto synced = (*file)->sync(); !synced) {
    sync_failed(synced.error());
    return storage_failure(std::move(synced.error()));
  }
  if (auto synced = context_.disk.sync_directory(path_); !synced)
    return storage_failure(std::move(synced.error()));
  if (context_.care != nullptr) context_.care->recovery_point_went_down(*this);
  return {};
}

Result<void> Log::reset_to(Offset offset) {
  {
    auto state = state_.lock();
    SEMEL_CHECK(check_writable(*state));
    if (auto reset = reset_locked(*state, offset); !reset)
      return storage_failure(std::move(reset.error()));
  }
  return settle_truncation();
}

namespace {

void lower(std::atomic<int64_t>& value, Offset bound) {
  if (value.load(std::memory_order_relaxed) > bound.value)
    value.store(bound.value, std::memory_order_release);
}

}  // namespace

/// Readers that hold the list from before may still see the bytes behind the cut; they get a new
/// Segment, whose window of positions is empty, with the next list.
Result<void> Log::truncate_locked(LogState& state, Offset offset) {
  Segments kept = *segments_.load();
  Segments gone;
  while (kept.size() > 1 && kept.back()->base() >= offset) {
    gone.push_back(kept.back());
    kept.pop_back();
  }
  lower(log_end_, offset);
  ++state.truncations;
  Segment& last = *kept.back();
  SEMEL_TRY(const uint64_t bytes, last.truncate_to(offset));
  SegmentFiles files{.log_bytes = bytes,
                     .index_bytes = last.offset_index().entry_count() * OffsetIndex::kEntrySize,
                     .time_index_bytes = last.time_index().entry_count() * TimeIndex::kEntrySize,
                     .transaction_index_bytes =
                         last.transaction_index().entry_count() * TransactionIndex::kEntrySize,
                     .modified_ms = context_.clock.unix_ms()};
  SEMEL_TRY(kept.back(), Segment::load(context_.disk, path_, last.base(), state.config, files));
  state.active = kept.back();
  publish_segments(state, kept);
  SEMEL_CHECK(retire(state, gone));
  lower(log_start_, offset);
  lower(high_watermark_, offset);
  lower(flushed_end_, offset);
  lower(recovery_point_, offset);
  if (state.epochs.truncate_from_end(offset)) state.epochs_changed = true;
  return rebuild_producers(state, offset);
}

Result<void> Log::reset_locked(LogState& state, Offset offset) {
  ++state.truncations;
  ++state.files_made;
  const Segments gone = *segments_.load();
  SEMEL_CHECK(retire(state, gone));
  SEMEL_TRY(auto segment,
            Segment::create(context_.disk, path_, offset, state.config, context_.clock.unix_ms()));
  state.active = segment;
  publish_segments(state, Segments{std::move(segment)});
  log_start_.store(offset.value, std::memory_order_release);
  log_end_.store(offset.value, std::memory_order_release);
  high_watermark_.store(offset.value, std::memory_order_release);
  flushed_end_.store(offset.value, std::memory_order_release);
  recovery_point_.store(offset.value, std::memory_order_release);
  state.epochs.clear();
  state.epochs_changed = true;
  state.waiting_snapshots.clear();
  state.snapshots.remove_if([](Offset) { return true; });
  state.producers.clear();
  publish_unstable(state);
  return {};
}

/// State at `end` from the newest snapshot at or below it and the batches between.
Result<void> Log::rebuild_producers(LogState& state, Offset end) {
  std::erase_if(state.waiting_snapshots,
                [&](const auto& image) { return image->end_offset > end; });
  state.snapshots.remove_if([&](Offset at) { return at > end || at <= log_start(); });
  const int64_t now_ms = context_.steady_unix_ms();
  state.producers.start_rebuild();
  const auto loaded = state.snapshots.load_newest(
      state.producers, end, now_ms, [&](Offset offset) { return state.epochs.epoch_of(offset); });
  const Offset from = std::max(loaded.value_or(log_start()), log_start());
  for (const auto& segment : *segments_.load()) {
    if (segment->base() < end)
      SEMEL_CHECK(replay_segment(*segment, from, end, state.producers, now_ms));
  }
  state.producers.finish_rebuild(end);
  state.producers.high_watermark_moved(high_watermark());
  publish_unstable(state);
  return {};
}

Result<void> Log::delete_records_before(Offset offset) {
  auto state = state_.lock();
  SEMEL_CHECK(check_writable(*state));
  if (offset > high_watermark()) {
    return fail(ErrorCode::kOffsetOutOfRange,
                fmt::format("{}: offset {} is above the high watermark {}", path_, offset.value,
                            high_watermark().value));
  }
  if (offset <= log_start()) return {};
  log_start_.store(offset.value, std::memory_order_release);
  if (state->epochs.truncate_from_start(offset)) state->epochs_changed = true;
  return {};
}

/// How many segments from the front may go: by log start, then by size, then by age, each only
/// while everything before goes too.
size_t Log::count_deletable(LogState& state, const Segments& segments, int64_t now_ms) {
  const Offset limit = high_watermark();
  uint64_t left = 0;
  for (const auto& segment : segments) left += segment->size();
  size_t count = 0;
  for (; count < segments.size(); ++count) {
    Segment& segment = *segments[count];
    const bool is_last = count + 1 == segments.size();
    const Offset next = is_last ? log_end() : segments[count + 1]->base();
    if (next > limit || (is_last && segment.size() == 0)) break;
    const bool is_below_start = !is_last && next <= log_start();
    const bool is_too_much =
        state.config.deletes && state.config.retention_bytes >= 0 &&
        left >= segment.size() + static_cast<uint64_t>(state.config.retention_bytes);
    const auto age = segment.age_timestamp();
    const bool is_too_old = state.config.deletes && state.config.retention_ms >= 0 && age &&
                            now_ms - *age > state.config.retention_ms;
    if (!is_below_start && !is_too_much && !is_too_old) break;
    left -= segment.size();
  }
  return count;
}

Result<size_t> Log::retention_pass(int64_t now_ms) {
  auto state = state_.lock();
  SEMEL_CHECK(check_writable(*state));
  Segments segments = *segments_.load();
  const size_t count = count_deletable(*state, segments, now_ms);
  if (count == 0) return size_t{0};
  if (count == segments.size()) {
    if (auto rolled = roll_to(*state, log_end()); !rolled)
      return storage_failure(std::move(rolled.error()));
    segments = *segments_.load();
  }
  const auto cut = segments.begin() + static_cast<std::ptrdiff_t>(count);
  const Segments gone(segments.begin(), cut);
  segments.erase(segments.begin(), cut);
  const Offset start = std::max(log_start(), segments.front()->base());
  log_start_.store(start.value, std::memory_order_release);
  publish_segments(*state, std::move(segments));
  if (state->epochs.truncate_from_start(start)) state->epochs_changed = true;
  if (auto retired = retire(*state, gone); !retired)
    return storage_failure(std::move(retired.error()));
  log_info("log", "{}: {} segments below offset {} are deleted", path_, count, start.value);
  return count;
}

Result<void> Log::retire(LogState& state, const Segments& gone) {
  const int64_t due = context_.steady_unix_ms() + state.config.file_delete_delay_ms;
  for (const auto& segment : gone) {
    SEMEL_CHECK(segment->retire());
    state.retired.push_back({segment, due});
    const Offset base = segment->base();
    state.snapshots.remove_if([&](Offset end) { return end == base; });
    std::erase_if(state.waiting_snapshots,
                  [&](const auto& image) { return image->end_offset == base; });
  }
  return {};
}

std::optional<int64_t> Log::remove_retired(int64_t steady_now_ms) {
  std::vector<RetiredSegment> due;
  std::optional<int64_t> next;
  {
    auto state = state_.lock();
    const auto waiting = std::ranges::partition(
        state->retired, [&](const RetiredSegment& r) { return r.remove_at_ms > steady_now_ms; });
    due.assign(std::make_move_iterator(waiting.begin()), std::make_move_iterator(waiting.end()));
    state->retired.erase(waiting.begin(), waiting.end());
    for (const RetiredSegment& r : state->retired)
      next = std::min(next.value_or(r.remove_at_ms), r.remove_at_ms);
  }
  for (const RetiredSegment& r : due) {
    if (auto removed = r.segment->remove_retired(); !removed)
      log_warn("log", "{}: a deleted segment could not be removed: {}", path_,
               removed.error().context);
  }
  return next;
}

}  // namespace semel::log
