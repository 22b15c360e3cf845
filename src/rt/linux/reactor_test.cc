#include "rt/linux/reactor.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/guarded.h"
#include "rt/linux/system_combiner.h"
#include "rt/linux/test_runtime.h"
#include "rt/linux/timer_heap.h"
#include "rt/memory_stream.h"
#include "rt/stream_io.h"

namespace semel::rt {
namespace {

using linux_os::SystemCombiner;
using linux_os::TimerHeap;
using std::chrono::milliseconds;

TEST(TimerHeap, RunsInOrderAndCancelsExactly) {
  TimerHeap heap;
  std::mt19937 random(7);
  std::vector<std::pair<int64_t, int>> expected;
  std::vector<TimerId> ids;
  std::vector<std::pair<int64_t, int>> ran;
  for (int i = 0; i < 5000; ++i) {
    const int64_t when = random() % 1000;
    ids.push_back(heap.add({when}, [&ran, when, i] { ran.emplace_back(when, i); }));
    expected.emplace_back(when, i);
  }
  for (int i = 0; i < 5000; i += 3) {
    EXPECT_TRUE(heap.cancel(ids[i]));
    EXPECT_FALSE(heap.cancel(ids[i]));
  }
  std::erase_if(expected, [](const auto& entry) { return entry.second % 3 == 0; });
  EXPECT_EQ(heap.size(), expected.size());
  std::ranges::sort(expected);  // equal instants: in the order of adding
  while (!heap.empty()) {
    const Instant next = heap.next();
    auto work = heap.pop();
    work();
    EXPECT_EQ(ran.back().first, next.ns);
  }
  EXPECT_EQ(ran, expected);
  EXPECT_FALSE(heap.cancel(ids[1]));
  EXPECT_FALSE(heap.cancel({}));
}

TEST(Reactor, RunsMailOfOneThreadInOrder) {
  StartedRuntime os;
  std::vector<int> seen;
  for (int i = 0; i < 10'000; ++i) os.executor().post([&seen, i] { seen.push_back(i); });
  os.on(0, [] {});
  ASSERT_EQ(seen.size(), 10'000u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST(Reactor, OwnMailComesBehindWhatOthersPostedBefore) {
  StartedRuntime os;
  std::vector<int> seen;
  std::promise<void> ended;
  os.on(0, [&] {
    std::thread other([&] { os.executor().post([&] { seen.push_back(1); }); });
    other.join();
    os.executor().post([&] {
      seen.push_back(2);
      ended.set_value();
    });
  });
  ended.get_future().wait();
  EXPECT_EQ(seen, (std::vector{1, 2}));
}

TEST(Reactor, TimersRunOnTimeAndCanBeCancelled) {
  StartedRuntime os;
  std::promise<Instant> ran;
  std::atomic<bool> cancelled_ran = false;
  Instant start;
  os.on(0, [&] {
    Executor& executor = os.executor();
    start = executor.clock().now();
    executor.run_at(start + milliseconds(20), [&] { ran.set_value(executor.clock().now()); });
    const TimerId other = executor.run_at(start + milliseconds(5), [&] { cancelled_ran = true; });
    EXPECT_TRUE(executor.cancel(other));
    EXPECT_FALSE(executor.cancel(other));
  });
  const Duration took = ran.get_future().get() - start;
  EXPECT_GE(took, milliseconds(20));
  EXPECT_LT(took, milliseconds(1000));
  EXPECT_FALSE(cancelled_ran);
}

TEST(Reactor, WorkPostedAfterStopIsDestroyedUnrun) {
  auto os = std::move(*LinuxRuntime::create({.reactors = 2}));
  Executor& executor = *os->runtime().executors[1];
  os->start();
  os->stop();
  auto token = std::make_shared<int>(1);
  executor.post([token] { ADD_FAILURE(); });
  EXPECT_EQ(token.use_count(), 1);
  os->runtime().disk->run_blocking([token] { ADD_FAILURE(); }, executor,
                                   [token] { ADD_FAILURE(); });
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Reactor, PendingWorkAndTimersAreDestroyedAtStop) {
  auto os = std::move(*LinuxRuntime::create({}));
  Executor& executor = *os->runtime().executors[0];
  auto token = std::make_shared<int>(1);
  executor.post([&, token] {
    executor.run_at(executor.clock().now() + std::chrono::hours(1), [token] { ADD_FAILURE(); });
    os->request_stop();
    executor.post([token] { ADD_FAILURE(); });
  });
  os->run();
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Reactor, SignalsArriveAsEvents) {
  auto os = std::move(*LinuxRuntime::create({}));
  int seen = 0;
  const int watched[] = {SIGUSR1};
  ASSERT_TRUE(os->watch_signals(watched, [&](int number) {
    seen = number;
    os->request_stop();
  }));
  os->runtime().executors[0]->post([] { ::raise(SIGUSR1); });
  os->run();
  EXPECT_EQ(seen, SIGUSR1);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// Every poster sends a counting mail that it may post again once it ran.
struct CountingMail final : Mail {
  void run() override {
    ++*count;
    is_free.store(true, std::memory_order_release);
  }
  int* count = nullptr;
  std::atomic<bool> is_free{true};
};

TEST(Reactor, MailFromManyThreadsIsNeitherLostNorDoubled) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  StartedRuntime os;
  int count = 0;  // touched on the executor only
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        CountingMail mail;
        mail.count = &count;
        for (int i = 0; i < kRounds; ++i) {
          mail.is_free.store(false, std::memory_order_relaxed);
          os.executor().post(mail);
          while (!mail.is_free.load(std::memory_order_acquire)) std::this_thread::yield();
        }
      });
    }
  }
  os.on(0, [&] { EXPECT_EQ(count, kThreads * kRounds); });
}

struct Numbered : Combiner::Entry {
  int thread = 0;
  int number = 0;
};

TEST(Combiner, DrainsInOrderOnceAndByOneAtATime) {
  constexpr int kThreads = 4;
  constexpr int kEntries = 20'000;
  std::vector<std::vector<Numbered>> entries(kThreads, std::vector<Numbered>(kEntries));
  std::vector<int> next(kThreads, 0);  // plain: the combiner is what protects it
  std::atomic<int> inside = 0;
  int drained = 0;
  SystemCombiner combiner([&](Combiner::Entry& entry) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    auto& numbered = static_cast<Numbered&>(entry);
    EXPECT_EQ(numbered.number, next[numbered.thread]++);
    ++drained;
    inside.fetch_sub(1);
  });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEntries; ++i) {
          entries[t][i].thread = t;
          entries[t][i].number = i;
          combiner.push(entries[t][i]);
        }
      });
    }
  }
  EXPECT_EQ(drained, kThreads * kEntries);
}

TEST(Combiner, TakesEntriesThatTheDrainPushes) {
  std::vector<int> seen;
  Numbered later;
  later.number = 2;
  SystemCombiner* self = nullptr;
  SystemCombiner combiner([&](Combiner::Entry& entry) {
    const int number = static_cast<Numbered&>(entry).number;
    seen.push_back(number);
    if (number == 1) self->push(later);
    if (number == 1) seen.push_back(10);  // not drained inside the drain
  });
  self = &combiner;
  Numbered first;
  first.number = 1;
  combiner.push(first);
  EXPECT_EQ(seen, (std::vector{1, 10, 2}));
}

TEST(Combiner, EndsATurnWhenAllThatWaitedWasHandled) {
  std::vector<int> seen;
  SystemCombiner combiner(
      [&](Combiner::Entry& entry) { seen.push_back(static_cast<Numbered&>(entry).number); },
      [&] { seen.push_back(-1); });
  std::vector<Numbered> entries(70);
  for (int i = 0; i < 70; ++i) {
    entries[i].number = i;
    combiner.enqueue(entries[i]);
  }
  EXPECT_TRUE(seen.empty());
  combiner.drain();
  ASSERT_EQ(seen.size(), 72u);
  EXPECT_EQ(seen[64], -1) << "a turn has at most 64";
  EXPECT_EQ(seen.back(), -1);
  combiner.drain();
  EXPECT_EQ(seen.size(), 72u) << "nothing waited";
}

TEST(Reactor, RunsWhatWasPutOffBehindThePass) {
  StartedRuntime os;
  std::vector<int> seen;
  struct Note final : Mail {
    Note(std::vector<int>& all, int n) : seen(all), number(n) {}
    void run() override {
      seen.push_back(number);
      if (next != nullptr) executor->post(*next);
    }
    std::vector<int>& seen;
    int number;
    Note* next = nullptr;
    Executor* executor = nullptr;
  };
  Note follows(seen, 4), last(seen, 3), first(seen, 1), second(seen, 2);
  last.next = &follows;
  last.executor = &os.executor();
  os.on(0, [&] {
    os.executor().post_last(last);
    os.executor().post(first);
    os.executor().post(second);
  });
  while (true) {
    size_t count = 0;
    os.on(0, [&] { count = seen.size(); });
    if (count == 4) break;
  }
  // What the pass itself queued comes behind it, and then what was put off has run already.
  EXPECT_EQ(seen, (std::vector{3, 1, 2, 4}));
}

TEST(Guarded, HoldsUpUnderThreads) {
  Guarded<std::vector<int>> numbers;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) {
          if (i % 2 == 0) numbers.lock()->push_back(i);
          if (i % 2 == 1) numbers.with([&](auto& list) { list.push_back(i); });
        }
      });
    }
  }
  EXPECT_EQ(numbers.lock()->size(), 20'000u);
}

Task<void> send_pattern(Stream& stream, size_t size) {
  std::vector<std::byte> chunk(333);
  for (size_t at = 0; at < size; at += chunk.size()) {
    for (size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<std::byte>((at + i) % 251);
    auto sent = co_await write_all(stream, chunk);
    EXPECT_TRUE(sent.has_value());
  }
  stream.close();
}

Task<void> check_pattern(Stream& stream, size_t* total) {
  std::vector<std::byte> chunk(400);
  while (true) {
    auto count = co_await read_some(stream, chunk);
    EXPECT_TRUE(count.has_value());
    if (!count || *count == 0) co_return;
    for (size_t i = 0; i < *count; ++i) {
      if (chunk[i] != static_cast<std::byte>((*total + i) % 251)) ADD_FAILURE() << *total + i;
    }
    *total += *count;
  }
}

TEST(MemoryStream, CarriesBytesBetweenExecutors) {
  constexpr size_t kSize = 333 * 5000;
  StartedRuntime os(2);
  auto [left, right] = make_memory_streams(os.executor(0), os.executor(1), 1000);
  os.executor(0).post([&stream = *left] { spawn(send_pattern(stream, kSize)); });
  size_t total = 0;
  os.run([&] { return check_pattern(*right, &total); }, 1);
  EXPECT_EQ(total, kSize);
  os.on(0, [&] { left.reset(); });
  os.on(1, [&] { right.reset(); });
}

Task<void> ring_back(Doorbell& mine, Doorbell& theirs, int rounds, bool begins) {
  for (int i = 0; i < rounds; ++i) {
    if (begins) theirs.ring();
    co_await mine.wait();
    if (!begins) theirs.ring();
  }
}

TEST(Doorbell, RingsBetweenThreads) {
  StartedRuntime os(2);
  Doorbell first(os.executor(0));
  Doorbell second(os.executor(1));
  std::promise<void> other_ended;
  os.executor(1).post([&] {
    auto body = [](Doorbell& a, Doorbell& b, std::promise<void>* p) -> Task<void> {
      co_await ring_back(a, b, 5000, false);
      p->set_value();
    };
    spawn(body(second, first, &other_ended));
  });
  os.run([&] { return ring_back(first, second, 5000, true); });
  other_ended.get_future().wait();
}

Task<void> wait_or_give_up(OneShot<int>* shot, Executor& executor, CancelToken token, int* taken) {
  const WaitLimits limits{.deadline = executor.clock().now() + std::chrono::microseconds(50),
                          .cancel = &token};
  auto value = co_await shot->wait(limits);
  if (value) ++*taken;
}

TEST(OneShot, SetRacesWithDeadlineAndCancellation) {
  StartedRuntime os(1);
  int taken = 0;
  for (int i = 0; i < 2000; ++i) {
    OneShot<int> shot(os.executor());
    CancelSource source;
    std::jthread setter([&, i] {
      if (i % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 100));
      if (i % 5 == 0) source.cancel();
      shot.set(i);
    });
    os.run([&] { return wait_or_give_up(&shot, os.executor(), source.token(), &taken); });
  }
  EXPECT_GT(taken, 0);
}

Task<void> sum_on_pool(Disk& disk, Executor& executor, std::vector<int>* sums) {
  for (int i = 0; i < 50; ++i) {
    auto add = [i] { return i + 1; };
    auto sum = co_await run_blocking(disk, executor, add);
    EXPECT_TRUE(executor.is_current());
    sums->push_back(sum);
    auto nothing = [] {};
    co_await run_blocking(disk, executor, nothing);
  }
}

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours = linux_os::FileHandle(ends[0]);
    theirs = linux_os::FileHandle(ends[1]);
  }
  void send() { EXPECT_EQ(::send(theirs.get(), "x", 1, 0), 1); }
  int drain() {
    char byte = 0;
    int count = 0;
    while (::recv(ours.get(), &byte, 1, 0) == 1) ++count;
    return count;
  }
  linux_os::FileHandle ours, theirs;
};

struct Woken final : Mail {
  void run() override { at.set_value(); }
  std::promise<void> at;
};

TEST(Reactor, BytesThatNobodyWaitsForDoNotWakeItForEver) {
  StartedRuntime os;
  auto& reactor = dynamic_cast<linux_os::Reactor&>(os.executor());
  Pair pair;
  linux_os::Descriptor descriptor;
  os.on(0, [&] { ASSERT_TRUE(descriptor.attach(reactor, pair.ours.get()).has_value()); });
  for (int i = 0; i < 20; ++i) {
    pair.send();
    os.on(0, [] {});  // each wakes it from epoll
    os.on(0, [] {});
  }
  os.on(0, [&] {
    EXPECT_FALSE(descriptor.hears_reads());
    EXPECT_EQ(pair.drain(), 20);
    descriptor.mark_blocked(linux_os::Descriptor::kRead);
  });
  // Comes while nobody listens, and must wake who waits afterwards.
  pair.send();
  for (const bool is_there_already : {true, false}) {
    Woken woken;
    os.on(0, [&] {
      if (!is_there_already) EXPECT_EQ(pair.drain(), 1);
      descriptor.mark_blocked(linux_os::Descriptor::kRead);
      descriptor.wait(linux_os::Descriptor::kRead, woken);
      EXPECT_TRUE(descriptor.hears_reads());
    });
    if (!is_there_already) pair.send();
    EXPECT_EQ(woken.at.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }
  os.on(0, [&] { descriptor.detach(); });
}

TEST(IoPool, CalculationsRunAtLowPriority) {
  StartedRuntime os;
  std::promise<std::pair<int, int>> nice;
  auto own_nice = [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
  int on_calculation = 0;
  os->disk->run_calculation([&] { on_calculation = own_nice(); }, os.executor(),
                            [&] { nice.set_value({on_calculation, own_nice()}); });
  const auto [low, normal] = nice.get_future().get();
  EXPECT_EQ(low, std::min(normal + 10, 19));
}

TEST(IoPool, RunsWorkAndComesBack) {
  StartedRuntime os(2);
  std::vector<int> sums;
  os.run([&] { return sum_on_pool(*os->disk, os.executor(1), &sums); }, 1);
  ASSERT_EQ(sums.size(), 50u);
  EXPECT_EQ(sums.back(), 50);
}

TEST(IoPool, RunsAsManyAtATimeAsItHasThreads) {
  StartedRuntime os(1, 3);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  std::promise<void> all;
  for (int i = 0; i < 30; ++i) {
    os->disk->run_blocking(
        [&] {
          const int now = ++inside;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          std::this_thread::sleep_for(milliseconds(2));
          --inside;
        },
        os.executor(),
        [&] {
          if (++done == 30) all.set_value();
        });
  }
  all.get_future().wait();
  EXPECT_EQ(most, 3);
}

TEST(SystemRandom, WordsDiffer) {
  StartedRuntime os;
  std::vector<uint64_t> words;
  for (int i = 0; i < 1000; ++i) words.push_back(os->random->next());
  std::ranges::sort(words);
  EXPECT_EQ(std::ranges::adjacent_find(words), words.end());
}

}  // namespace
}  // namespace semel::rt
