// Waiting must not allocate: a count of all allocations of the process while streams, timers, mail
// and the pool do what they do in a warm broker.
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/linux/system_combiner.h"
#include "rt/linux/test_runtime.h"
#include "rt/memory_stream.h"
#include "rt/stream_io.h"

namespace {

std::atomic<uint64_t> allocations{0};

}  // namespace

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/allocator_interface.h>

static const int kHooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { allocations.fetch_add(1, std::memory_order_relaxed); },
    [](const volatile void*) {});
#else
static const int kHooked = 1;

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* place = std::malloc(size);
  if (place == nullptr) std::abort();
  return place;
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, size_t) noexcept { std::free(place); }
#endif

namespace semel::rt {
namespace {

using std::chrono::seconds;

constexpr int kWarmUp = 200;
constexpr int kRounds = 1000;

WaitLimits soon(Executor& executor, const CancelToken& token) {
  return {.deadline = executor.clock().now() + seconds(10), .cancel = &token};
}

// Every wait has a deadline and a token, so that timers and cancellation are counted too.
Task<void> echo(Stream& stream, CancelToken token) {
  std::array<std::byte, 512> chunk;
  while (true) {
    auto count = co_await read_some(stream, chunk, soon(stream.executor(), token));
    if (!count || *count == 0) co_return;
    auto sent = co_await write_all(stream, std::span(chunk).first(*count));
    if (!sent) co_return;
  }
}

Task<void> echo_and_leave(std::unique_ptr<Stream> stream, CancelToken token, Gate::Entry) {
  co_await echo(*stream, token);
}

Task<void> ping(Stream& stream, CancelToken token, int rounds) {
  std::array<std::byte, 100> text{};
  for (int i = 0; i < rounds; ++i) {
    auto sent = co_await write_all(stream, text);
    EXPECT_TRUE(sent.has_value());
    auto got = co_await read_exactly(stream, text, soon(stream.executor(), token));
    EXPECT_TRUE(got.has_value());
  }
}

Task<void> count_pings(Stream& stream, CancelToken token, uint64_t* counted) {
  co_await ping(stream, token, kWarmUp);
  const uint64_t before = allocations.load();
  co_await ping(stream, token, kRounds);
  *counted = allocations.load() - before;
}

TEST(Allocations, AreCounted) {
  EXPECT_NE(kHooked, 0);
  const uint64_t before = allocations.load();
  const auto kept = std::make_unique<std::string>(100, 'x');
  EXPECT_GT(allocations.load(), before);
}

Task<void> connect_and_count(Runtime& runtime, Address address, CancelToken token,
                             uint64_t* counted) {
  auto stream = co_await runtime.network->connect(*runtime.executors[0], address, seconds(5));
  EXPECT_TRUE(stream.has_value());
  if (stream) co_await count_pings(**stream, token, counted);
}

TEST(Allocations, NoneForAThousandRoundsOverASocket) {
  StartedRuntime os(2);
  auto on_accept = [&](std::unique_ptr<Stream> stream) {
    spawn(echo_and_leave(std::move(stream), os.token(), os.gate().enter()));
  };
  Executor* const other[] = {&os.executor(1)};
  auto listener = os->network->listen({"127.0.0.1", 0}, other, on_accept);
  uint64_t counted = 1;
  os.run([&] { return connect_and_count(*os, (*listener)->local(), os.token(), &counted); });
  EXPECT_EQ(counted, 0u);
}

TEST(Allocations, NoneForAThousandRoundsOverAMemoryStream) {
  StartedRuntime os(2);
  auto [left, right] = make_memory_streams(os.executor(0), os.executor(1), 4096);
  os.on(1, [&, &stream = right] {
    spawn(echo_and_leave(std::move(stream), os.token(), os.gate().enter()));
  });
  uint64_t counted = 1;
  os.run([&, &stream = left] { return count_pings(*stream, os.token(), &counted); });
  EXPECT_EQ(counted, 0u);
  os.on(0, [&, &stream = left] { stream.reset(); });
}

Task<void> use_pool(Disk& disk, Executor& executor, int rounds, int* sum) {
  for (int i = 0; i < rounds; ++i) {
    auto add = [sum] { return *sum + 1; };
    auto more = co_await run_blocking(disk, executor, add);
    *sum = more;
    co_await resume_on(executor);
    executor.post([sum] { ++*sum; });
    co_await resume_on(executor);
  }
}

Task<void> count_pool(Disk& disk, Executor& executor, uint64_t* counted) {
  int sum = 0;
  co_await use_pool(disk, executor, kWarmUp, &sum);
  const uint64_t before = allocations.load();
  co_await use_pool(disk, executor, kRounds, &sum);
  *counted = allocations.load() - before;
  EXPECT_EQ(sum, 2 * (kRounds + kWarmUp));
}

TEST(Allocations, NoneForThePoolAndPosts) {
  StartedRuntime os(1, 1);
  uint64_t counted = 1;
  os.run([&] { return count_pool(*os->disk, os.executor(), &counted); });
  EXPECT_EQ(counted, 0u);
}

TEST(Allocations, NoneForTheCombiner) {
  int drained = 0;
  linux_os::SystemCombiner combiner([&](Combiner::Entry&) { ++drained; });
  const uint64_t before = allocations.load();
  for (int i = 0; i < kRounds; ++i) {
    Combiner::Entry entry;
    combiner.push(entry);
  }
  EXPECT_EQ(allocations.load(), before);
  EXPECT_EQ(drained, kRounds);
}

}  // namespace
}  // namespace semel::rt
