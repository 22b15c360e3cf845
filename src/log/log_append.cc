// How batches of clients get into a log: dedup, then the verdict, then bytes, then what follows
// from them.
#include <fmt/format.h>

#include "log/log.h"
#include "log/producer_replay.h"

namespace semel::log {
namespace {

/// Of one producer, `before` not stored yet: the answer to `next` can only be "in order".
bool follows(const LeaderBatch& before, const BatchIdentity& next) {
  const BatchIdentity& known = *before.how.identity;
  return before.result->decision.slot != Decision::kNoSlot && known.epoch == next.epoch &&
         known.last_sequence().plus(1) == next.base_sequence;
}

}  // namespace

Result<LeaderAppended> Log::append_as_leader(bytes::MutableByteSpan batch,
                                             const LeaderAppend& how) {
  LeaderBatch alone{batch, how, LeaderAppended{}};
  LeaderBatch* const batches[] = {&alone};
  append_as_leader(batches);
  return std::move(alone.result);
}

size_t Log::append_as_leader(std::span<LeaderBatch* const> batches) {
  auto state = state_.lock();
  if (auto writable = check_writable(*state); !writable) {
    for (LeaderBatch* batch : batches) batch->result = std::unexpected(writable.error());
    return batches.size();
  }
  LeaderGroup group(log_end());
  size_t handled = 0;
  while (handled < batches.size() && take(*state, group, *batches[handled])) ++handled;
  if (group.count > 0) write_group(*state, group);
  return handled;
}

/// Answers `batch` or makes it the last of `group`. False: it must wait until the group is stored.
bool Log::take(LogState& state, LeaderGroup& group, LeaderBatch& batch) {
  group.before = nullptr;
  if (group.count > 0 && !may_join(state, group, batch)) return false;
  LeaderAppended& result = batch.result.emplace();
  result.decision = decide(state, group, batch.how);
  if (result.decision.verdict != Verdict::kAppend) return true;
  if (batch.how.verdict != nullptr) {
    batch.result = std::unexpected(*batch.how.verdict);
  } else if (static_cast<int64_t>(batch.bytes.size()) > state.config.segment_bytes) {
    batch.result = fail(ErrorCode::kRecordListTooLarge,
                        fmt::format("a batch of {} bytes does not fit a segment of {}",
                                    batch.bytes.size(), state.config.segment_bytes));
  } else {
    put_last(state, group, batch);
  }
  return true;
}

/// Asked before dedup is: that counts what it is asked.
bool Log::may_join(LogState& state, LeaderGroup& group, const LeaderBatch& batch) const {
  const LeaderAppend& how = batch.how;
  const uint64_t bytes = group.bytes + batch.bytes.size();
  if (group.is_closed || group.count == LeaderGroup::kBatchesMax || bytes > LeaderGroup::kBytesMax)
    return false;
  if (how.marker != nullptr || how.leader_epoch != group.batches[0]->how.leader_epoch) return false;
  if (how.identity != nullptr) {
    if (how.identity->is_transactional) return false;
    group.before = group.newest_of(how.identity->producer_id);
    if (group.before != nullptr && !follows(*group.before, *how.identity)) return false;
  }
  const record::BatchView view(batch.bytes);
  const int64_t now_ms = context_.clock.unix_ms();
  const auto must =
      state.active->must_roll(bytes, group.next + view.last_offset_delta(),
                              how.stamp_append_time ? now_ms : view.max_timestamp(), now_ms);
  return must && !*must && state.active->size() > 0 &&
         state.active->has_index_room(group.count + 1);
}

Decision Log::decide(LogState& state, const LeaderGroup& group, const LeaderAppend& how) const {
  Decision decision;
  decision.verdict = Verdict::kAppend;
  decision.reason = Reason::kInOrder;
  if (how.identity != nullptr) {
    if (group.before != nullptr) {
      decision.slot = group.before->result->decision.slot;  // in order, as may_join() has seen
      return decision;
    }
    const LogFacts facts{log_start(), how.leadership_is_proven};
    return context_.plants == nullptr ? state.producers.check(*how.identity, facts)
                                      : check_planted(state, *how.identity, facts);
  }
  return how.marker != nullptr ? state.producers.check_marker(*how.marker) : decision;
}

void Log::put_last(LogState& state, LeaderGroup& group, LeaderBatch& batch) {
  Appended& appended = batch.result->appended;
  const Offset base = group.next;
  record::stamp_base_offset(batch.bytes, base);
  record::stamp_leader_epoch(batch.bytes, batch.how.leader_epoch);
  if (batch.how.stamp_append_time) {
    appended.append_time_ms = context_.clock.unix_ms();
    record::stamp_timestamps(batch.bytes, record::TimestampType::kLogAppendTime,
                             appended.append_time_ms);
  }
  const record::BatchView view(batch.bytes);
  if (group.count == 0) {
    if (auto placed =
            make_place(state, batch.bytes.size(), base, view.last_offset(), view.max_timestamp());
        !placed) {
      batch.result = std::unexpected(std::move(placed.error()));
      return;
    }
  }
  appended.base_offset = base;
  appended.last_offset = view.last_offset();
  appended.log_start = log_start();
  group.add(batch, view.next_offset());
  // may_join() has asked the others.
  if (group.count == 1)
    group.is_closed = batch.how.marker != nullptr ||
                      (batch.how.identity != nullptr && batch.how.identity->is_transactional);
}

Result<void> Log::make_place(LogState& state, uint64_t bytes, Offset first, Offset last,
                             int64_t timestamp) {
  auto must = state.active->must_roll(bytes, last, timestamp, context_.clock.unix_ms());
  if (!must) return storage_failure(std::move(must.error()));
  if (!*must || (state.active->size() == 0 && state.active->base() == first)) return {};
  if (auto rolled = roll_to(state, first); !rolled)
    return storage_failure(std::move(rolled.error()));
  return {};
}

Result<void> Log::write_parts(LogState& state, std::span<const bytes::ByteSpan> parts) {
  const AppendPace::Start start = context_.pace != nullptr
                                      ? context_.pace->begin()
                                      : AppendPace::Start{context_.clock.now(), std::nullopt};
  auto written = state.active->append(parts, start.at);
  if (context_.pace != nullptr) context_.pace->end(start);
  if (!written) return storage_failure(std::move(written.error()));
  return {};
}

inline void Log::apply_leader(LogState& state, const LeaderBatch& batch, int64_t timestamp,
                              int64_t now_ms) {
  const Appended& at = batch.result->appended;
  if (batch.how.identity != nullptr) {
    state.producers.applied(*batch.how.identity, batch.result->decision,
                            {at.base_offset, at.last_offset, timestamp}, now_ms);
  } else {
    note_ended(state, state.producers.applied_marker(*batch.how.marker, at.last_offset, timestamp,
                                                     now_ms));
  }
}

/// All batches are stored, or none; only then the producers hear of them.
void Log::write_group(LogState& state, LeaderGroup& group) {
  const auto written = write_parts(state, std::span(group.parts.data(), group.count));
  if (!written && !rt::is_planted(context_.plants, &rt::Plants::state_before_write)) {
    for (size_t i = 0; i < group.count; ++i)
      group.batches[i]->result = std::unexpected(written.error());
    return;
  }
  const int64_t now_ms = context_.steady_unix_ms();
  const bool uses_record_time = rt::is_planted(context_.plants, &rt::Plants::expire_by_record_time);
  for (size_t i = 0; i < group.count; ++i) {
    LeaderBatch& batch = *group.batches[i];
    if (batch.how.identity != nullptr || batch.how.marker != nullptr) {
      const int64_t timestamp = record::BatchView(batch.bytes).max_timestamp();
      apply_leader(state, batch, timestamp, uses_record_time ? timestamp : now_ms);
    }
    if (!written) batch.result = std::unexpected(written.error());
  }
  if (group.is_closed) publish_unstable(state);
  if (!written) return;
  const LeaderBatch& first = *group.batches[0];
  if (state.epochs.assign(first.how.leader_epoch, first.result->appended.base_offset))
    state.epochs_changed = true;
  publish_end(state, group.next);
}

Decision Log::check_planted(LogState& state, const BatchIdentity& batch,
                            const LogFacts& facts) const {
  BatchIdentity asked = batch;
  const auto known = state.producers.find(batch.producer_id);
  if (rt::is_planted(context_.plants, &rt::Plants::ignore_epoch) && known)
    asked.epoch = known->epoch;
  Decision decision = state.producers.check(asked, facts);
  if (rt::is_planted(context_.plants, &rt::Plants::skip_sequence_check))
    decision.verdict = Verdict::kAppend;
  const bool wraps = known && !known->batches.empty() && batch.base_sequence.value < 100 &&
                     known->batches.back().last_sequence.value > INT32_MAX - 100;
  if (rt::is_planted(context_.plants, &rt::Plants::wrap_is_a_gap) && wraps) {
    decision.verdict = Verdict::kRefuse;
    decision.reason = Reason::kGap;
  }
  if (rt::is_planted(context_.plants, &rt::Plants::trust_sequences) &&
      decision.verdict == Verdict::kCompare)
    decision.verdict = Verdict::kDuplicate;
  return decision;
}

}  // namespace semel::log
