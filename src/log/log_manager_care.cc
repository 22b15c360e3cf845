// LogManager: what goes on while the broker runs: flushes, checkpoints, retention, deletion,
// failures.
#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/file_names.h"
#include "log/log_manager_impl.h"
#include "log/small_files.h"

namespace semel::log {
namespace {

/// From so many dirty logs on, one syncfs comes before their own flushes, which then cost little.
constexpr size_t kManyLogs = 8;
constexpr int64_t kFirstRetentionMs = 30'000;
/// How exact flush.ms is.
constexpr int64_t kOverdueCheckMs = 1000;

void flush_all(rt::Disk& disk, LogDirectory& directory) {
  std::vector<std::shared_ptr<Log>> dirty;
  for (const auto& log : directory.logs()) {
    if (log->needs_flush()) dirty.push_back(log);
  }
  if (dirty.size() >= kManyLogs) {
    auto synced = disk.sync_filesystem(directory.path());
    if (!synced && synced.error().code != ErrorCode::kInvalidRequest) {
      directory.health().fail(synced.error());
      return;
    }
  }
  for (const auto& log : dirty) {
    if (!directory.is_online()) return;
    if (auto flushed = log->flush(); !flushed)
      log_warn("log", "{} is not flushed: {}", log->name().to_text(), flushed.error().context);
  }
  if (dirty.empty() || !directory.is_online()) return;
  if (auto written = directory.write_recovery_points(); !written)
    log_warn("log", "{}: {}", directory.path(), written.error().context);
}

}  // namespace

void LogManager::Impl::start_timers() {
  every(config_.flush_interval_ms, &Impl::flush_tick);
  every(kOverdueCheckMs, &Impl::overdue_tick);
  every(config_.recovery_point_checkpoint_ms, &Impl::recovery_point_tick);
  every(config_.log_start_checkpoint_ms, &Impl::log_start_tick);
  every(config_.high_watermark_checkpoint_ms, &Impl::high_watermark_tick);
  every(config_.retention_check_ms, &Impl::retention_tick);
  if (config_.retention_check_ms > kFirstRetentionMs) {
    const uint64_t key = ++last_timer_;
    timers_[key] =
        home().run_at(home().clock().now() + std::chrono::milliseconds(kFirstRetentionMs),
                      [self = weak_from_this(), key] {
                        const auto impl = self.lock();
                        if (impl == nullptr || impl->timers_.erase(key) == 0) return;
                        impl->retention_tick();
                      });
  }
}

void LogManager::Impl::every(int64_t interval_ms, void (Impl::*tick)()) {
  const uint64_t key = ++last_timer_;
  timers_[key] = home().run_at(home().clock().now() + std::chrono::milliseconds(interval_ms),
                               [self = weak_from_this(), interval_ms, tick, key] {
                                 const auto impl = self.lock();
                                 if (impl == nullptr || impl->timers_.erase(key) == 0) return;
                                 (*impl.*tick)();
                                 impl->every(interval_ms, tick);
                               });
}

void LogManager::Impl::abandon() {
  is_stopping_ = true;
  for (const auto& [key, timer] : timers_) home().cancel(timer);
  timers_.clear();
}

void LogManager::Impl::run_care(rt::UniqueFunction<void()> work, rt::UniqueFunction<void()> done) {
  ++care_running_;
  runtime_.disk->run_blocking(std::move(work), home(),
                              [self = shared_from_this(), done = std::move(done)]() mutable {
                                if (done) done();
                                self->leave_care();
                              });
}

void LogManager::Impl::leave_care() {
  if (--care_running_ > 0) return;
  for (auto& waiting : std::exchange(waiting_for_care_, {})) waiting();
}

void LogManager::Impl::flush_tick() {
  expiry_tick();
  remove_folders();
  if (is_flushing_) return;
  is_flushing_ = true;
  run_care(
      [this] {
        const int64_t now_ms = directories_.front()->context().steady_unix_ms();
        for (const auto& directory : directories_) {
          if (!directory->is_online()) continue;
          flush_all(*runtime_.disk, *directory);
          for (const auto& log : directory->logs()) log->remove_retired(now_ms);
        }
      },
      [this] { is_flushing_ = false; });
}

void LogManager::Impl::overdue_tick() {
  for (const auto& log : logs()) {
    if (log->is_flush_overdue()) flusher_of(*log).request(log);
  }
}

/// A rolled segment is flushed at once; if a pass runs now, it or the next one covers it.
void LogManager::Impl::flush_soon(const TopicPartition&) {
  if (!is_flushing_ && !is_stopping_) flush_tick();
}

void LogManager::Impl::each_directory(Result<void> (LogDirectory::*write)()) {
  run_care([this, write] {
    for (const auto& directory : directories_) {
      if (!directory->is_online()) continue;
      auto written = (*directory.*write)();
      if (written) continue;
      log_warn("log", "{}: a checkpoint was not written: {}", directory->path(),
               written.error().context);
      if (written.error().cause == Cause::kIo) directory->health().fail(written.error());
    }
  });
}

void LogManager::Impl::recovery_point_tick() {
  each_directory(&LogDirectory::write_recovery_points);
}
void LogManager::Impl::log_start_tick() { each_directory(&LogDirectory::write_log_starts); }
void LogManager::Impl::high_watermark_tick() {
  each_directory(&LogDirectory::write_high_watermarks);
}

/// Ages are measured on a clock that does not jump with the wall clock.
void LogManager::Impl::retention_tick() {
  run_care([this] {
    for (const auto& directory : directories_) {
      for (const auto& log : directory->logs()) {
        if (!directory->is_online()) break;
        auto deleted = log->retention_pass(directory->context().steady_unix_ms());
        if (!deleted && deleted.error().cause != Cause::kClosed)
          log_warn("log", "retention of {}: {}", log->name().to_text(), deleted.error().context);
      }
    }
  });
}

void LogManager::Impl::set_producer_expiration(int64_t expiration_ms) {
  for (const auto& directory : directories_)
    directory->context().producers.expiration_ms = expiration_ms;
}

/// So many slots per flush interval that a whole table is walked once per check interval.
void LogManager::Impl::expiry_tick() {
  const auto rounds =
      std::max<int64_t>(1, config_.producer_expiration_check_ms / config_.flush_interval_ms);
  const int64_t now_ms = directories_.front()->context().steady_unix_ms();
  for (const auto& log : logs()) {
    const size_t size =
        log->inspect_producers([](const ProducerState& producers) { return producers.size(); });
    if (size > 0) log->expire_producers(now_ms, size / static_cast<size_t>(rounds) + 1);
  }
}

void LogManager::Impl::remove_folders() {
  const int64_t now_ms = directories_.front()->context().steady_unix_ms();
  for (const RetiredFolder& folder : retired_) {
    if (folder.remove_at_ms > now_ms) continue;
    run_care([this, path = folder.path] {
      if (auto removed = runtime_.disk->remove_tree(path); !removed)
        log_warn("log", "{} could not be removed: {}", path, removed.error().context);
    });
  }
  std::erase_if(retired_,
                [&](const RetiredFolder& folder) { return folder.remove_at_ms <= now_ms; });
}

void LogManager::Impl::note_failure(LogDirectory& directory, const Error& why) {
  log_error("log", "log directory {} goes offline: {}", directory.path(), why.context);
  std::vector<TopicPartition> lost;
  for (const auto& log : directory.logs()) {
    lost.push_back(log->name());
    log->close();
    directory.drop(log->name());
    logs_.with([&](auto& logs) { logs.erase(log->name()); });
  }
  const bool is_last =
      std::ranges::none_of(directories_, [](const auto& d) { return d->is_online(); });
  listener_.on_directory_offline(directory.id(), directory.path(), lost, is_last);
}

std::shared_ptr<Log> LogManager::Impl::find(const TopicPartition& name) const {
  return logs_.with([&](const auto& logs) {
    const auto found = logs.find(name);
    return found == logs.end() ? nullptr : found->second;
  });
}

std::vector<std::shared_ptr<Log>> LogManager::Impl::logs() const {
  return logs_.with([](const auto& logs) {
    std::vector<std::shared_ptr<Log>> list;
    list.reserve(logs.size());
    for (const auto& [name, log] : logs) list.push_back(log);
    return list;
  });
}

std::vector<DirectoryFacts> LogManager::Impl::directory_facts() const {
  std::vector<DirectoryFacts> facts;
  for (const auto& directory : directories_)
    facts.push_back({directory->path(), directory->id(), directory->is_online()});
  return facts;
}

LogDirectory& LogManager::Impl::directory_of(const Log& log) const {
  const auto found = std::ranges::find_if(directories_, [&](const auto& directory) {
    return directory->path() == rt::parent_of(log.path());
  });
  SEMEL_ASSERT(found != directories_.end(), "a log lies in no log directory");
  return **found;
}

Flusher& LogManager::Impl::flusher_of(const Log& log) const {
  return *flushers_.at(directory_of(log).filesystem());
}

LogDirectory* LogManager::Impl::choose_directory(std::optional<DirectoryId> id) const {
  LogDirectory* best = nullptr;
  for (const auto& directory : directories_) {
    if (!directory->is_online() || (id && *id != directory->id())) continue;
    if (best == nullptr || directory->log_count() < best->log_count()) best = directory.get();
  }
  return best;
}

const LogDirectory* LogManager::Impl::any_offline() const {
  const auto found =
      std::ranges::find_if(directories_, [](const auto& d) { return !d->is_online(); });
  return found == directories_.end() ? nullptr : found->get();
}

Result<std::shared_ptr<Log>> LogManager::Impl::create(const TopicPartition& name,
                                                      const TopicId& topic_id,
                                                      std::optional<DirectoryId> id,
                                                      bool may_exist) {
  if (auto known = find(name)) {
    SEMEL_CHECK(known->set_topic_id(topic_id));
    return known;
  }
  SEMEL_TRY(auto waited, open_waiting(name, topic_id));
  if (waited != nullptr) return waited;
  if (const LogDirectory* offline = any_offline(); offline != nullptr && may_exist && !id)
    return fail(ErrorCode::kKafkaStorageError,
                name.to_text() + " may lie in " + offline->path() + ", which is offline",
                Cause::kIo);
  LogDirectory* directory = choose_directory(id);
  if (directory == nullptr)
    return fail(ErrorCode::kKafkaStorageError,
                (id ? "the log directory that the metadata names is offline or another broker's: "
                    : "no log directory is online for ") +
                    name.to_text(),
                Cause::kIo);
  const std::string path = directory->path_of(name.to_text());
  if (runtime_.disk->exists(path))
    return fail(ErrorCode::kKafkaStorageError,
                path + " is there but is not open; see earlier messages");
  auto made = add_for(*directory, topic_id,
                      Log::open(directory->context(), name, path, config_.config_of(name.topic),
                                {.was_clean = true}));
  if (!made && made.error().cause == Cause::kNoSpace && runtime_.disk->exists(path))
    directory->keep_hints(name, {}, true);
  return made;
}

Result<std::shared_ptr<Log>> LogManager::Impl::open_waiting(const TopicPartition& name,
                                                            const TopicId& topic_id) {
  for (const auto& directory : directories_) {
    if (!directory->is_online() || !directory->is_refused(name)) continue;
    const std::string path = directory->path_of(name.to_text());
    const auto hints = directory->waiting_for_space(name);
    if (!hints) {
      return fail(ErrorCode::kKafkaStorageError,
                  path + " is there but was not opened; see the messages of the start");
    }
    SEMEL_TRY(const auto owner, read_partition_metadata(*runtime_.disk, path));
    if (owner.value_or(topic_id) == topic_id)
      return add_for(*directory, topic_id, open_found(*directory, {name, path, *hints}));
    log_warn("log", "{} belongs to an earlier topic of this name and is set aside", path);
    SEMEL_CHECK(set_aside(*directory, name, "-stray", 0));
  }
  return nullptr;
}

Result<std::shared_ptr<Log>> LogManager::Impl::add_for(LogDirectory& directory,
                                                       const TopicId& topic_id,
                                                       Result<std::unique_ptr<Log>> opened) {
  if (!opened) return fail(std::move(opened.error()));
  std::shared_ptr<Log> log = std::move(*opened);
  SEMEL_CHECK(log->set_topic_id(topic_id));
  add(directory, log);
  return log;
}

Result<void> LogManager::Impl::retire(const TopicPartition& name, std::string_view suffix) {
  if (const auto log = find(name)) {
    log->close_for_removal();
    logs_.with([&](auto& logs) { logs.erase(name); });
    directory_of(*log).drop(name);
    return set_aside(directory_of(*log), name, suffix, log->config().file_delete_delay_ms);
  }
  for (const auto& directory : directories_) {
    if (directory->is_online() && directory->waiting_for_space(name))
      return set_aside(*directory, name, suffix,
                       config_.config_of(name.topic).file_delete_delay_ms);
  }
  return fail(ErrorCode::kUnknownTopicOrPartition, name.to_text(), Cause::kNotFound);
}

/// Renames the folder of a partition that is not open (any more).
Result<void> LogManager::Impl::set_aside(LogDirectory& directory, const TopicPartition& name,
                                         std::string_view suffix, int64_t delay_ms) {
  const std::string path =
      directory.path_of(retired_folder_name(name, runtime_.random->uuid(), suffix));
  SEMEL_CHECK(runtime_.disk->rename(directory.path_of(name.to_text()), path));
  directory.drop(name);
  if (suffix == "-delete")
    retired_.push_back({path, directory.context().steady_unix_ms() + delay_ms});
  run_care([this, &directory] {
    if (auto synced = runtime_.disk->sync_directory(directory.path()); !synced)
      directory.health().fail(synced.error());
  });
  return {};
}

}  // namespace semel::log
