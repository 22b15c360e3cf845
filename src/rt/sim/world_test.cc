#include "rt/sim/world.h"

#include <gtest/gtest.h>

#include "bytes/endian.h"
#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/gate.h"
#include "rt/sim/disk.h"
#include "rt/sim/network.h"
#include "rt/sim/stream.h"
#include "rt/stream_io.h"
#include "rt/wait.h"

namespace semel::rt::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Answers every byte with the next letter, notes it in a file, and beats in the background.
class EchoServer final : public Program {
 public:
  explicit EchoServer(Runtime runtime) : runtime_(std::move(runtime)) {}

  void start() override {
    auto listener = runtime_.network->listen(
        {"", 9}, runtime_.executors,
        [this](std::unique_ptr<Stream> stream) { spawn(serve(std::move(stream), gate_.enter())); });
    ASSERT_TRUE(listener) << listener.error().context;
    listener_ = std::move(*listener);
    spawn(beat(gate_.enter()));
  }

  Task<void> stop() override {
    if (listener_ != nullptr) listener_->close();
    cancel_.cancel();
    co_await gate_.close(*runtime_.executors[0]);
  }

 private:
  Task<void> beat(Gate::Entry entry) {
    const CancelToken token = cancel_.token();
    while (!token.is_cancelled()) {
      co_await pause(*runtime_.executors[0], {runtime_.clock->now() + milliseconds{50}, &token});
      auto written = co_await run_blocking(*runtime_.disk, *runtime_.executors[0],
                                           [this] { return note('.'); });
      if (!written) co_return;
    }
  }

  Result<void> note(char letter) {
    SEMEL_TRY(auto file, runtime_.disk->open("/notes", OpenMode::kCreate));
    SEMEL_TRY(const uint64_t size, file->size());
    const std::string text(1, letter);
    const bytes::ByteSpan part = bytes::as_bytes(text);
    return file->pwritev(size, {&part, 1});
  }

  Task<void> serve(std::unique_ptr<Stream> stream, Gate::Entry entry) {
    if (!entry) co_return;
    const CancelToken token = cancel_.token();
    while (!token.is_cancelled()) {
      auto outcome = co_await readable(*stream, {.cancel = &token});
      if (outcome != WaitOutcome::kReady) co_return;
      std::array<std::byte, 1> letter;
      const Transfer in = stream->try_read(letter);
      if (in.state == Transfer::State::kWouldBlock) continue;
      if (in.state != Transfer::State::kDone) co_return;
      auto written = co_await run_blocking(*runtime_.disk, stream->executor(),
                                           [&] { return note(static_cast<char>(letter[0])); });
      if (!written) co_return;
      letter[0] = static_cast<std::byte>(static_cast<char>(letter[0]) + 1);
      const bytes::ByteSpan part(letter);
      const Transfer out = stream->try_write({&part, 1}, false);
      if (out.state != Transfer::State::kDone) co_return;
    }
  }

  Runtime runtime_;
  Gate gate_;
  CancelSource cancel_;
  std::unique_ptr<Listener> listener_;
};

/// Sends `count` letters, one after another, over as many connections as it takes.
Task<int> talk(Runtime& runtime, int count) {
  Executor& executor = *runtime.executors[0];
  int answered = 0;
  while (answered < count) {
    auto stream = co_await runtime.network->connect(executor, {"server", 9}, seconds{1});
    if (!stream) {
      co_await sleep_for(executor, milliseconds{20});
      continue;
    }
    while (answered < count) {
      std::array<std::byte, 1> letter{std::byte{'a'}};
      const bytes::ByteSpan part(letter);
      if ((*stream)->try_write({&part, 1}, false).state != Transfer::State::kDone) break;
      Transfer in{Transfer::State::kWouldBlock, 0};
      bool is_late = false;
      while (in.state == Transfer::State::kWouldBlock && !is_late) {
        auto outcome = co_await readable(**stream, {runtime.clock->now() + seconds{2}});
        is_late = outcome == WaitOutcome::kDeadline;
        if (!is_late) in = (*stream)->try_read(letter);
      }
      if (is_late || in.state != Transfer::State::kDone) break;
      EXPECT_EQ(letter[0], std::byte{'b'});
      ++answered;
    }
  }
  co_return answered;
}

struct Outcome {
  uint64_t hash;
  uint64_t events;
  int answered;
};

Outcome run_seed(uint64_t seed) {
  WorldOptions options;
  options.network.reset_ppm = 5'000;
  World world(seed, options);
  Node& server = world.add_node("server");
  Node& client = world.add_node("client");
  const auto boot = [&server] {
    Process& process = server.boot(3);
    process.run(std::make_unique<EchoServer>(process.runtime()));
  };
  boot();
  for (int i = 1; i <= 6; ++i) {
    world.schedule(milliseconds{40 * i}, [&, i] {
      if (!server.is_running()) return;
      switch (world.random().below(5)) {
        case 0:
          return server.kill(i % 2 == 0 ? Death::kPower : Death::kProcess), boot();
        case 1:
          return server.pause();
        case 2:
          return world.fabric().isolate(server);
        case 3:
          return server.process()->disk().die_after_changes(3, true);
        default:
          world.fabric().cut_any();
      }
    });
  }
  for (int i = 1; i <= 30; ++i)
    world.schedule(milliseconds{40 * i + 25}, [&] {
      world.fabric().heal();
      server.resume();
      if (!server.is_running()) boot();
    });
  Process& process = client.boot(1);
  const int answered = world.run(process, talk(process.runtime(), 100));
  world.run_for(seconds{1});
  return {world.trace().hash(), world.trace().events(), answered};
}

TEST(World, SameSeedSameTrace) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const Outcome first = run_seed(seed);
    const Outcome second = run_seed(seed);
    EXPECT_EQ(first.hash, second.hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.answered, 100);
    hashes.insert(first.hash);
  }
  EXPECT_EQ(hashes.size(), 30u);
}

TEST(World, ExecutorsKeepTheirOrderAndMixWithOthers) {
  bool has_mixed = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    Process& process = world.add_node("n").boot(2);
    std::string order;
    for (int i = 0; i < 3; ++i) {
      process.executor(0).post([&order, i] { order += static_cast<char>('a' + i); });
      process.executor(1).post([&order, i] { order += static_cast<char>('A' + i); });
    }
    world.run_for(seconds{1});
    std::string lower, upper;
    for (const char c : order) (c >= 'a' ? lower : upper) += c;
    EXPECT_EQ(lower, "abc");
    EXPECT_EQ(upper, "ABC");
    has_mixed |= order != "aAbBcC" && order != "abcABC" && order != "ABCabc";
  }
  EXPECT_TRUE(has_mixed);
}

TEST(World, TimersRunInVirtualTime) {
  World world(1);
  Process& process = world.add_node("n").boot(1);
  SimExecutor& executor = process.executor();
  const Instant start = process.clock().now();
  std::vector<int> order;
  executor.post([&] {
    executor.run_at(start + seconds{20}, [&] { order.push_back(20); });
    const TimerId never = executor.run_at(start + seconds{10}, [&] { order.push_back(10); });
    executor.run_at(start + seconds{5}, [&, never] {
      order.push_back(5);
      EXPECT_TRUE(executor.cancel(never));
      EXPECT_FALSE(executor.cancel(never));
    });
  });
  world.run_for(seconds{30});
  EXPECT_EQ(order, (std::vector<int>{5, 20}));
  EXPECT_EQ(process.clock().now() - start, Duration(seconds{30}));
}

TEST(World, ADueTimerCanBeCancelledUntilItRuns) {
  World world(1);
  Process& process = world.add_node("n").boot(1);
  SimExecutor& executor = process.executor();
  int runs = 0;
  bool was_cancelled = false;
  executor.post([&] {
    const TimerId timer = executor.run_at(process.clock().now() + milliseconds{1}, [&] { ++runs; });
    executor.run_at(process.clock().now(), [&, timer] {
      process.charge(milliseconds{10});  // so that it is due before the next piece of work
      executor.post([&, timer] { was_cancelled = executor.cancel(timer); });
    });
  });
  world.run_for(seconds{1});
  EXPECT_EQ(was_cancelled, runs == 0);
  EXPECT_TRUE(was_cancelled);
}

TEST(World, WallClockJumpsAreNotMonotonicTime) {
  World world(1);
  Node& node = world.add_node("n");
  Process& process = node.boot(1);
  const Instant before = process.clock().now();
  const int64_t wall = process.clock().unix_ms();
  node.jump_wall_clock(-3'600'000);
  EXPECT_EQ(process.clock().now(), before);
  EXPECT_EQ(process.clock().unix_ms(), wall - 3'600'000);
}

TEST(World, APausedNodeStandsStill) {
  World world(1);
  Node& node = world.add_node("n");
  Process& process = node.boot(1);
  int ticks = 0;
  process.executor().post([&] {
    process.executor().run_at(process.clock().now() + milliseconds{10}, [&] { ++ticks; });
  });
  world.run_for(milliseconds{1});
  node.pause();
  world.run_for(seconds{1});
  EXPECT_EQ(ticks, 0);
  node.resume();
  world.run_for(milliseconds{1});
  EXPECT_EQ(ticks, 1);
}

TEST(World, KillDestroysProgramAndWork) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    World world(seed);
    Node& server = world.add_node("server");
    Process& process = server.boot(2);
    process.run(std::make_unique<EchoServer>(process.runtime()));
    auto alive = std::make_shared<int>(1);
    process.executor().post([&process, alive] {
      process.executor().run_at(process.clock().now() + seconds{3600}, [alive] {});
    });
    world.run_for(std::chrono::microseconds{static_cast<int64_t>(seed) * 7'000});
    server.kill(seed % 2 == 0 ? Death::kPower : Death::kProcess);
    EXPECT_EQ(alive.use_count(), 1);
    EXPECT_FALSE(server.is_running());
  }
}

TEST(World, ShutDownRunsInTheLivingWorld) {
  World world(3);
  Node& server = world.add_node("server");
  Process& process = server.boot(2);
  process.run(std::make_unique<EchoServer>(process.runtime()));
  world.run_for(milliseconds{200});
  server.shut_down();
  EXPECT_TRUE(world.run_until([&] { return !server.is_running(); }, seconds{1}));
  EXPECT_GE(server.file_system().contents().at("/notes").size(), 2u);
}

TEST(SimCombiner, DrainsEverythingInOrder) {
  bool was_taken = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    Process& process = world.add_node("n").boot(2);
    struct Item : Combiner::Entry {
      int number = 0;
    };
    std::vector<int> drained;
    auto combiner = process.runtime().make_combiner(
        [&](Combiner::Entry& entry) { drained.push_back(static_cast<Item&>(entry).number); }, {});
    std::array<Item, 20> items;
    std::vector<int> pushed;
    for (int i = 0; i < 20; ++i) {
      items[i].number = i;
      process.executor(static_cast<uint32_t>(i % 2)).post([&, i] {
        pushed.push_back(i);
        combiner->push(items[i]);
      });
    }
    world.run_for(seconds{1});
    EXPECT_EQ(drained, pushed);
    was_taken |= world.trace().probes().contains("combiner: drained by another reactor");
  }
  EXPECT_TRUE(was_taken);
}

}  // namespace
}  // namespace semel::rt::sim
