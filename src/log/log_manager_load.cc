// LogManager: opening and closing all logs.
#include <algorithm>
#include <atomic>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "log/log_manager_impl.h"

namespace semel::log {
namespace {

constexpr size_t kParallel = 4;

}  // namespace

LogManager::Impl::Impl(rt::Runtime& runtime, LogManagerConfig config, LogManagerListener& listener)
    : runtime_(runtime), config_(std::move(config)), listener_(listener) {}

void LogManager::Impl::run_all(Works works, rt::UniqueFunction<void()> done) {
  struct Batch {
    Works works;
    std::atomic<size_t> next{0};
    size_t running = 0;
    rt::UniqueFunction<void()> done;
  };
  auto batch = std::make_shared<Batch>();
  batch->works = std::move(works);
  batch->done = std::move(done);
  batch->running = std::clamp<size_t>(batch->works.size(), 1, kParallel);
  for (size_t i = batch->running; i > 0; --i) {
    runtime_.disk->run_blocking(
        [batch] {
          for (size_t at = batch->next++; at < batch->works.size(); at = batch->next++)
            batch->works[at]();
        },
        home(),
        [batch] {
          if (--batch->running == 0) batch->done();
        });
  }
}

Result<void> LogManager::Impl::make_directories() {
  if (config_.directories.empty()) return fail(ErrorCode::kInvalidConfig, "log.dirs is empty");
  for (const std::string& path : config_.directories) {
    auto self = weak_from_this();
    const size_t index = directories_.size();
    directories_.push_back(std::make_unique<LogDirectory>(
        runtime_, path, config_.producers,
        [self, index, &home = home()](const Error& why) {
          home.post([self, index, why] {
            if (auto impl = self.lock()) impl->note_failure(*impl->directories_[index], why);
          });
        },
        [self, &home = home()](const TopicPartition& name) {
          home.post([self, name] {
            if (auto impl = self.lock()) impl->flush_soon(name);
          });
        }));
  }
  return {};
}

void LogManager::Impl::start(rt::UniqueFunction<void(Result<LoadReport>)> done) {
  if (auto made = make_directories(); !made) return done(fail(std::move(made.error())));
  auto failures = std::make_shared<std::vector<Result<void>>>(directories_.size());
  Works works;
  for (size_t i = 0; i < directories_.size(); ++i)
    works.push_back([this, failures, i] { (*failures)[i] = directories_[i]->open(config_); });
  run_all(std::move(works),
          [self = shared_from_this(), failures, done = std::move(done)]() mutable {
            size_t usable = 0;
            for (size_t i = 0; i < failures->size(); ++i) {
              Result<void>& opened = (*failures)[i];
              if (opened) {
                ++usable;
              } else if (opened.error().cause == Cause::kIo) {
                self->directories_[i]->health().fail(opened.error());
              } else {
                return done(fail(std::move(opened.error())));
              }
            }
            if (usable == 0) return done(fail(std::move(failures->front().error())));
            self->load_logs(std::move(done));
          });
}

struct LogManager::Impl::Loading {
  struct Item {
    LogDirectory* directory;
    const FoundPartition* found;
    Result<std::unique_ptr<Log>> log{nullptr};
  };
  std::vector<Item> items;
};

void LogManager::Impl::load_one(Loading& loading, size_t index) {
  Loading::Item& item = loading.items[index];
  if (!item.directory->is_online()) {
    item.log = fail(ErrorCode::kKafkaStorageError, "its log directory is offline", Cause::kIo);
    return;
  }
  item.log = open_found(*item.directory, *item.found);
}

Result<std::unique_ptr<Log>> LogManager::Impl::open_found(LogDirectory& directory,
                                                          const FoundPartition& found) {
  const LogConfig config = config_.config_of(found.name.topic);
  SEMEL_TRY(auto log,
            Log::open(directory.context(), found.name, found.folder, config, found.hints));
  // What a killed process left in the page cache is made durable before anybody asks how far the
  // log is: else a restarted broker would for a moment tell a smaller end than it has acknowledged.
  const bool may_wait = !config_.flushes_while_loading && config.flush_messages != 1;
  if (!may_wait && log->flushed_end() < log->log_end()) SEMEL_CHECK(log->flush());
  return log;
}

void LogManager::Impl::load_logs(rt::UniqueFunction<void(Result<LoadReport>)> done) {
  auto loading = std::make_shared<Loading>();
  for (const auto& directory : directories_) {
    if (!directory->is_online()) continue;
    for (const FoundPartition& found : directory->found())
      loading->items.push_back({directory.get(), &found});
    for (const std::string& path : directory->leftovers()) retired_.push_back({path, 0});
    auto& flusher = flushers_[directory->filesystem()];
    if (flusher == nullptr) flusher = std::make_unique<Flusher>(runtime_);
  }
  Works works;
  for (size_t i = 0; i < loading->items.size(); ++i)
    works.push_back([this, loading, i] { load_one(*loading, i); });
  run_all(std::move(works), [self = shared_from_this(), loading, done = std::move(done)]() mutable {
    self->finish_load(*loading, std::move(done));
  });
}

void LogManager::Impl::finish_load(Loading& loading,
                                   rt::UniqueFunction<void(Result<LoadReport>)> done) {
  LoadReport report;
  for (Loading::Item& item : loading.items) {
    if (item.log) {
      if (item.directory->is_online()) add(*item.directory, std::move(*item.log));
      continue;
    }
    const Error& why = item.log.error();
    if (why.cause == Cause::kIo) {
      item.directory->health().fail(why);
      continue;
    }
    log_error("log", "{} is not opened: {}", item.found->folder, why.context);
    item.directory->keep_hints(item.found->name, item.found->hints, why.cause == Cause::kNoSpace);
    report.refused.push_back({item.found->name, why});
  }
  report.logs = logs().size();
  std::set<int64_t> epochs;
  for (const auto& directory : directories_) {
    report.was_clean = report.was_clean && (directory->was_clean() || directory->is_new());
    report.is_first = report.is_first && directory->is_new();
    epochs.insert(directory->clean_epoch());
  }
  if (epochs.size() == 1) report.previous_broker_epoch = *epochs.begin();
  start_timers();
  done(std::move(report));
}

void LogManager::Impl::add(LogDirectory& directory, std::shared_ptr<Log> log) {
  const bool is_new =
      logs_.with([&](auto& logs) { return logs.try_emplace(log->name(), log).second; });
  if (is_new) {
    directory.add(std::move(log));
  } else {
    log_error("log", "{} lies in more than one log directory; {} is left alone",
              log->name().to_text(), log->path());
    log->close();
  }
}

void LogManager::Impl::stop(int64_t broker_epoch, rt::UniqueFunction<void(Result<void>)> done) {
  abandon();
  for (const auto& [filesystem, flusher] : flushers_) {
    ++care_running_;
    flusher->when_idle([self = shared_from_this()] { self->leave_care(); });
  }
  waiting_for_care_.push_back(
      [self = shared_from_this(), broker_epoch, done = std::move(done)]() mutable {
        self->close_logs(broker_epoch, std::move(done));
      });
  ++care_running_;
  leave_care();
}

void LogManager::Impl::close_logs(int64_t broker_epoch,
                                  rt::UniqueFunction<void(Result<void>)> done) {
  auto failed = std::make_shared<rt::Guarded<std::vector<Error>>>();
  Works works;
  for (const auto& log : logs()) {
    works.push_back([failed, log] {
      auto closed = log->close_clean();
      if (!closed) failed->with([&](auto& errors) { errors.push_back(closed.error()); });
    });
  }
  run_all(std::move(works),
          [self = shared_from_this(), failed, broker_epoch, done = std::move(done)]() mutable {
            const auto errors = failed->with([](auto& list) { return list; });
            for (const Error& error : errors)
              log_error("log", "not closed in order: {}", error.context);
            if (!errors.empty()) return done(fail(errors.front()));
            self->finish_stop(broker_epoch, std::move(done));
          });
}

void LogManager::Impl::finish_stop(int64_t broker_epoch,
                                   rt::UniqueFunction<void(Result<void>)> done) {
  auto results = std::make_shared<std::vector<Result<void>>>(directories_.size());
  Works works;
  for (size_t i = 0; i < directories_.size(); ++i) {
    works.push_back([this, results, i, broker_epoch] {
      LogDirectory& directory = *directories_[i];
      if (!directory.is_online()) return;
      Result<void>& result = (*results)[i];
      result = directory.write_recovery_points();
      if (result) result = directory.write_log_starts();
      if (result) result = directory.write_high_watermarks();
      if (result) result = directory.write_clean_marker(broker_epoch);
    });
  }
  run_all(std::move(works), [self = shared_from_this(), results, done = std::move(done)]() mutable {
    for (const auto& directory : self->directories_) directory->unlock();
    for (Result<void>& result : *results) {
      if (!result) return done(fail(std::move(result.error())));
    }
    done({});
  });
}

}  // namespace semel::log
