// World: a whole network of simulated machines in one thread, with one clock, one queue of events
// and one source of chance. The same seed gives the same trace hash.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rt/plants.h"
#include "rt/sim/fabric.h"
#include "rt/sim/file_system.h"
#include "rt/sim/node.h"
#include "rt/sim/process.h"
#include "rt/sim/random.h"
#include "rt/sim/trace.h"

namespace semel::rt::sim {

struct WorldOptions {
  NetworkOptions network;
  Duration step_min = std::chrono::nanoseconds{200};  // what a piece of work takes on a reactor
  Duration step_max = std::chrono::microseconds{8};
  uint32_t pool_threads = 4;              // per process
  uint32_t combiner_taken_ppm = 250'000;  // pushes that find the lock taken
  uint32_t long_step_ppm = 500;           // pieces of work that take 1,000 times as long
  int64_t unix_start_ms = 1'750'000'000'000;
  const Plants* plants = nullptr;
};

class World {
 public:
  explicit World(uint64_t seed, WorldOptions options = {});
  /// Kills what runs.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// `name` is the node's host name.
  Node& add_node(const std::string& name, DiskOptions disk = {});
  Node& node(std::string_view name);
  /// Kills what runs (kill -9), e.g. before what programs refer to goes away.
  void kill_all();
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  /// The node that has this host name, or null.
  Node* find_node(std::string_view host);

  uint64_t seed() const { return seed_; }
  WorldOptions& options() { return options_; }
  Fabric& fabric() { return fabric_; }
  SimRandom& random() { return random_; }
  Trace& trace() { return trace_; }
  /// Time since the world began.
  Instant now() const { return Instant{now_ns_}; }

  /// The machines stand still for this long in the middle of what runs now (a blocking call).
  void stall(Duration duration) { now_ns_ += duration.count(); }
  /// Runs `work` after this time, outside of every process.
  void schedule(Duration after, UniqueFunction<void()> work);
  /// Runs the next event; false if there is none.
  bool step();
  void run_for(Duration duration);
  /// Runs until `is_done()`; false if `limit` passes before, or nothing is left to happen.
  bool run_until(const std::function<bool()>& is_done, Duration limit);
  /// Runs `task` on executor 0 of `process` and the world until the task is done.
  template <class T>
  T run(Process& process, Task<T> task, Duration limit = std::chrono::minutes{10});

  // For processes:
  enum class EventKind : uint8_t { kStep, kTimer, kPool, kCall };
  void schedule_event(EventKind kind, Process& process, uint32_t executor, uint64_t id, int64_t at);
  const SimExecutor* current() const { return current_; }
  bool is_outside() const { return current_ == nullptr && !is_in_pool_; }
  /// Sets who is current for a scope.
  class Scope {
   public:
    Scope(World& world, const SimExecutor* executor, bool in_pool)
        : world_(world), before_(world.current_), was_in_pool_(world.is_in_pool_) {
      world.current_ = executor;
      world.is_in_pool_ = in_pool;
    }
    ~Scope() {
      world_.current_ = before_;
      world_.is_in_pool_ = was_in_pool_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    World& world_;
    const SimExecutor* before_;
    bool was_in_pool_;
  };
  void add_process(Process& process) { processes_[process.serial()] = &process; }
  void remove_process(Process& process) { processes_.erase(process.serial()); }
  Process* find_process(uint64_t serial) {
    const auto found = processes_.find(serial);
    return found == processes_.end() ? nullptr : found->second;
  }
  uint64_t next_serial() { return ++last_serial_; }

 private:
  struct Event {
    int64_t at;
    uint64_t tie;  // drawn: equal times run in a random order
    uint64_t number;
    EventKind kind;
    uint32_t executor = 0;
    uint64_t process = 0;
    uint64_t id = 0;
    UniqueFunction<void()> work;
    bool operator<(const Event& other) const {
      if (at != other.at) return at > other.at;
      if (tie != other.tie) return tie > other.tie;
      return number > other.number;
    }
  };
  void push(Event event);
  void run(Event& event);

  uint64_t seed_;
  WorldOptions options_;
  SimRandom random_;
  Trace trace_;
  Fabric fabric_;
  int64_t now_ns_ = 0;
  uint64_t last_event_ = 0;
  uint64_t last_serial_ = 0;
  bool is_in_pool_ = false;
  const SimExecutor* current_ = nullptr;
  std::vector<Event> events_;  // a heap
  std::map<uint64_t, Process*> processes_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

namespace detail {

template <class T>
Task<void> store_result(Task<T> task, std::optional<T>& into) {
  auto result = co_await std::move(task);
  into.emplace(std::move(result));
}
inline Task<void> store_done(Task<void> task, bool& done) {
  co_await std::move(task);
  done = true;
}

}  // namespace detail

template <class T>
T World::run(Process& process, Task<T> task, Duration limit) {
  if constexpr (std::is_void_v<T>) {
    bool is_done = false;
    process.executor().post(
        [&task, &is_done] { spawn(detail::store_done(std::move(task), is_done)); });
    const bool has_ended = run_until([&is_done] { return is_done; }, limit);
    SEMEL_ASSERT(has_ended, "the task did not end within its limit");
  } else {
    std::optional<T> result;
    process.executor().post(
        [&task, &result] { spawn(detail::store_result(std::move(task), result)); });
    const bool has_ended = run_until([&result] { return result.has_value(); }, limit);
    SEMEL_ASSERT(has_ended, "the task did not end within its limit");
    return std::move(*result);
  }
}

}  // namespace semel::rt::sim
