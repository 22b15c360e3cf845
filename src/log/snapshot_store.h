// SnapshotStore: which producer snapshots lie in a partition's folder; writes, reads and removes
// them together with their sidecars.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/producer_sidecar.h"
#include "log/producer_snapshot.h"
#include "log/producer_state.h"
#include "rt/disk.h"

namespace semel::log {

/// Producer state at one offset: a plain copy, taken under the log's lock, encoded and written
/// without it.
struct SnapshotImage {
  Offset end_offset;
  LeaderEpoch last_leader_epoch = kNoLeaderEpoch;
  int64_t written_ms = 0;
  ProducerState producers;
};

/// One thread at a time.
class SnapshotStore {
 public:
  SnapshotStore(rt::Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

  /// Notes a file that is there.
  void note(Offset end) { offsets_.insert(end); }
  const std::set<Offset>& offsets() const { return offsets_; }
  std::optional<Offset> newest() const {
    return offsets_.empty() ? std::nullopt : std::optional(*offsets_.rbegin());
  }

  /// Writes snapshot, then sidecar (none if there is no producer), durably. Blocks; touches no
  /// member, so it may run beside other calls. note() it afterwards.
  static Result<void> write(rt::Disk& disk, const std::string& folder, const SnapshotImage& image);
  /// Loads the newest readable snapshot at or below `limit` into the empty `producers` and returns
  /// its offset; damaged ones are removed. `epoch_of` tells the leader epoch of an offset.
  std::optional<Offset> load_newest(ProducerState& producers, Offset limit, int64_t now_ms,
                                    const std::function<LeaderEpoch(Offset)>& epoch_of);
  /// Removes those for which `is_old(end offset)`. A missing file is no error.
  void remove_if(const std::function<bool(Offset)>& is_old);

 private:
  bool load(ProducerState& producers, Offset end, int64_t now_ms, LeaderEpoch last_epoch);
  std::string path_of(Offset end) const;

  rt::Disk& disk_;
  const std::string folder_;
  std::set<Offset> offsets_;
};

}  // namespace semel::log
