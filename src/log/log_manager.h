// LogManager: all logs of a broker in its log directories (`log.dirs`), and the care they need:
// loading, checkpoints, background flush, retention, deletion.
//
// Threads: find, logs, directories and flusher_of may be called from any thread. start, stop,
// create, remove, set_stray and set_producer_expiration belong to the home executor
// (runtime.executors[0]); its timers do the rest and blocking work goes to the I/O pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/flusher.h"
#include "log/log.h"
#include "rt/runtime.h"

namespace semel::log {

struct LogManagerConfig {
  std::vector<std::string> directories;  // log.dirs, at least one
  BrokerId node_id;
  std::string cluster_id;
  /// True: a directory without meta.properties gets one. False: it is refused.
  bool formats_new_directories = false;
  /// False (semel.flush=os): what a killed process left unsynced waits for the background flush,
  /// except of topics with flush.messages=1.
  bool flushes_while_loading = true;
  int64_t flush_interval_ms = 5'000;               // background flush, moves recovery points
  int64_t recovery_point_checkpoint_ms = 60'000;   // log.flush.offset.checkpoint.interval.ms
  int64_t log_start_checkpoint_ms = 60'000;        // log.flush.start.offset.checkpoint.interval.ms
  int64_t high_watermark_checkpoint_ms = 5'000;    // replica.high.watermark.checkpoint.interval.ms
  int64_t retention_check_ms = 300'000;            // log.retention.check.interval.ms
  int64_t producer_expiration_check_ms = 600'000;  // producer.id.expiration.check.interval.ms
  ProducerStateConfig producers;
  /// The effective settings of a topic.
  std::function<LogConfig(const std::string& topic)> config_of;
};

class LogManagerListener {
 public:
  virtual ~LogManagerListener() = default;
  /// Home executor. The logs of the directory take no appends any more; `is_last`: no directory is
  /// left.
  virtual void on_directory_offline(const DirectoryId& directory, const std::string& path,
                                    const std::vector<TopicPartition>& lost, bool is_last) = 0;
};

/// A partition that was not opened: its bytes below the recovery point are damaged.
struct RefusedPartition {
  TopicPartition name;
  Error why;
};

struct LoadReport {
  size_t logs = 0;
  bool was_clean = true;  // every directory that is not new had its clean-shutdown marker
  bool is_first = true;   // all directories are new: no earlier run left anything in them
  /// From the marker, if all directories agree; −1 otherwise (BrokerRegistration's
  /// PreviousBrokerEpoch).
  int64_t previous_broker_epoch = -1;
  std::vector<RefusedPartition> refused;
};

struct DirectoryFacts {
  std::string path;
  DirectoryId id;
  bool is_online = true;
};

class LogManager {
 public:
  LogManager(rt::Runtime& runtime, LogManagerConfig config, LogManagerListener& listener);
  ~LogManager();

  /// Locks and checks the directories, loads every partition on the I/O pool, starts the timers.
  /// Fails if no directory could be used.
  void start(rt::UniqueFunction<void(Result<LoadReport>)> done);
  /// Closes all logs in order, writes checkpoints and clean-shutdown markers. No other call may be
  /// made afterwards.
  void stop(int64_t broker_epoch, rt::UniqueFunction<void(Result<void>)> done);

  /// Null if there is none.
  std::shared_ptr<Log> find(const TopicPartition& name) const;
  std::vector<std::shared_ptr<Log>> logs() const;
  std::vector<DirectoryFacts> directories() const;
  /// The directory a log lies in.
  DirectoryId directory_of(const Log& log) const;

  /// The log of `name`, made in `directory` or, without one, in the online directory with the
  /// fewest partitions; wherever it lies already, if it could not be opened for want of space. Not
  /// durable before its first flush. Cause::kNoSpace: what was begun is gone on with at the next
  /// call. kInconsistentTopicId if a log of another topic of that name is open; one that waits for
  /// space is set aside as a stray. kKafkaStorageError where a folder lies that was refused, and
  /// while any directory is offline for one that `may_exist` (made by an earlier run, nobody knows
  /// where): it would begin empty beside its records.
  Result<std::shared_ptr<Log>> create(const TopicPartition& name, const TopicId& topic_id,
                                      std::optional<DirectoryId> directory = {},
                                      bool may_exist = false);
  /// Renames the folder to …-delete at once; its files go after file.delete.delay.ms. One that
  /// waits for space goes too.
  Result<void> remove(const TopicPartition& name);
  /// Renames the folder to …-stray: it is kept, and no longer a partition.
  Result<void> set_stray(const TopicPartition& name);
  void update_config(const std::string& topic, const LogConfig& config);

  /// producer.id.expiration.ms from the next pass on.
  void set_producer_expiration(int64_t expiration_ms);

  /// For durability class `ack`.
  Flusher& flusher_of(const Log& log);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace semel::log
