// Process: one life of a program on a simulated node, from boot to exit or death.
//
// Death. kill() is abrupt for the world and orderly for the program's memory: at one instant the
// disk and the network of the process go dead (nothing it does reaches a file or a peer any more,
// every call fails), then Program::stop() runs to its end in a ghost time of its own while the
// world stands still, then the program is destroyed. So no frame and no buffer leaks, and what the
// disk holds is what it held at the instant of death. A stop() that waits for something that never
// comes is reported as a bug.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "rt/runtime.h"
#include "rt/sim/executor.h"
#include "rt/sim/random.h"

namespace semel::rt::sim {

class Node;
class World;
class SimDisk;
class SimNetwork;

/// What runs in a process: a broker, a client.
class Program {
 public:
  virtual ~Program() = default;
  /// Runs on executor 0 right after boot; if the process dies before, neither start nor stop run.
  virtual void start() = 0;
  /// Ends everything; called once, on executor 0, also when disk and network are dead. The program
  /// is destroyed after it returned, with no executor current.
  virtual Task<void> stop() = 0;
};

class SimClock final : public Clock {
 public:
  explicit SimClock(Process& process) : process_(process) {}
  Instant now() const override;
  int64_t unix_ms() const override;

 private:
  Process& process_;
};

class Process {
 public:
  Process(World& world, Node& node, uint64_t serial, uint32_t executors);
  ~Process();

  World& world() { return world_; }
  Node& node() { return node_; }
  uint64_t serial() const { return serial_; }
  bool is_dead() const { return is_dead_; }
  bool is_stopping() const { return stop_ != Stop::kNotCalled; }
  const Runtime& runtime() const { return runtime_; }
  Runtime& runtime() { return runtime_; }
  SimExecutor& executor(uint32_t index = 0) { return *executors_[index]; }
  Clock& clock() { return clock_; }
  SimRandom& random() { return random_; }
  SimDisk& disk() { return *disk_; }
  SimNetwork& network() { return *network_; }
  Program* program() { return program_.get(); }

  /// Hands the program over and posts its start().
  void run(std::unique_ptr<Program> program);

  // For executors:
  void wake(SimExecutor& executor);
  void schedule_timer(SimExecutor& executor, Instant when, uint64_t id);
  uint64_t next_timer_id() { return ++last_timer_; }
  bool is_current(const SimExecutor& executor) const;
  /// Current, or called from outside the world (set-up code of a test).
  bool may_act_as(const SimExecutor& executor) const;

  // For the disk:
  struct Blocking {
    UniqueFunction<void()> work;
    Executor* back = nullptr;
    UniqueFunction<void()> done;
  };
  void run_blocking(Blocking job);
  /// The current piece of work takes this much longer.
  void charge(Duration cost) { cost_ += cost; }
  /// The process dies at the next chance; until then its disk and network are dead already.
  void die_soon(bool with_power);

  // For the world and the node:
  void run_step(uint32_t executor);
  void run_timer(uint32_t executor, uint64_t timer);
  void run_pool_job();
  void set_paused(bool paused);
  /// Stops the program in the living world; `done` runs outside of the process after stop() ended.
  void begin_shutdown(UniqueFunction<void()> done);
  /// Cuts disk and network off, lets stop() end in ghost time, destroys the program, drops all
  /// work.
  void tear_down();
  void cut_off();
  Instant now() const;

 private:
  void schedule_step(SimExecutor& executor);
  void start_pool_job();
  void finish_pool_job(uint64_t job);
  bool ghost_step();
  void run_ghost();
  void drain_ghost();
  enum class Stop : uint8_t { kNotCalled, kRunning, kDone };
  void spawn_stop(UniqueFunction<void()> after);

  World& world_;
  Node& node_;
  uint64_t serial_;
  SimRandom random_;
  SimClock clock_;
  int64_t monotonic_base_ns_;
  int64_t ghost_ns_ = 0;
  bool is_dead_ = false;
  bool is_cut_off_ = false;
  bool is_paused_ = false;
  bool is_ghost_ = false;
  bool has_started_ = false;
  uint64_t last_timer_ = 0;
  uint32_t busy_pool_threads_ = 0;
  Duration cost_{};
  Stop stop_ = Stop::kNotCalled;
  uint64_t last_job_ = 0;
  std::deque<Blocking> pool_queue_;
  std::map<uint64_t, Blocking> finishing_;  // work is done, `done` comes after the virtual latency
  std::vector<std::unique_ptr<SimExecutor>> executors_;
  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<SimNetwork> network_;
  Runtime runtime_;
  std::unique_ptr<Program> program_;
};

}  // namespace semel::rt::sim
