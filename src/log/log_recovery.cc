// The half of LogLoader that reads records: the scan above the recovery point, and producer state.
#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/file_names.h"
#include "log/log_loader.h"
#include "log/producer_replay.h"

namespace semel::log {
Result<void> LogLoader::recover(size_t first) {
  auto& segments = loaded_.segments;
  SEMEL_CHECK(load_producers(segments[first]->base()));
  // Later starts need not read what lies before, which may rot.
  SEMEL_CHECK(take_snapshot(segments[first]->base()));
  for (size_t i = first; i < segments.size(); ++i) {
    SEMEL_TRY(const bool is_whole, recover_segment(i));
    while (is_whole && i + 1 < segments.size() && segments[i + 1]->size() == 0 &&
           segments[i + 1]->base() < loaded_.log_end)
      SEMEL_CHECK(drop_empty(i + 1));
    if (!is_whole || i + 1 == segments.size()) break;
    if (segments[i + 1]->base() > loaded_.log_end && !config_.compacts) {
      SEMEL_CHECK(end_before_hole(i));
      break;
    }
    SEMEL_CHECK(take_snapshot(segments[i + 1]->base()));
  }
  return take_snapshot(loaded_.log_end);
}

Result<bool> LogLoader::recover_segment(size_t index) {
  Segment& segment = *loaded_.segments[index];
  Offset end = segment.base();
  loaded_.log_end = end;
  if (segment.size() == 0) return true;
  SEMEL_CHECK(segment.transaction_index().reset(context_.disk));
  const int64_t now_ms = context_.steady_unix_ms();
  const auto visit = [&](const record::BatchView& batch) -> Result<void> {
    if (batch.leader_epoch().value >= 0 &&
        loaded_.epochs.assign(batch.leader_epoch(), batch.base_offset()))
      loaded_.epochs_changed = true;
    SEMEL_TRY(const auto ended, replay_batch(loaded_.producers, batch, now_ms));
    end = batch.next_offset();
    if (!ended || !ended->is_abort) return {};
    return segment.transaction_index().append(
        {ended->producer_id, ended->first_offset, ended->last_offset, ended->last_stable_offset});
  };
  auto torn =
      segment.recover(visit, !rt::is_planted(context_.plants, &rt::Plants::keep_torn_batch));
  if (!torn) return fail(std::move(torn.error()));
  loaded_.log_end = end;
  if (!*torn) return true;
  if (end < hints_.recovery_point) return fail(damage_below(segment, **torn, end));
  SEMEL_CHECK(cut_behind(index, **torn));
  return false;
}

/// A leader's log has no gaps before compaction: the power failed, and the end of this segment was
/// lost while later ones were written back.
Result<void> LogLoader::end_before_hole(size_t index) {
  const TornEnd missing{.position = loaded_.segments[index]->size(),
                        .reason = fmt::format("the records from here to offset {} are missing",
                                              loaded_.segments[index + 1]->base().value)};
  if (loaded_.log_end < hints_.recovery_point)
    return fail(damage_below(*loaded_.segments[index], missing, loaded_.log_end));
  return cut_behind(index, missing);
}

Error LogLoader::damage_below(const Segment& segment, const TornEnd& torn, Offset valid_end) const {
  return {ErrorCode::kCorruptMessage,
          fmt::format(
              "{}/{} is damaged at position {} (offset {}): {}. Records up to offset {} had been "
              "flushed, so nothing was cut. Try: restore the file from a replica or a backup; or, "
              "to give up everything from offset {} on, remove this partition's line from {} "
              "while the broker is stopped, and start it again",
              folder_, file_name(segment.base(), kLogSuffix), torn.position, valid_end.value,
              torn.reason, hints_.recovery_point.value, valid_end.value, kRecoveryPointName)};
}

Result<void> LogLoader::cut_behind(size_t index, const TornEnd& torn) {
  auto& segments = loaded_.segments;
  Segment& segment = *segments[index];
  const std::string kept = segment.log_file().path() + std::string(kCutSuffix);
  const bool keeps_bytes = !torn.is_blank && torn.bytes > 0;
  SEMEL_CHECK(segment.cut(torn, keeps_bytes));
  if (keeps_bytes) {
    loaded_.cuts.push_back({kept, loaded_.log_end, torn.position, torn.bytes, torn.reason});
    log_warn("log", "{}: cut {} bytes from position {} (offset {}) on: {}; they are kept in {}",
             folder_, torn.bytes, torn.position, loaded_.log_end.value, torn.reason, kept);
  }
  for (size_t i = index + 1; i < segments.size(); ++i) {
    const Segment& later = *segments[i];
    const auto path_of = [&](std::string_view suffix) {
      return fmt::format("{}/{}", folder_, file_name(later.base(), suffix));
    };
    if (later.size() > 0) {
      const std::string cut = path_of(kLogSuffix) + std::string(kCutSuffix);
      SEMEL_CHECK(context_.disk.rename(path_of(kLogSuffix), cut));
      loaded_.cuts.push_back({cut, later.base(), 0, later.size(), "behind damage"});
      log_warn("log", "{}: {} bytes from offset {} on lie behind damage; they are kept in {}",
               folder_, later.size(), later.base().value, cut);
    }
    for (const std::string_view suffix :
         {kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix})
      SEMEL_CHECK(remove_if_there(context_.disk, path_of(suffix)));
  }
  segments.resize(index + 1);
  snapshots_.remove_if([&](Offset end) { return end > loaded_.log_end; });
  return {};
}

/// Newest snapshot at or below `up_to`, then the batches between.
Result<void> LogLoader::load_producers(Offset up_to) {
  if (rt::is_planted(context_.plants, &rt::Plants::forget_state_on_restart)) return {};
  const auto from =
      snapshots_.load_newest(loaded_.producers, up_to, context_.steady_unix_ms(),
                             [&](Offset offset) { return loaded_.epochs.epoch_of(offset); });
  const Offset start = std::max(hints_.log_start, loaded_.segments.front()->base());
  return replay(std::max(from.value_or(start), start), up_to);
}

Result<void> LogLoader::replay(Offset from, Offset to) {
  if (from >= to) return {};
  for (size_t i = 0; i < loaded_.segments.size(); ++i) {
    Segment& segment = *loaded_.segments[i];
    const bool is_before =
        i + 1 < loaded_.segments.size() && loaded_.segments[i + 1]->base() <= from;
    if (is_before || segment.base() >= to) continue;
    auto replayed = replay_segment(segment, from, to, loaded_.producers, context_.steady_unix_ms());
    if (replayed) continue;
    if (replayed.error().code != ErrorCode::kCorruptMessage || replayed.error().cause == Cause::kIo)
      return replayed;
    return fail(
        ErrorCode::kCorruptMessage,
        fmt::format("{} is damaged: {}. No snapshot of the producers covers it, so their sequences "
                    "are not known and the partition is not opened. Try: restore the file from a "
                    "replica or a backup, or put {} from there beside it",
                    segment.log_file().path(), replayed.error().context,
                    file_name(to, kSnapshotSuffix)));
  }
  return {};
}

Result<void> LogLoader::take_snapshot(Offset end) {
  const auto newest = snapshots_.newest();
  if ((newest && end <= *newest) || loaded_.producers.size() == 0) return {};
  SnapshotImage image{.end_offset = end,
                      .last_leader_epoch = loaded_.epochs.epoch_of(end - 1),
                      .written_ms = context_.steady_unix_ms(),
                      .producers = loaded_.producers};
  SEMEL_CHECK(SnapshotStore::write(context_.disk, folder_, image));
  snapshots_.note(end);
  return {};
}

}  // namespace semel::log
