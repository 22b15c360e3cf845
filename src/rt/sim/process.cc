#include "rt/sim/process.h"

#include <algorithm>

#include "base/assert.h"
#include "rt/sim/combiner.h"
#include "rt/sim/disk.h"
#include "rt/sim/network.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

namespace {

/// More steps than any stop() needs; beyond it a shutdown waits for itself.
constexpr uint64_t kGhostSteps = 2'000'000;
constexpr uint64_t kDrainSteps = 100'000;
constexpr Duration kDrain = std::chrono::minutes{2};

}  // namespace

Instant SimClock::now() const { return process_.now(); }
int64_t SimClock::unix_ms() const { return process_.node().unix_ms(); }

Process::Process(World& world, Node& node, uint64_t serial, uint32_t executors)
    : world_(world),
      node_(node),
      serial_(serial),
      random_(world.random().next()),
      clock_(*this),
      monotonic_base_ns_(static_cast<int64_t>(random_.below(1'000'000'000'000'000))),
      disk_(std::make_unique<SimDisk>(*this)),
      network_(std::make_unique<SimNetwork>(*this)) {
  for (uint32_t i = 0; i < executors; ++i)
    executors_.push_back(std::make_unique<SimExecutor>(*this, i));
  runtime_.clock = &clock_;
  runtime_.disk = disk_.get();
  runtime_.network = network_.get();
  runtime_.random = &random_;
  for (const auto& executor : executors_) runtime_.executors.push_back(executor.get());
  runtime_.make_combiner = [this](Combiner::Drain drain,
                                  Combiner::TurnEnd turn_end) -> std::unique_ptr<Combiner> {
    return std::make_unique<SimCombiner>(*this, std::move(drain), std::move(turn_end));
  };
  runtime_.plants = world.options().plants;
  world_.add_process(*this);
}

Process::~Process() {
  tear_down();
  world_.remove_process(*this);
}

Instant Process::now() const { return Instant{world_.now().ns + monotonic_base_ns_ + ghost_ns_}; }

void Process::run(std::unique_ptr<Program> program) {
  SEMEL_ASSERT(program_ == nullptr, "one program per process");
  program_ = std::move(program);
  executor().post([this] {
    if (is_ghost_) return;
    has_started_ = true;
    program_->start();
  });
}

bool Process::is_current(const SimExecutor& executor) const {
  return world_.current() == &executor;
}

bool Process::may_act_as(const SimExecutor& executor) const {
  return is_current(executor) || world_.is_outside();
}

void Process::schedule_step(SimExecutor& executor) {
  executor.is_step_scheduled = true;
  const auto& options = world_.options();
  const Duration delay = world_.random().between(options.step_min, options.step_max);
  const int64_t earliest = std::max(world_.now().ns, executor.busy_until_ns);
  world_.schedule_event(World::EventKind::kStep, *this, executor.index(), 0,
                        earliest + delay.count());
}

void Process::wake(SimExecutor& executor) {
  if (is_dead_ || is_ghost_ || is_paused_ || executor.is_step_scheduled) return;
  schedule_step(executor);
}

void Process::schedule_timer(SimExecutor& executor, Instant when, uint64_t id) {
  if (is_ghost_) return;
  const int64_t at = std::max(when.ns - monotonic_base_ns_ - ghost_ns_, world_.now().ns);
  world_.schedule_event(World::EventKind::kTimer, *this, executor.index(), id, at);
}

void Process::run_step(uint32_t index) {
  SimExecutor& executor = *executors_[index];
  executor.is_step_scheduled = false;
  if (is_paused_ || !executor.has_work()) return;
  cost_ = {};
  {
    const World::Scope scope(world_, &executor, false);
    executor.run_one();
  }
  if (world_.random().hits(world_.options().long_step_ppm))
    cost_ += 1000 * world_.options().step_max;
  executor.busy_until_ns = world_.now().ns + cost_.count();
  if (executor.has_work()) wake(executor);
}

void Process::run_timer(uint32_t index, uint64_t timer) { executors_[index]->fire(timer); }

void Process::run_blocking(Blocking job) {
  if (is_dead_) return;
  pool_queue_.push_back(std::move(job));
  if (!is_ghost_ && !is_paused_ && busy_pool_threads_ < world_.options().pool_threads)
    start_pool_job();
}

void Process::start_pool_job() {
  ++busy_pool_threads_;
  const Duration delay =
      world_.random().between(std::chrono::microseconds{2}, std::chrono::microseconds{40});
  world_.schedule_event(World::EventKind::kPool, *this, 0, 0, world_.now().ns + delay.count());
}

void Process::run_pool_job() {
  --busy_pool_threads_;
  if (is_paused_ || pool_queue_.empty()) return;
  ++busy_pool_threads_;
  Blocking job = std::move(pool_queue_.front());
  pool_queue_.pop_front();
  cost_ = {};
  {
    const World::Scope scope(world_, nullptr, true);
    job.work();
    job.work = {};
  }
  const uint64_t id = ++last_job_;
  finishing_.emplace(id, std::move(job));
  world_.schedule(cost_, [id, serial = serial_, &world = world_] {
    Process* process = world.find_process(serial);
    if (process != nullptr && !process->is_dead_) process->finish_pool_job(id);
  });
}

void Process::finish_pool_job(uint64_t id) {
  const auto found = finishing_.find(id);
  Blocking job = std::move(found->second);
  finishing_.erase(found);
  --busy_pool_threads_;
  job.back->post(std::move(job.done));
  if (!is_paused_ && !pool_queue_.empty()) start_pool_job();
}

void Process::set_paused(bool paused) {
  is_paused_ = paused;
  if (paused) return;
  for (const auto& executor : executors_)
    if (executor->has_work()) wake(*executor);
  while (busy_pool_threads_ < std::min<uint64_t>(world_.options().pool_threads, pool_queue_.size()))
    start_pool_job();
}

void Process::die_soon(bool with_power) {
  if (is_cut_off_) return;
  cut_off();
  is_paused_ = true;
  world_.schedule(Duration{0}, [serial = serial_, &world = world_, with_power] {
    Process* process = world.find_process(serial);
    if (process != nullptr) process->node().kill(with_power ? Death::kPower : Death::kProcess);
  });
}

void Process::spawn_stop(UniqueFunction<void()> after) {
  struct Stopping {
    static Task<void> run(Process& process, UniqueFunction<void()> last) {
      co_await process.program_->stop();
      process.stop_ = Stop::kDone;
      if (last) last();
    }
  };
  SEMEL_ASSERT(stop_ == Stop::kNotCalled);
  stop_ = Stop::kRunning;
  executor().post(
      [this, last = std::move(after)]() mutable { spawn(Stopping::run(*this, std::move(last))); });
}

void Process::begin_shutdown(UniqueFunction<void()> done) {
  UniqueFunction<void()> leave = [this, last = std::move(done)]() mutable {
    world_.schedule(Duration{0},
                    [serial = serial_, &world = world_, finish = std::move(last)]() mutable {
                      if (world.find_process(serial) != nullptr) finish();
                    });
  };
  if (program_ != nullptr && has_started_)
    spawn_stop(std::move(leave));
  else
    leave();
}

void Process::cut_off() {
  is_cut_off_ = true;
  disk_->cut_off();
  network_->cut_off();
}

bool Process::ghost_step() {
  std::vector<SimExecutor*> ready;
  for (const auto& executor : executors_)
    if (executor->has_work()) ready.push_back(executor.get());
  if (!ready.empty()) {
    SimExecutor& executor = *ready[random_.below(ready.size())];
    const World::Scope scope(world_, &executor, false);
    executor.run_one();
    return true;
  }
  if (!pool_queue_.empty()) {
    Blocking job = std::move(pool_queue_.front());
    pool_queue_.pop_front();
    {
      const World::Scope scope(world_, nullptr, true);
      job.work();
    }
    job.back->post(std::move(job.done));
    return true;
  }
  SimExecutor* next = nullptr;
  for (const auto& executor : executors_) {
    const auto timer = executor->next_timer();
    if (timer && (next == nullptr || *timer < *next->next_timer())) next = executor.get();
  }
  if (next == nullptr) return false;
  ghost_ns_ += std::max<int64_t>(0, next->next_timer()->ns - now().ns);
  next->fire_next();
  return true;
}

void Process::run_ghost() {
  if (stop_ == Stop::kNotCalled) spawn_stop({});
  for (auto& [id, job] : std::exchange(finishing_, {})) job.back->post(std::move(job.done));
  for (uint64_t steps = 0; stop_ != Stop::kDone; ++steps) {
    SEMEL_ASSERT(steps < kGhostSteps, "stop() of a killed program does not end");
    const bool has_moved = ghost_step();
    SEMEL_ASSERT(has_moved, "stop() of a killed program waits for something that never comes");
  }
}

/// Loops that stop() has told to end, but has not waited for, end here.
void Process::drain_ghost() {
  for (auto& [id, job] : std::exchange(finishing_, {})) job.back->post(std::move(job.done));
  const int64_t end = ghost_ns_ + kDrain.count();
  for (uint64_t steps = 0; steps < kDrainSteps && ghost_ns_ < end; ++steps)
    if (!ghost_step()) return;
}

void Process::tear_down() {
  if (is_dead_) return;
  if (!is_cut_off_) cut_off();
  is_ghost_ = true;
  is_paused_ = false;
  if (program_ != nullptr) {
    if (has_started_ && stop_ != Stop::kDone) run_ghost();
    if (has_started_) drain_ghost();
    program_.reset();
  }
  is_dead_ = true;
  for (const auto& executor : executors_) executor->stop();
  pool_queue_.clear();
  finishing_.clear();
}

}  // namespace semel::rt::sim
