// The inside of LogManager: what its parts (loading and stopping, periodic care) share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/log_directory.h"
#include "log/log_manager.h"
#include "rt/guarded.h"

namespace semel::log {

/// Everything but find, logs and the look-ups of directories runs on the home executor. Work on the
/// I/O pool holds a shared pointer to this.
class LogManager::Impl : public std::enable_shared_from_this<LogManager::Impl> {
 public:
  Impl(rt::Runtime& runtime, LogManagerConfig config, LogManagerListener& listener);

  void start(rt::UniqueFunction<void(Result<LoadReport>)> done);
  void stop(int64_t broker_epoch, rt::UniqueFunction<void(Result<void>)> done);
  /// Ends timers; nothing is written any more.
  void abandon();

  std::shared_ptr<Log> find(const TopicPartition& name) const;
  std::vector<std::shared_ptr<Log>> logs() const;
  std::vector<DirectoryFacts> directory_facts() const;
  LogDirectory& directory_of(const Log& log) const;
  Flusher& flusher_of(const Log& log) const;
  Result<std::shared_ptr<Log>> create(const TopicPartition& name, const TopicId& topic_id,
                                      std::optional<DirectoryId> id, bool may_exist);
  Result<void> retire(const TopicPartition& name, std::string_view suffix);
  void set_producer_expiration(int64_t expiration_ms);

 private:
  using Works = std::vector<rt::UniqueFunction<void()>>;
  struct Loading;

  rt::Executor& home() const { return *runtime_.executors.front(); }
  /// Runs all `works` on the I/O pool, at most four at a time, then `done` on the home executor.
  void run_all(Works works, rt::UniqueFunction<void()> done);
  /// As run_all, for care that runs beside everything else; stop() waits for it.
  void run_care(rt::UniqueFunction<void()> work, rt::UniqueFunction<void()> done = {});

  void leave_care();

  Result<void> make_directories();
  void load_logs(rt::UniqueFunction<void(Result<LoadReport>)> done);
  void load_one(Loading& loading, size_t index);
  /// Blocks.
  Result<std::unique_ptr<Log>> open_found(LogDirectory& directory, const FoundPartition& found);
  /// The log that could not be opened at the start, or made, for want of space; null if there is
  /// none.
  Result<std::shared_ptr<Log>> open_waiting(const TopicPartition& name, const TopicId& topic_id);
  Result<std::shared_ptr<Log>> add_for(LogDirectory& directory, const TopicId& topic_id,
                                       Result<std::unique_ptr<Log>> opened);
  Result<void> set_aside(LogDirectory& directory, const TopicPartition& name,
                         std::string_view suffix, int64_t delay_ms);
  void finish_load(Loading& loading, rt::UniqueFunction<void(Result<LoadReport>)> done);
  void add(LogDirectory& directory, std::shared_ptr<Log> log);
  void close_logs(int64_t broker_epoch, rt::UniqueFunction<void(Result<void>)> done);
  void finish_stop(int64_t broker_epoch, rt::UniqueFunction<void(Result<void>)> done);

  void start_timers();
  void every(int64_t interval_ms, void (Impl::*tick)());
  void flush_tick();
  void overdue_tick();
  void flush_directory(LogDirectory& directory);
  void flush_soon(const TopicPartition& name);
  void retention_tick();
  void expiry_tick();
  void recovery_point_tick();
  void log_start_tick();
  void high_watermark_tick();
  void each_directory(Result<void> (LogDirectory::*write)());
  void remove_folders();
  void note_failure(LogDirectory& directory, const Error& why);
  const LogDirectory* any_offline() const;
  LogDirectory* choose_directory(std::optional<DirectoryId> id) const;

  struct RetiredFolder {
    std::string path;
    int64_t remove_at_ms;
  };

  rt::Runtime& runtime_;
  const LogManagerConfig config_;
  LogManagerListener& listener_;
  std::vector<std::unique_ptr<LogDirectory>> directories_;  // fixed after make_directories
  std::map<uint64_t, std::unique_ptr<Flusher>> flushers_;   // by file system; fixed after loading
  mutable rt::Guarded<std::unordered_map<TopicPartition, std::shared_ptr<Log>>> logs_;
  std::vector<RetiredFolder> retired_;
  std::map<uint64_t, rt::TimerId> timers_;
  uint64_t last_timer_ = 0;
  size_t care_running_ = 0;
  std::vector<rt::UniqueFunction<void()>> waiting_for_care_;
  bool is_flushing_ = false;
  bool is_stopping_ = false;
};

}  // namespace semel::log
