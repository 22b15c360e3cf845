// LogState: what a log changes under its mutex. Internal to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "log/epoch_cache.h"
#include "log/log_config.h"
#include "log/producer_state.h"
#include "log/segment.h"
#include "log/snapshot_store.h"
#include "rt/disk.h"

namespace semel::log {

/// Files renamed to NAME.deleted that are removed later.
struct RetiredSegment {
  std::shared_ptr<Segment> segment;
  int64_t remove_at_ms = 0;  // LogContext::steady_unix_ms
};

struct LogState {
  LogState(const LogConfig& log_config, ProducerState producer_state, SnapshotStore snapshot_store)
      : config(log_config),
        producers(std::move(producer_state)),
        snapshots(std::move(snapshot_store)) {}

  LogConfig config;
  ProducerState producers;
  EpochCache epochs;
  SnapshotStore snapshots;
  std::shared_ptr<Segment> active;
  /// Taken, not written yet.
  std::vector<std::shared_ptr<const SnapshotImage>> waiting_snapshots;
  std::vector<RetiredSegment> retired;
  std::optional<TopicId> topic_id;
  bool metadata_is_waiting = false;  // partition.metadata is not written yet
  bool epochs_changed = false;       // leader-epoch-checkpoint is older than `epochs`
  bool folder_is_unsynced = false;   // its own entry in the log directory
  uint64_t files_made = 0;           // counts creations and renames in the folder …
  uint64_t files_made_synced = 0;    // … and how many of them a sync has covered
  uint64_t truncations = 0;
  bool is_closed = false;
};

}  // namespace semel::log
