// LogLoader: makes a partition's folder into a log again: finishes interrupted file swaps, opens
// the segments, scans what was not flushed, rebuilds indexes, epochs and producer state
// (docs/formats/log-directory.md, "Loading").
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/epoch_cache.h"
#include "log/log_config.h"
#include "log/log_context.h"
#include "log/producer_state.h"
#include "log/segment.h"
#include "log/snapshot_store.h"

namespace semel::log {

/// What is known of a partition's folder before it is opened.
struct LoadHints {
  bool was_clean = false;    // closed in order: nothing is scanned
  Offset recovery_point{0};  // everything below was flushed, indexes too
  Offset log_start{0};       // 0 = not checkpointed
  Offset high_watermark{0};
};

/// Something recovery took off a log.
struct CutReport {
  std::string file;       // where the bytes are kept now
  Offset first_offset;    // of what was cut
  uint64_t position = 0;  // in the segment
  uint64_t bytes = 0;
  std::string reason;
};

struct LoadedLog {
  explicit LoadedLog(const ProducerStateConfig& config) : producers(config) {}

  std::vector<std::shared_ptr<Segment>> segments;  // ascending, at least one
  ProducerState producers;
  EpochCache epochs;
  std::vector<Offset> snapshots;
  std::optional<TopicId> topic_id;
  Offset log_start;
  Offset log_end;
  Offset recovery_point;
  Offset high_watermark;
  bool epochs_changed = false;  // leader-epoch-checkpoint must be written
  bool is_new = false;          // the folder was made
  /// Files of the folder may lack their names on disk: made now, or by a life that did not end in
  /// order.
  bool is_unsynced = false;
  std::vector<CutReport> cuts;
};

class LogLoader {
 public:
  LogLoader(LogContext& context, std::string folder, const LogConfig& config,
            const LoadHints& hints);

  /// Blocks. kCorruptMessage: damage below the recovery point; nothing was changed.
  Result<LoadedLog> load();

 private:
  Result<void> list_folder();
  Result<void> finish_swaps();
  Result<Offset> swap_end(Offset base);
  Result<void> open_segments();
  Result<Offset> read_log_end();
  Result<void> drop_empty(size_t index);
  Result<void> load_epochs();
  Result<void> recover(size_t first);
  /// False if the log ends inside this segment.
  Result<bool> recover_segment(size_t index);
  Result<void> end_before_hole(size_t index);
  Result<void> cut_behind(size_t index, const TornEnd& torn);
  Result<void> settle_bounds();
  Result<void> load_producers(Offset up_to);
  Result<void> replay(Offset from, Offset to);
  Result<void> take_snapshot(Offset end);
  Result<void> start_anew(Offset base);
  Error damage_below(const Segment& segment, const TornEnd& torn, Offset valid_end) const;

  LogContext& context_;
  const std::string folder_;
  const LogConfig config_;
  const LoadHints hints_;
  std::map<Offset, SegmentFiles> files_;
  std::map<Offset, bool> logs_;  // bases with a .log
  std::vector<std::string> swaps_;
  bool has_failed_flush_ = false;
  std::optional<Offset> cleaned_min_;
  SnapshotStore snapshots_;
  LoadedLog loaded_;
};

}  // namespace semel::log
