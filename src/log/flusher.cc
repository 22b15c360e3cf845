#include "log/flusher.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "rt/guarded.h"

namespace semel::log {
namespace {

constexpr size_t kFilesAtATime = 4;
constexpr rt::Duration kSlowFilesystemSync = std::chrono::milliseconds(20);

/// One thing to sync. `log` is blamed if it fails; null = every log of the commit.
struct SyncItem {
  std::shared_ptr<rt::File> file;  // or …
  std::string directory;
  Log* log = nullptr;
};

struct Commit {
  std::vector<std::shared_ptr<Log>> logs;
  std::vector<FlushPlan> plans;
  std::vector<std::vector<SyncItem>> jobs;
  std::vector<Result<void>> results;  // per job
  std::vector<Log*> blamed;           // per job
  size_t jobs_left = 0;
};

std::vector<SyncItem> items_of(const Commit& commit) {
  std::vector<SyncItem> items;
  std::set<std::string> directories;
  for (size_t i = 0; i < commit.logs.size(); ++i) {
    Log* log = commit.logs[i].get();
    for (const auto& file : commit.plans[i].files) items.push_back({file, {}, log});
    if (commit.plans[i].directory) items.push_back({nullptr, log->path(), log});
    const std::string parent = rt::parent_of(log->path());
    if (commit.plans[i].parent_directory && directories.insert(parent).second)
      items.push_back({nullptr, parent, log});
  }
  return items;
}

}  // namespace

struct Flusher::Shared : std::enable_shared_from_this<Flusher::Shared> {
  Shared(rt::Disk& the_disk, rt::Clock& the_clock, rt::Executor& the_home)
      : disk(the_disk), clock(the_clock), home(the_home) {}

  struct Queue {
    std::vector<std::shared_ptr<Log>> waiting;
    bool is_running = false;
    bool prefers_files = false;       // the last syncfs was slow
    bool knows_no_filesystem = false;  // the system cannot do it
    FlusherCounters counters;
    std::vector<rt::UniqueFunction<void()>> idle;
  };

  void start();
  void dispatch(const std::shared_ptr<Commit>& commit);
  Result<void> run_job(const std::vector<SyncItem>& job, Log*& blamed);
  void sync_filesystem(const std::shared_ptr<Commit>& commit);
  void finish(Commit& commit);
  void finish_round();

  rt::Disk& disk;
  rt::Clock& clock;
  rt::Executor& home;
  rt::Guarded<Queue> queue;
};

Flusher::Flusher(rt::Disk& disk, rt::Clock& clock, rt::Executor& home)
    : shared_(std::make_shared<Shared>(disk, clock, home)) {}

Flusher::~Flusher() = default;

void Flusher::request(std::shared_ptr<Log> log) {
  const bool starts = shared_->queue.with([&](Shared::Queue& queue) {
    if (std::ranges::find(queue.waiting, log) == queue.waiting.end()) queue.waiting.push_back(std::move(log));
    return !std::exchange(queue.is_running, true);
  });
  if (starts) shared_->start();
}

FlusherCounters Flusher::counters() const {
  return shared_->queue.with([](const Shared::Queue& queue) { return queue.counters; });
}

void Flusher::when_idle(rt::UniqueFunction<void()> done) {
  const bool is_idle = shared_->queue.with([&](Shared::Queue& queue) {
    if (!queue.is_running) return true;
    queue.idle.push_back(std::move(done));
    return false;
  });
  if (is_idle) shared_->home.post(std::move(done));
}

void Flusher::Shared::start() {
  auto commit = std::make_shared<Commit>();
  bool may_use_filesystem = false;
  queue.with([&](Queue& state) {
    commit->logs.swap(state.waiting);
    may_use_filesystem = !state.prefers_files && !state.knows_no_filesystem;
    state.prefers_files = false;
    ++state.counters.commits;
    state.counters.logs += commit->logs.size();
  });
  for (const auto& log : commit->logs) commit->plans.push_back(log->plan_flush());
  std::vector<SyncItem> items = items_of(*commit);
  const auto files = std::ranges::count_if(items, [](const SyncItem& item) { return item.file != nullptr; });
  if (may_use_filesystem && static_cast<size_t>(files) > kFilesAtATime) return sync_filesystem(commit);
  commit->jobs.resize(std::clamp<size_t>(items.size(), 1, kFilesAtATime));
  for (size_t i = 0; i < items.size(); ++i)
    commit->jobs[i % commit->jobs.size()].push_back(std::move(items[i]));
  queue.with([&](Queue& state) { state.counters.file_syncs += items.size(); });
  dispatch(commit);
}

void Flusher::Shared::dispatch(const std::shared_ptr<Commit>& commit) {
  commit->jobs_left = commit->jobs.size();
  commit->results.resize(commit->jobs.size());
  commit->blamed.resize(commit->jobs.size());
  for (size_t i = 0; i < commit->jobs.size(); ++i) {
    disk.run_blocking(
        [self = shared_from_this(), commit, i] {
          commit->results[i] = self->run_job(commit->jobs[i], commit->blamed[i]);
        },
        home,
        [self = shared_from_this(), commit] {
          if (--commit->jobs_left == 0) self->finish(*commit);
        });
  }
}

Result<void> Flusher::Shared::run_job(const std::vector<SyncItem>& job, Log*& blamed) {
  for (const SyncItem& item : job) {
    blamed = item.log;
    if (item.file == nullptr && item.directory.empty())
      return fail(ErrorCode::kKafkaStorageError, "a file to sync cannot be opened");
    auto synced = item.file != nullptr ? item.file->sync() : disk.sync_directory(item.directory);
    const bool is_deleted = !synced && item.file == nullptr && synced.error().cause == Cause::kNotFound;
    if (!synced && !is_deleted) return synced;
  }
  return {};
}

void Flusher::Shared::sync_filesystem(const std::shared_ptr<Commit>& commit) {
  commit->jobs_left = 1;
  commit->results.resize(1);
  commit->blamed.resize(1);
  disk.run_blocking(
      [self = shared_from_this(), commit] {
        const rt::Instant start = self->clock.now();
        commit->results[0] = self->disk.sync_filesystem(commit->logs.front()->path());
        const bool is_slow = self->clock.now() - start > kSlowFilesystemSync;
        const bool is_unknown =
            !commit->results[0] && commit->results[0].error().code == ErrorCode::kInvalidRequest;
        self->queue.with([&](Queue& state) {
          ++state.counters.filesystem_syncs;
          state.prefers_files = is_slow;
          state.knows_no_filesystem = state.knows_no_filesystem || is_unknown;
        });
        if (!is_unknown) return;
        commit->jobs.push_back(items_of(*commit));
        commit->results[0] = self->run_job(commit->jobs[0], commit->blamed[0]);
      },
      home, [self = shared_from_this(), commit] { self->finish(*commit); });
}

void Flusher::Shared::finish(Commit& commit) {
  std::set<Log*> failed;
  for (size_t i = 0; i < commit.results.size(); ++i) {
    if (commit.results[i]) continue;
    for (const auto& log : commit.logs) {
      if (commit.blamed[i] != nullptr && commit.blamed[i] != log.get()) continue;
      log->sync_failed(commit.results[i].error());
      failed.insert(log.get());
    }
  }
  for (size_t i = 0; i < commit.logs.size(); ++i) {
    Log& log = *commit.logs[i];
    if (failed.contains(&log)) continue;
    log.flushed_to(commit.plans[i]);
    if (const auto listener = log.listener()) listener->on_flushed(log.flushed_end());
  }
  finish_round();
}

void Flusher::Shared::finish_round() {
  std::vector<rt::UniqueFunction<void()>> idle;
  const bool goes_on = queue.with([&](Queue& state) {
    if (!state.waiting.empty()) return true;
    state.is_running = false;
    idle.swap(state.idle);
    return false;
  });
  if (goes_on) return start();
  for (auto& done : idle) done();
}

}  // namespace semel::log
