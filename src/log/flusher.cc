#include "log/flusher.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "log/small_files.h"
#include "rt/guarded.h"

namespace semel::log {
namespace {

constexpr size_t kFilesAtATime = 4;

/// One thing to make durable. `log` is blamed if it fails.
struct SyncItem {
  std::shared_ptr<rt::File> file;  // or …
  std::string directory;           // or …
  FlushPlan* metadata = nullptr;   // a partition.metadata that waits
  Log* log = nullptr;
};

/// What one thread syncs, one after another.
struct SyncJob {
  std::vector<SyncItem> items;
  Result<void> result;
  Log* blamed = nullptr;  // null: every log of the commit
};

/// One commit runs at a time, and the next one uses the memory of the last.
struct Commit {
  std::vector<std::shared_ptr<Log>> logs;
  std::vector<FlushPlan> plans;  // of logs; those behind logs.size() are spare
  std::vector<SyncItem> items;
  std::array<SyncJob, kFilesAtATime> jobs;
  size_t jobs_used = 0;
  size_t jobs_left = 0;

  void plan();
  void collect_items();
  void clear();
};

void Commit::plan() {
  if (plans.size() < logs.size()) plans.resize(logs.size());
  for (size_t i = 0; i < logs.size(); ++i) logs[i]->plan_flush(plans[i]);
  collect_items();
}

void Commit::collect_items() {
  items.clear();
  std::set<std::string> directories;
  for (size_t i = 0; i < logs.size(); ++i) {
    Log* log = logs[i].get();
    for (const auto& file : plans[i].files) items.push_back({file, {}, nullptr, log});
    if (plans[i].metadata)
      items.push_back({nullptr, log->path(), &plans[i], log});
    else if (plans[i].directory)
      items.push_back({nullptr, log->path(), nullptr, log});
    if (!plans[i].parent_directory) continue;
    const std::string parent = rt::parent_of(log->path());
    if (directories.insert(parent).second) items.push_back({nullptr, parent, nullptr, log});
  }
}

/// Lets go of logs and files; the vectors keep their room.
void Commit::clear() {
  logs.clear();
  items.clear();
  for (FlushPlan& plan : plans) plan.files.clear();
  for (SyncJob& job : jobs) {
    job.items.clear();
    job.result = {};
    job.blamed = nullptr;
  }
}

/// What syncs have cost lately, in nanoseconds.
///
/// A sync of the file system waits for other writers too, so it may be slow at times; how much a
/// file costs differs by disk. Neither is known beforehand, so both are measured. A file system
/// that was found slow seems a little faster with each commit that does without it, until it is
/// tried again.
class SyncCosts {
 public:
  bool filesystem_is_cheaper(size_t files) const {
    return filesystem_ <= file_ * static_cast<int64_t>((files + kFilesAtATime - 1) / kFilesAtATime);
  }
  void filesystem_took(rt::Duration took) { filesystem_ += (took.count() - filesystem_) / 2; }
  /// `files` one after another; together with other threads that did the same.
  void files_took(rt::Duration took, size_t files) {
    file_ += (took.count() / static_cast<int64_t>(files) - file_) / 4;
    filesystem_ -= filesystem_ / 8;
  }

 private:
  int64_t filesystem_ = 0;
  int64_t file_ = 1'000'000;
};

}  // namespace

struct Flusher::Shared : std::enable_shared_from_this<Flusher::Shared> {
  explicit Shared(const rt::Runtime& runtime)
      : disk(*runtime.disk),
        clock(*runtime.clock),
        executors(runtime.executors),
        plants(runtime.plants) {}

  struct Queue {
    std::vector<std::shared_ptr<Log>> waiting;
    bool is_running = false;
    SyncCosts costs;
    bool knows_no_filesystem = false;  // the system cannot do it
    FlusherCounters counters;
    std::vector<rt::UniqueFunction<void()>> idle;
  };

  rt::Executor& here() const {
    const auto found =
        std::ranges::find_if(executors, [](rt::Executor* each) { return each->is_current(); });
    return found == executors.end() ? *executors.front() : **found;
  }
  void start();
  void dispatch();
  Result<void> sync(const SyncItem& item);
  void run_job(SyncJob& job);
  void sync_filesystem();
  void run_filesystem_job(SyncJob& job);
  void finish_files();
  void finish();
  void finish_round();

  rt::Disk& disk;
  rt::Clock& clock;
  const std::vector<rt::Executor*> executors;
  const rt::Plants* plants;
  rt::Guarded<Queue> queue;
  rt::Instant began;          // of a commit by files …
  size_t files_in_a_row = 0;  // … of which each thread syncs so many; 0 = too few to measure
  Commit commit;  // of whoever set Queue::is_running; a job belongs to its thread until it is done
};

Flusher::Flusher(const rt::Runtime& runtime) : shared_(std::make_shared<Shared>(runtime)) {}

Flusher::~Flusher() = default;

void Flusher::request(std::shared_ptr<Log> log) {
  const bool starts = shared_->queue.with([&](Shared::Queue& queue) {
    if (!log->mark_waiting(true)) queue.waiting.push_back(std::move(log));
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
  if (is_idle) shared_->executors.front()->post(std::move(done));
}

void Flusher::Shared::start() {
  bool may_use_filesystem = false;
  SyncCosts costs;
  queue.with([&](Queue& state) {
    commit.logs.swap(state.waiting);
    for (const auto& log : commit.logs) log->mark_waiting(false);
    may_use_filesystem = !state.knows_no_filesystem;
    costs = state.costs;
    ++state.counters.commits;
    state.counters.logs += commit.logs.size();
  });
  commit.plan();
  const auto files = static_cast<size_t>(std::ranges::count_if(
      commit.items, [](const SyncItem& item) { return item.file != nullptr; }));
  if (may_use_filesystem && files > kFilesAtATime && costs.filesystem_is_cheaper(files))
    return sync_filesystem();
  began = clock.now();
  commit.jobs_used = std::clamp<size_t>(commit.items.size(), 1, kFilesAtATime);
  for (size_t i = 0; i < commit.items.size(); ++i)
    commit.jobs[i % commit.jobs_used].items.push_back(std::move(commit.items[i]));
  queue.with([&](Queue& state) { state.counters.file_syncs += commit.items.size(); });
  const size_t in_a_row = commit.jobs.front().items.size();
  files_in_a_row = files > kFilesAtATime ? in_a_row : 0;
  dispatch();
}

void Flusher::Shared::dispatch() {
  const size_t count = commit.jobs_used;
  commit.jobs_left = count;
  rt::Executor& back = here();
  for (size_t i = 0; i < count; ++i) {
    disk.run_blocking([self = shared_from_this(), i] { self->run_job(self->commit.jobs[i]); }, back,
                      [self = shared_from_this()] {
                        if (--self->commit.jobs_left == 0) self->finish_files();
                      });
  }
}

void Flusher::Shared::finish_files() {
  if (files_in_a_row > 0) {
    const rt::Duration took = clock.now() - began;
    queue.with([&](Queue& state) { state.costs.files_took(took, files_in_a_row); });
  }
  finish();
}

/// A file for which there is no room waits for the next commit: records are safe without it.
Result<void> Flusher::Shared::sync(const SyncItem& item) {
  if (item.file != nullptr) return item.file->sync();
  if (item.metadata == nullptr) return disk.sync_directory(item.directory);
  auto written = write_partition_metadata(disk, item.directory, *item.metadata->metadata);
  item.metadata->metadata_is_written = written.has_value();
  if (!written && written.error().cause == Cause::kNoSpace)
    return disk.sync_directory(item.directory);
  return written;
}

void Flusher::Shared::run_job(SyncJob& job) {
  for (const SyncItem& item : job.items) {
    job.blamed = item.log;
    if (item.file == nullptr && item.directory.empty()) {
      job.result = fail(ErrorCode::kKafkaStorageError, "a file to sync cannot be opened");
      return;
    }
    auto synced = sync(item);
    const bool is_deleted =
        !synced && item.file == nullptr && synced.error().cause == Cause::kNotFound;
    if (synced || is_deleted) continue;
    job.result = std::move(synced);
    return;
  }
}

void Flusher::Shared::sync_filesystem() {
  commit.jobs_used = 1;
  commit.jobs_left = 1;
  disk.run_blocking([self = shared_from_this()] { self->run_filesystem_job(self->commit.jobs[0]); },
                    here(), [self = shared_from_this()] { self->finish(); });
}

void Flusher::Shared::run_filesystem_job(SyncJob& job) {
  for (SyncItem& item : commit.items) {
    if (item.metadata != nullptr) job.items.push_back(item);
  }
  run_job(job);
  if (!job.result) return;
  job.items.clear();
  job.blamed = nullptr;
  const rt::Instant start = clock.now();
  job.result = disk.sync_filesystem(commit.logs.front()->path());
  const rt::Duration took = clock.now() - start;
  const bool is_unknown = !job.result && job.result.error().code == ErrorCode::kInvalidRequest;
  queue.with([&](Queue& state) {
    ++state.counters.filesystem_syncs;
    state.costs.filesystem_took(took);
    state.knows_no_filesystem = state.knows_no_filesystem || is_unknown;
  });
  if (!is_unknown) return;
  job.result = {};
  job.items.swap(commit.items);
  run_job(job);
}

void Flusher::Shared::finish() {
  std::set<Log*> failed;
  for (const SyncJob& job : std::span(commit.jobs).first(commit.jobs_used)) {
    if (job.result || rt::is_planted(plants, &rt::Plants::ignore_sync_error)) continue;
    for (const auto& log : commit.logs) {
      if (job.blamed != nullptr && job.blamed != log.get()) continue;
      log->sync_failed(job.result.error());
      failed.insert(log.get());
    }
  }
  for (size_t i = 0; i < commit.logs.size(); ++i) {
    Log& log = *commit.logs[i];
    if (failed.contains(&log)) continue;
    log.flushed_to(commit.plans[i]);
    if (const auto listener = log.listener()) listener->on_flushed(log.flushed_end());
  }
  commit.clear();
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
  for (auto& done : idle) executors.front()->post(std::move(done));
}

}  // namespace semel::log
