// The half of Log that makes things durable: plans for the flusher, the full flush, the clean
// close.
#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/checkpoint_file.h"
#include "log/failed_flush.h"
#include "log/file_names.h"
#include "log/log.h"
#include "log/small_files.h"

namespace semel::log {
namespace {

void raise(std::atomic<int64_t>& value, Offset to) {
  if (value.load(std::memory_order_relaxed) < to.value)
    value.store(to.value, std::memory_order_release);
}

/// Opens the file if need be: what it holds may be older than this process. One that cannot be
/// opened is given as null, so that the sync fails, unless it is not there (a transaction index, a
/// removed log).
void add(std::vector<std::shared_ptr<rt::File>>& files, LazyFile& file) {
  auto open = file.get();
  if (open || open.error().cause != Cause::kNotFound)
    files.push_back(open ? std::move(*open) : nullptr);
}

}  // namespace

/// A segment that ends exactly at the flushed end is synced once more: its file may have been cut
/// there, by a truncation or by recovery, and what was cut must not come back.
void Log::plan_flush(FlushPlan& plan) const {
  auto state = state_.lock();
  plan.files.clear();
  plan.end_offset = log_end();
  plan.files_made = state->files_made;
  plan.truncations = state->truncations;
  const bool forgets_folders = rt::is_planted(context_.plants, &rt::Plants::forget_folder_sync);
  plan.directory = state->files_made > state->files_made_synced && !forgets_folders;
  plan.parent_directory = state->folder_is_unsynced && !forgets_folders;
  plan.metadata = state->metadata_is_waiting ? state->topic_id : std::nullopt;
  plan.metadata_is_written = false;
  if (plan.end_offset <= flushed_end()) return;
  const auto segments = segments_.load();
  for (size_t i = segments->size(); i-- > 0;) {
    Segment& segment = *(*segments)[i];
    add(plan.files, segment.log_file());
    if (segment.base() < flushed_end()) break;
  }
}

void Log::flushed_to(const FlushPlan& plan) {
  auto state = state_.lock();
  state->files_made_synced = std::max(state->files_made_synced, plan.files_made);
  if (plan.metadata_is_written) state->metadata_is_waiting = false;
  if (plan.parent_directory) state->folder_is_unsynced = false;
  if (plan.truncations == state->truncations) raise(flushed_end_, plan.end_offset);
  flushed_at_ms_.store(context_.steady_unix_ms(), std::memory_order_relaxed);
}

bool Log::is_flush_overdue() const {
  if (log_end() <= flushed_end()) return false;
  const int64_t limit_ms = config().flush_ms;
  return limit_ms != kNoLimit &&
         context_.steady_unix_ms() - flushed_at_ms_.load(std::memory_order_relaxed) >= limit_ms;
}

void Log::sync_failed(const Error& error) const {
  note_failed_flush(context_.disk, path_);
  Error fatal = error;
  fatal.cause = Cause::kIo;
  context_.health.fail(fatal);
}

bool Log::metadata_is_waiting() const {
  return state_.with([](const LogState& state) { return state.metadata_is_waiting; });
}

bool Log::needs_flush() const {
  if (log_end() > recovery_point()) return true;
  return state_.with([](const LogState& state) {
    return state.files_made > state.files_made_synced || state.folder_is_unsynced ||
           state.metadata_is_waiting || state.epochs_changed || !state.waiting_snapshots.empty();
  });
}

Result<void> Log::flush() {
  auto may_flush = may_flush_.lock();
  return *may_flush ? flush_now() : Result<void>{};
}

Result<void> Log::flush_now() {
  FlushPlan plan = plan_flush();
  std::string epochs;
  std::vector<std::shared_ptr<const SnapshotImage>> snapshots;
  {
    auto state = state_.lock();
    if (state->truncations != plan.truncations) return {};
    if (state->epochs_changed) epochs = format_epoch_checkpoint(state->epochs.entries());
    state->epochs_changed = false;
    snapshots = state->waiting_snapshots;
    const auto segments = segments_.load();
    for (size_t i = 0; i + 1 < segments->size(); ++i) {
      if ((*segments)[i + 1]->base() < recovery_point()) continue;
      Segment& sealed = *(*segments)[i];
      add(plan.files, sealed.log_file());
      add(plan.files, sealed.offset_index().file());
      add(plan.files, sealed.time_index().file());
      add(plan.files, sealed.transaction_index().file());
    }
  }
  auto done = write_flush(plan, epochs, snapshots);
  auto state = state_.lock();
  if (!done) {
    if (!epochs.empty()) state->epochs_changed = true;
    return storage_failure(std::move(done.error()));
  }
  for (const auto& image : snapshots) {
    const bool is_wanted = std::erase(state->waiting_snapshots, image) > 0;
    state->snapshots.note(image->end_offset);
    if (!is_wanted)
      state->snapshots.remove_if([&](Offset end) { return end == image->end_offset; });
  }
  if (plan.truncations == state->truncations) raise(recovery_point_, plan.end_offset);
  return {};
}

/// Without the lock.
Result<void> Log::write_flush(FlushPlan& plan, const std::string& epochs,
                              const std::vector<std::shared_ptr<const SnapshotImage>>& snapshots) {
  for (const auto& file : plan.files) {
    if (file == nullptr)
      return fail(ErrorCode::kKafkaStorageError, "a file to sync cannot be opened");
    if (auto synced = file->sync(); !synced) {
      sync_failed(synced.error());
      return synced;
    }
  }
  if (plan.metadata) {
    SEMEL_CHECK(write_partition_metadata(context_.disk, path_, *plan.metadata));
    plan.metadata_is_written = true;
  }
  if (!epochs.empty()) {
    SEMEL_CHECK(rt::replace_file(context_.disk, fmt::format("{}/{}", path_, kEpochCheckpointName),
                                 bytes::as_bytes(epochs)));
  } else if (plan.directory && !plan.metadata) {
    SEMEL_CHECK(context_.disk.sync_directory(path_));
  }
  if (plan.parent_directory) SEMEL_CHECK(context_.disk.sync_directory(rt::parent_of(path_)));
  for (const auto& image : snapshots)
    SEMEL_CHECK(SnapshotStore::write(context_.disk, path_, *image));
  flushed_to(plan);
  return {};
}

Result<void> Log::close_clean() {
  {
    auto state = state_.lock();
    SEMEL_CHECK(check_writable(*state));
    if (auto sealed = state->active->seal(); !sealed)
      return storage_failure(std::move(sealed.error()));
    const Offset end = log_end();
    const auto newest = state->snapshots.newest();
    const bool has_image =
        !state->waiting_snapshots.empty() && state->waiting_snapshots.back()->end_offset == end;
    if ((!newest || end > *newest) && !has_image && end.value > 0) {
      state->waiting_snapshots.push_back(
          std::make_shared<SnapshotImage>(image_of(*state, end, context_.steady_unix_ms())));
    }
    state->is_closed = true;
  }
  SEMEL_CHECK(flush());
  auto state = state_.lock();
  Segment& active = *state->active;
  for (LazyFile* file : {&active.offset_index().file(), &active.time_index().file(),
                         &active.transaction_index().file()}) {
    const auto open = file->if_open();
    if (open == nullptr) continue;
    if (auto synced = open->sync(); !synced) return storage_failure(std::move(synced.error()));
  }
  return {};
}

void Log::close() {
  state_.with([](LogState& state) { state.is_closed = true; });
}

void Log::close_for_removal() {
  close();
  *may_flush_.lock() = false;
}

}  // namespace semel::log
