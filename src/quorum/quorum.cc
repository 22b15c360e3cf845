#include "quorum/quorum.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/log.h"

namespace semel::quorum {
namespace {

struct Transition {
  State from;
  State to;
};
constexpr std::array kTransitions{
    Transition{State::kUnattached, State::kCandidate},
    Transition{State::kUnattached, State::kResigned},
    Transition{State::kResigned, State::kCandidate},
    Transition{State::kCandidate, State::kLeader},
    Transition{State::kLeader, State::kResigned},
};

/// Observers are forgotten when there are more than this many at a time: their ids come from
/// outside.
constexpr size_t kObserversMax = 1000;

FetchVerdict refused(ErrorCode error) {
  return FetchVerdict{.kind = FetchVerdict::Kind::kError, .error = error, .point = {}};
}

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::kUnattached:
      return "unattached";
    case State::kResigned:
      return "resigned";
    case State::kCandidate:
      return "candidate";
    case State::kLeader:
      return "leader";
  }
  return "unknown";
}

void Quorum::set_state(State next) {
  const bool is_allowed = std::ranges::any_of(
      kTransitions, [&](const Transition& t) { return t.from == state_ && t.to == next; });
  SEMEL_ASSERT(is_allowed, "a transition of the quorum that is not in the table");
  log_info("quorum", "node {}: {} -> {} in epoch {}", self_.id, state_name(state_),
           state_name(next), epoch_.value);
  state_ = next;
}

Result<Output> Quorum::start(const ElectionState& persisted, LogFacts facts) {
  facts_ = std::move(facts);
  if (facts_.voters.size() != 1 || facts_.voters.front().id != self_.id)
    return fail(
        ErrorCode::kInconsistentVoterSet,
        "this node must be the only voter of the metadata quorum; a quorum of several voters "
        "is served by Apache Kafka's controllers");
  LeaderEpoch newest = persisted.epoch;
  if (!facts_.epochs.empty()) newest = std::max(newest, facts_.epochs.back().epoch);
  if (facts_.latest_snapshot) newest = std::max(newest, facts_.latest_snapshot->epoch);
  epoch_ = newest;
  if (persisted.leader_id == self_.id && persisted.epoch == newest) set_state(State::kResigned);
  epoch_.value += 1;
  set_state(State::kCandidate);
  set_state(State::kLeader);
  epoch_start_ = facts_.end;
  flushed_ = Offset{-1};
  high_watermark_ = Offset{-1};
  facts_.epochs.push_back({epoch_, epoch_start_});

  Output output;
  output.persist = ElectionState{.leader_id = self_.id,
                                 .epoch = epoch_,
                                 .voted_id = -1,
                                 .voted_directory = {},
                                 .current_voters = {self_.id}};
  output.append = first_batch();
  if (output.append->voter_set) facts_.voters = *output.append->voter_set;
  return output;
}

LeaderBatch Quorum::first_batch() const {
  LeaderBatch batch{.epoch = epoch_,
                    .leader_id = self_.id,
                    .voters = {self_.id},
                    .granting_voters = {self_.id},
                    .kraft_version = {},
                    .voter_set = {}};
  if (facts_.kraft_version < 1) return batch;
  Voter voter = facts_.voters.front();
  const bool is_moved = voter.endpoints != self_.endpoints && !self_.endpoints.empty();
  if (is_moved) voter.endpoints = self_.endpoints;
  if (!facts_.voters_are_in_log) batch.kraft_version = facts_.kraft_version;
  if (!facts_.voters_are_in_log || is_moved) batch.voter_set = std::vector<Voter>{voter};
  return batch;
}

void Quorum::on_appended(Offset end) {
  SEMEL_ASSERT(is_leader() && end >= facts_.end, "only the leader appends, and never backwards");
  facts_.end = end;
}

Output Quorum::on_flushed(Offset end) {
  Output output;
  SEMEL_ASSERT(end <= facts_.end, "flushed past the end of the log");
  flushed_ = std::max(flushed_, end);
  if (!is_leader() || flushed_ <= epoch_start_ || flushed_ <= high_watermark_) return output;
  high_watermark_ = flushed_;
  output.high_watermark = high_watermark_;
  return output;
}

void Quorum::on_snapshots(LogPoint oldest, LogPoint latest, Offset log_start) {
  facts_.oldest_snapshot = oldest;
  facts_.latest_snapshot = latest;
  facts_.start = std::max(facts_.start, log_start);
  while (facts_.epochs.size() > 1 && facts_.epochs[1].start <= facts_.start)
    facts_.epochs.erase(facts_.epochs.begin());
}

void Quorum::resign() {
  if (is_leader()) set_state(State::kResigned);
}

LogPoint Quorum::end_of_epoch(LeaderEpoch epoch) const {
  if (facts_.oldest_snapshot && epoch == facts_.oldest_snapshot->epoch &&
      (facts_.epochs.empty() || facts_.epochs.front().epoch > epoch))
    return *facts_.oldest_snapshot;
  LogPoint best{facts_.start, LeaderEpoch{0}};
  for (size_t i = 0; i < facts_.epochs.size(); ++i) {
    if (facts_.epochs[i].epoch > epoch) break;
    const bool is_last = i + 1 == facts_.epochs.size();
    best = {is_last ? facts_.end : facts_.epochs[i + 1].start, facts_.epochs[i].epoch};
  }
  return best;
}

FetchVerdict Quorum::check_position(const FetchAsk& ask) const {
  using Kind = FetchVerdict::Kind;
  const Offset offset = ask.fetch_offset;
  const LeaderEpoch epoch = ask.last_fetched_epoch;
  if (facts_.latest_snapshot && offset == Offset{0})
    return {Kind::kSnapshot, ErrorCode::kNone, *facts_.latest_snapshot};
  if (facts_.start == Offset{0} && offset == Offset{0} && epoch == LeaderEpoch{0}) return {};
  const std::optional<LogPoint>& oldest = facts_.oldest_snapshot;
  if (oldest && facts_.latest_snapshot &&
      (offset < facts_.start || epoch < oldest->epoch ||
       (offset == facts_.start && facts_.start != Offset{0} && epoch != oldest->epoch)))
    return {Kind::kSnapshot, ErrorCode::kNone, *facts_.latest_snapshot};
  const LogPoint end = end_of_epoch(epoch);
  if (end.epoch != epoch || end.end < offset) return {Kind::kDiverging, ErrorCode::kNone, end};
  return {};
}

FetchVerdict Quorum::on_fetch(const FetchAsk& ask, int64_t now_ms) {
  if (!is_leader()) return refused(ErrorCode::kNotLeaderOrFollower);
  if (ask.current_leader_epoch.value >= 0 && ask.current_leader_epoch < epoch_)
    return refused(ErrorCode::kFencedLeaderEpoch);
  if (ask.current_leader_epoch > epoch_) return refused(ErrorCode::kUnknownLeaderEpoch);
  // A replica that names itself as this leader is another process with a stolen id; Java would
  // halt.
  if (ask.replica_id == self_.id) return refused(ErrorCode::kUnknownServerError);
  if (ask.fetch_offset.value < 0) return refused(ErrorCode::kOffsetOutOfRange);
  const FetchVerdict verdict = check_position(ask);
  if (verdict.kind != FetchVerdict::Kind::kRecords || ask.replica_id < 0) return verdict;
  const auto key = std::pair(ask.replica_id, ask.replica_directory);
  if (observers_.size() >= kObserversMax && !observers_.contains(key)) observers_.clear();
  ReplicaProgress& progress = observers_[key];
  progress.directory = ask.replica_directory;
  progress.log_end = ask.fetch_offset;
  progress.last_fetch_ms = now_ms;
  if (ask.fetch_offset >= facts_.end) progress.last_caught_up_ms = now_ms;
  return verdict;
}

}  // namespace semel::quorum
