#include "log/log.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/file_names.h"
#include "log/producer_replay.h"
#include "log/small_files.h"
#include "record/batch_iterator.h"

namespace semel::log {

Result<std::unique_ptr<Log>> Log::open(LogContext& context, TopicPartition name, std::string path,
                                       const LogConfig& config, const LoadHints& hints) {
  LogLoader loader(context, path, config, hints);
  auto loaded = loader.load();
  if (!loaded) return fail(std::move(loaded.error()), name.to_text());
  return std::unique_ptr<Log>(
      new Log(context, std::move(name), std::move(path), config, std::move(*loaded)));
}

Log::Log(LogContext& context, TopicPartition name, std::string path, const LogConfig& config,
         LoadedLog loaded)
    : context_(context),
      name_(std::move(name)),
      path_(std::move(path)),
      cuts_(std::move(loaded.cuts)),
      state_(LogState(config, std::move(loaded.producers), SnapshotStore(context.disk, path_))) {
  auto state = state_.lock();
  state->epochs = std::move(loaded.epochs);
  state->epochs_changed = loaded.epochs_changed || loaded.is_new;
  for (const Offset end : loaded.snapshots) state->snapshots.note(end);
  state->active = loaded.segments.back();
  state->topic_id = loaded.topic_id;
  state->folder_is_unsynced = loaded.is_unsynced;
  state->files_made = 1;
  state->files_made_synced = loaded.is_unsynced ? 0 : 1;
  log_start_ = loaded.log_start.value;
  log_end_ = loaded.log_end.value;
  recovery_point_ = loaded.recovery_point.value;
  flushed_end_ = loaded.recovery_point.value;
  high_watermark_ = loaded.high_watermark.value;
  flushed_at_ms_ = context.steady_unix_ms();
  publish_segments(*state, std::move(loaded.segments));
  publish_unstable(*state);
}

Log::~Log() = default;

std::unexpected<Error> Log::storage_failure(Error error) const {
  if (error.cause == Cause::kIo) context_.health.fail(error);
  error.code = ErrorCode::kKafkaStorageError;
  return fail(std::move(error), path_);
}

Result<void> Log::check_writable(const LogState& state) const {
  if (context_.health.is_offline())
    return fail(ErrorCode::kKafkaStorageError, path_ + ": its log directory is offline",
                Cause::kIo);
  if (state.is_closed)
    return fail(ErrorCode::kKafkaStorageError, path_ + ": the log is closed", Cause::kClosed);
  return {};
}

/// An index entry that cannot be written for want of space waits in memory.
void Log::note_ended(LogState& state, const std::optional<CompletedTxn>& ended) {
  if (ended && ended->is_abort) {
    auto noted = state.active->transaction_index().append(
        {ended->producer_id, ended->first_offset, ended->last_offset, ended->last_stable_offset});
    if (!noted && noted.error().cause == Cause::kIo) context_.health.fail(noted.error());
  }
  state.producers.high_watermark_moved(high_watermark());
  publish_unstable(state);
}

Result<Appended> Log::append_as_follower(bytes::ByteSpan batches) {
  auto state = state_.lock();
  SEMEL_CHECK(check_writable(*state));
  record::BatchIterator checker(batches);
  Offset end = log_end();
  std::optional<Offset> first;
  while (const auto batch = checker.next()) {
    if (batch->base_offset() < end || batch->last_offset() < batch->base_offset() ||
        batch->last_offset().value > kOffsetMax) {
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("{}: a batch at offset {} to append behind {}", path_,
                              batch->base_offset().value, end.value - 1));
    }
    if (!first) first = batch->base_offset();
    end = batch->next_offset();
  }
  if (checker.stop() != record::BatchStop::kEnd) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("{}: {}", path_, checker.reason()));
  }
  record::BatchIterator iterator(batches);
  while (const auto batch = iterator.next()) {
    SEMEL_CHECK(append_bytes(*state, batch->span(), batch->base_offset(), batch->last_offset(),
                             batch->max_timestamp()));
    if (state->epochs.assign(batch->leader_epoch(), batch->base_offset()))
      state->epochs_changed = true;
    auto ended = replay_batch(state->producers, *batch, context_.steady_unix_ms());
    publish_end(*state, batch->next_offset());
    if (!ended) return fail(std::move(ended.error()), path_);
    if (*ended || batch->is_transactional()) note_ended(*state, *ended);
  }
  return Appended{first.value_or(end), end - 1, -1, log_start()};
}

Result<void> Log::append_bytes(LogState& state, bytes::ByteSpan batch, Offset first, Offset last,
                               int64_t timestamp) {
  SEMEL_CHECK(make_place(state, batch.size(), first, last, timestamp));
  return write_parts(state, std::span(&batch, 1));
}

Result<void> Log::roll_to(LogState& state, Offset base) {
  SEMEL_CHECK(state.active->seal());
  SEMEL_TRY(auto segment,
            Segment::create(context_.disk, path_, base, state.config, context_.clock.unix_ms()));
  if (state.config.segment_jitter_ms > 0) {
    const int64_t bound = std::min(state.config.segment_jitter_ms, state.config.segment_ms);
    segment->set_jitter_ms(
        bound > 0 ? static_cast<int64_t>(context_.random.below(static_cast<uint64_t>(bound))) : 0);
  }
  if (const auto newest = state.snapshots.newest(); !newest || base > *newest) {
    state.waiting_snapshots.push_back(
        std::make_shared<SnapshotImage>(image_of(state, base, context_.steady_unix_ms())));
  }
  Segments segments = *segments_.load();
  segments.push_back(segment);
  state.active = std::move(segment);
  ++state.files_made;
  publish_segments(state, std::move(segments));
  if (context_.care != nullptr) context_.care->wants_flush(*this);
  return {};
}

SnapshotImage Log::image_of(const LogState& state, Offset end, int64_t now_ms) {
  return {.end_offset = end,
          .last_leader_epoch = state.epochs.epoch_of(end - 1),
          .written_ms = now_ms,
          .producers = state.producers};
}

Result<void> Log::roll() {
  auto state = state_.lock();
  SEMEL_CHECK(check_writable(*state));
  if (state->active->size() == 0) return {};
  if (auto rolled = roll_to(*state, log_end()); !rolled)
    return storage_failure(std::move(rolled.error()));
  return {};
}

void Log::publish_end(LogState&, Offset end) {
  log_end_.store(end.value, std::memory_order_release);
  if (rt::is_planted(context_.plants, &rt::Plants::ack_before_flush))
    flushed_end_.store(end.value, std::memory_order_release);
  if (rt::is_planted(context_.plants, &rt::Plants::recovery_point_ahead))
    recovery_point_.store(end.value, std::memory_order_release);
}

void Log::publish_unstable(LogState& state) {
  first_unstable_.store(state.producers.first_unstable_offset().value_or(kNoOffset).value,
                        std::memory_order_release);
}

void Log::publish_segments(LogState&, Segments segments) {
  segments_.store(std::make_shared<const Segments>(std::move(segments)));
}

Decision Log::settle(const BatchIdentity& batch, const Decision& decision,
                     const LookupResult& found) {
  return state_.with(
      [&](LogState& state) { return state.producers.settle(batch, decision, found); });
}

size_t Log::expire_producers(int64_t now_ms, size_t slots) {
  return state_.with([&](LogState& state) {
    state.producers.set_expiration_ms(context_.producers.expiration_ms);
    return state.producers.expire_step(now_ms, slots);
  });
}

void Log::set_high_watermark(Offset high_watermark) {
  high_watermark_.store(high_watermark.value, std::memory_order_release);
  if (first_unstable_.load(std::memory_order_acquire) < 0) return;
  state_.with([&](LogState& state) {
    state.producers.high_watermark_moved(high_watermark);
    publish_unstable(state);
  });
}

EpochEndOffset Log::end_offset_for_epoch(LeaderEpoch epoch) const {
  return state_.with(
      [&](const LogState& state) { return state.epochs.end_offset_for(epoch, log_end()); });
}

LeaderEpoch Log::latest_epoch() const {
  return state_.with([](const LogState& state) { return state.epochs.latest(); });
}

LeaderEpoch Log::epoch_of(Offset offset) const {
  return state_.with([&](const LogState& state) { return state.epochs.epoch_of(offset); });
}

Result<void> Log::assign_epoch_start(LeaderEpoch epoch, Offset start) {
  auto state = state_.lock();
  SEMEL_CHECK(check_writable(*state));
  if (state->epochs.assign(epoch, start)) state->epochs_changed = true;
  return {};
}

uint64_t Log::size_bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : *segments_.load()) bytes += segment->size();
  return bytes;
}

size_t Log::segment_count() const { return segments_.load()->size(); }

std::optional<TopicId> Log::topic_id() const {
  return state_.with([](const LogState& state) { return state.topic_id; });
}

Result<void> Log::set_topic_id(const TopicId& id) {
  auto state = state_.lock();
  SEMEL_CHECK(check_writable(*state));
  if (state->topic_id == id) return {};
  if (state->topic_id) {
    return fail(ErrorCode::kInconsistentTopicId,
                fmt::format("{} belongs to topic id {}, not {}", path_, state->topic_id->to_text(),
                            id.to_text()));
  }
  state->topic_id = id;
  state->metadata_is_waiting = true;
  ++state->files_made;
  return {};
}

LogConfig Log::config() const {
  return state_.with([](const LogState& state) { return state.config; });
}

void Log::update_config(const LogConfig& config) {
  state_.with([&](LogState& state) {
    state.config = config;
    state.active->update_config(config);
  });
}

void Log::set_listener(std::weak_ptr<LogListener> listener) {
  listener_.with([&](std::weak_ptr<LogListener>& current) { current = std::move(listener); });
}

std::shared_ptr<LogListener> Log::listener() const {
  return listener_.with([](const std::weak_ptr<LogListener>& current) { return current.lock(); });
}

}  // namespace semel::log
