// Quorum: the KRaft core of one node (KIP-595, KIP-853), without input or output: facts go in, and
// what must be done comes out. This node is the only voter; others are observers. A quorum of
// several voters is refused at start.
//
//   unattached -> candidate -> leader      start: the only voter elects itself, in a new epoch
//   resigned   -> candidate -> leader      start of the leader of the last epoch
//   leader     -> resigned                 shutdown
//
// What the driver owes: what `persist` says must be durable before anything of `append` is called
// committed; on_flushed() is told only after the log's bytes below it are durable. The high
// watermark never passes the flushed end, and not before the leader's own first record is flushed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "quorum/election_state.h"

namespace semel::quorum {

struct VoterEndpoint {
  std::string listener;
  std::string host;
  uint16_t port = 0;
  bool operator==(const VoterEndpoint&) const = default;
};

struct Voter {
  int32_t id = -1;
  DirectoryId directory;
  std::vector<VoterEndpoint> endpoints;
  int16_t kraft_version_min = 0;
  int16_t kraft_version_max = 1;
  bool operator==(const Voter&) const = default;
};

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
  bool operator==(const EpochStart&) const = default;
};

/// An end offset and the epoch of the record before it.
struct LogPoint {
  Offset end;
  LeaderEpoch epoch;
  bool operator==(const LogPoint&) const = default;
};

/// The log as the node found it.
struct LogFacts {
  Offset start;
  Offset end;
  std::vector<EpochStart> epochs;           // ascending, from leader-epoch-checkpoint
  std::optional<LogPoint> oldest_snapshot;  // without the zero checkpoint
  std::optional<LogPoint> latest_snapshot;
  int16_t kraft_version = 0;       // newest of log, snapshot, zero checkpoint
  std::vector<Voter> voters;       // the same; kraft.version 0: as configured
  bool voters_are_in_log = false;  // a KRaftVoters record or a snapshot holds them
};

struct NodeIdentity {
  int32_t id = -1;
  DirectoryId directory;
  std::vector<VoterEndpoint> endpoints;  // of the controller listeners
};

/// The control batch a new leader writes first. kraft_version and voters are there if their records
/// follow the LeaderChange in the same batch.
struct LeaderBatch {
  LeaderEpoch epoch;
  int32_t leader_id = -1;
  std::vector<int32_t> voters;
  std::vector<int32_t> granting_voters;
  std::optional<int16_t> kraft_version;
  std::optional<std::vector<Voter>> voter_set;
};

struct Output {
  std::optional<ElectionState> persist;
  std::optional<LeaderBatch> append;
  std::optional<Offset> high_watermark;  // moved to
};

/// A replica's Fetch (or FetchSnapshot) of the metadata partition.
struct FetchAsk {
  int32_t replica_id = -1;  // −1 = no replica
  DirectoryId replica_directory;
  LeaderEpoch current_leader_epoch;  // −1 = not told
  Offset fetch_offset;
  LeaderEpoch last_fetched_epoch;
};

struct FetchVerdict {
  enum class Kind : uint8_t { kRecords, kDiverging, kSnapshot, kError };
  Kind kind = Kind::kRecords;
  ErrorCode error = ErrorCode::kNone;  // kError
  LogPoint point;                      // kDiverging: where both logs agree; kSnapshot: which one
};

/// What the leader knows of one follower (DescribeQuorum).
struct ReplicaProgress {
  DirectoryId directory;
  Offset log_end{-1};
  int64_t last_fetch_ms = -1;  // Unix milliseconds
  int64_t last_caught_up_ms = -1;
};

enum class State : uint8_t { kUnattached, kResigned, kCandidate, kLeader };
std::string_view state_name(State state);

class Quorum {
 public:
  explicit Quorum(NodeIdentity self) : self_(std::move(self)) {}

  /// Elects this node. Errors: kInconsistentVoterSet if it is not the only voter.
  Result<Output> start(const ElectionState& persisted, LogFacts facts);
  /// The log's end after an append of this leader.
  void on_appended(Offset end);
  /// Every byte below `end`, and every ElectionState given out, is durable.
  Output on_flushed(Offset end);
  /// Snapshots `oldest` … `latest` are there now, and the log starts at `log_start`.
  void on_snapshots(LogPoint oldest, LogPoint latest, Offset log_start);
  /// The node stops; it answers fetches with errors from here on.
  void resign();

  State state() const { return state_; }
  bool is_leader() const { return state_ == State::kLeader; }
  LeaderEpoch epoch() const { return epoch_; }
  /// −1 if unknown.
  int32_t leader_id() const { return is_leader() ? self_.id : -1; }
  const NodeIdentity& self() const { return self_; }
  /// −1 until the leader's first record is committed.
  Offset high_watermark() const { return high_watermark_; }
  Offset log_end() const { return facts_.end; }
  Offset epoch_start() const { return epoch_start_; }
  int16_t kraft_version() const { return facts_.kraft_version; }
  const std::vector<Voter>& voters() const { return facts_.voters; }

  /// Judges a fetch; a good one of a replica is noted for observers().
  FetchVerdict on_fetch(const FetchAsk& ask, int64_t now_ms);
  /// Last offset of `epoch` + 1, as every replica of this log knows it.
  LogPoint end_of_epoch(LeaderEpoch epoch) const;
  const std::map<std::pair<int32_t, DirectoryId>, ReplicaProgress>& observers() const {
    return observers_;
  }

 private:
  void set_state(State next);
  LeaderBatch first_batch() const;
  FetchVerdict check_position(const FetchAsk& ask) const;

  NodeIdentity self_;
  State state_ = State::kUnattached;
  LeaderEpoch epoch_{0};
  LogFacts facts_;
  Offset epoch_start_{-1};
  Offset flushed_{-1};
  Offset high_watermark_{-1};
  std::map<std::pair<int32_t, DirectoryId>, ReplicaProgress> observers_;
};

}  // namespace semel::quorum
