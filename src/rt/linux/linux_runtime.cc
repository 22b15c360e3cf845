#include "rt/linux/linux_runtime.h"

#include <thread>
#include <vector>

#include <fmt/format.h>
#include <signal.h>

#include "base/assert.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/reactor.h"
#include "rt/linux/signal_watch.h"
#include "rt/linux/system_clock.h"
#include "rt/linux/system_combiner.h"
#include "rt/linux/system_disk.h"
#include "rt/linux/system_network.h"
#include "rt/linux/system_random.h"
#include "rt/linux/thread_name.h"

namespace semel::rt {

using namespace linux_os;

struct LinuxRuntime::Parts {
  explicit Parts(const Options& options)
      : pool(options.io_threads),
        calculations(options.reactors, IoPool::Priority::kLow),
        disk(pool, calculations),
        network(disk) {}

  void start_thread(Reactor& reactor) {
    threads.emplace_back([&reactor] {
      name_this_thread(fmt::format("semel-{}", reactor.index()));
      reactor.run();
    });
  }

  SystemClock clock;
  SystemRandom random;
  std::vector<std::unique_ptr<Reactor>> reactors;
  IoPool pool;
  IoPool calculations;
  SystemDisk disk;
  SystemNetwork network;
  std::unique_ptr<SignalWatch> signals;
  std::vector<std::thread> threads;
  Runtime runtime;
  bool is_started = false;
};

Result<std::unique_ptr<LinuxRuntime>> LinuxRuntime::create(const Options& options) {
  SEMEL_ASSERT(options.reactors > 0 && options.io_threads > 0);
  ::signal(SIGPIPE, SIG_IGN);
  auto parts = std::make_unique<Parts>(options);
  for (uint32_t i = 0; i < options.reactors; ++i) {
    SEMEL_TRY(auto reactor, Reactor::create(i, parts->clock));
    parts->runtime.executors.push_back(reactor.get());
    parts->reactors.push_back(std::move(reactor));
  }
  parts->runtime.clock = &parts->clock;
  parts->runtime.disk = &parts->disk;
  parts->runtime.network = &parts->network;
  parts->runtime.random = &parts->random;
  parts->runtime.make_combiner = [](Combiner::Drain drain, Combiner::TurnEnd turn_end) {
    return std::make_unique<SystemCombiner>(std::move(drain), std::move(turn_end));
  };
  return std::unique_ptr<LinuxRuntime>(new LinuxRuntime(std::move(parts)));
}

LinuxRuntime::LinuxRuntime(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

LinuxRuntime::~LinuxRuntime() { stop(); }

Runtime& LinuxRuntime::runtime() { return parts_->runtime; }

void LinuxRuntime::run() {
  SEMEL_ASSERT(!std::exchange(parts_->is_started, true), "a runtime is started once");
  for (size_t i = 1; i < parts_->reactors.size(); ++i) parts_->start_thread(*parts_->reactors[i]);
  parts_->reactors.front()->run();
  stop();
}

void LinuxRuntime::start() {
  SEMEL_ASSERT(!std::exchange(parts_->is_started, true), "a runtime is started once");
  for (const auto& reactor : parts_->reactors) parts_->start_thread(*reactor);
}

void LinuxRuntime::request_stop() {
  for (const auto& reactor : parts_->reactors) reactor->request_stop();
}

void LinuxRuntime::stop() {
  request_stop();
  for (std::thread& thread : parts_->threads) thread.join();
  parts_->threads.clear();
  parts_->pool.stop();
  parts_->calculations.stop();
}

Result<void> LinuxRuntime::watch_signals(std::span<const int> signals,
                                         UniqueFunction<void(int)> on_signal) {
  SEMEL_ASSERT(!parts_->is_started && parts_->signals == nullptr);
  parts_->signals = std::make_unique<SignalWatch>(*parts_->reactors.front(), std::move(on_signal));
  return parts_->signals->start(signals);
}

}  // namespace semel::rt
