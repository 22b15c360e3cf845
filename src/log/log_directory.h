// LogDirectory: one entry of `log.dirs`: its lock, identity, health and checkpoint files. Internal
// to this folder; LogManager owns them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/checkpoint_file.h"
#include "log/file_names.h"
#include "log/log.h"
#include "log/log_manager.h"

namespace semel::log {

struct FoundPartition {
  TopicPartition name;
  std::string folder;  // the whole path
  LoadHints hints;
};

class LogDirectory final : public LogCare {
 public:
  using WantsFlush = rt::UniqueFunction<void(const TopicPartition&)>;

  /// `on_failure` and `wants_flush` are called on any thread.
  LogDirectory(rt::Runtime& runtime, std::string path, const ProducerStateConfig& producers,
               DirectoryHealth::OnFailure on_failure, WantsFlush wants_flush);

  /// Takes the lock, checks meta.properties, reads and removes the clean-shutdown marker, reads the
  /// checkpoints and lists the partitions. Blocks. kInvalidConfig: the directory belongs to
  /// somebody else; Cause::kLocked: another process uses it.
  Result<void> open(const LogManagerConfig& config);
  const std::vector<FoundPartition>& found() const { return found_; }
  /// Folders that end in -delete.
  const std::vector<std::string>& leftovers() const { return leftovers_; }

  const std::string& path() const { return path_; }
  /// Of a folder in it.
  std::string path_of(std::string_view folder) const { return path_ + "/" + std::string(folder); }
  const DirectoryId& id() const { return id_; }
  bool is_online() const { return !health_.is_offline(); }
  DirectoryHealth& health() { return health_; }
  LogContext& context() { return context_; }
  bool was_clean() const { return clean_epoch_.has_value(); }
  /// Nothing in it is of an earlier run of a broker.
  bool is_new() const { return is_new_; }
  int64_t clean_epoch() const { return clean_epoch_.value_or(-1); }
  uint64_t filesystem() const { return filesystem_; }

  /// The logs that checkpoints tell of. Any thread.
  void add(std::shared_ptr<Log> log);
  void drop(const TopicPartition& name);
  size_t log_count() const;
  std::vector<std::shared_ptr<Log>> logs() const;
  /// A partition that was refused keeps its lines in the checkpoints.
  /// `waits_for_space`: only because the file system was full; it may be opened when there is room
  /// again.
  void keep_hints(const TopicPartition& name, const LoadHints& hints, bool waits_for_space);
  bool is_refused(const TopicPartition& name) const;
  /// What is known of a partition that waits for space; nothing if it does not.
  std::optional<LoadHints> waiting_for_space(const TopicPartition& name) const;

  /// Write the files if their content changed since they were last written. Block; any thread.
  Result<void> write_recovery_points();
  Result<void> write_log_starts();
  Result<void> write_high_watermarks();
  /// After all its logs were closed in order.
  Result<void> write_clean_marker(int64_t broker_epoch);
  void unlock() { lock_.reset(); }

  void wants_flush(Log& log) override;
  void recovery_point_went_down(Log& log) override;

 private:
  Result<void> check_identity(const LogManagerConfig& config);
  Result<void> take_clean_marker();
  OffsetCheckpoint read_checkpoint(std::string_view name) const;
  Result<void> list_partitions();
  struct Members;
  template <class Collect>
  Result<void> write(std::string_view name, rt::Guarded<std::string>& last, Collect collect);

  rt::Runtime& runtime_;
  const std::string path_;
  DirectoryHealth health_;
  AppendPace pace_;
  LogContext context_;
  WantsFlush wants_flush_;
  DirectoryId id_{};
  uint64_t filesystem_ = 0;
  std::unique_ptr<rt::FileLock> lock_;
  std::optional<int64_t> clean_epoch_;
  bool is_new_ = false;
  std::vector<FoundPartition> found_;
  std::vector<std::string> leftovers_;
  struct Refused {
    LoadHints hints;
    bool waits_for_space = false;  // nothing else is wrong with it
  };
  struct Members {
    std::map<TopicPartition, std::shared_ptr<Log>> logs;
    std::map<TopicPartition, Refused> refused;
  };
  mutable rt::Guarded<Members> members_;
  // Content last written. The lock is held from collecting to writing, so that an older state never
  // comes later.
  rt::Guarded<std::string> recovery_points_;
  rt::Guarded<std::string> log_starts_;
  rt::Guarded<std::string> high_watermarks_;
};

}  // namespace semel::log
