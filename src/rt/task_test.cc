#include "rt/task.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rt/blocking.h"
#include "rt/gate.h"
#include "rt/random.h"
#include "rt/test_executor.h"

namespace semel::rt {
namespace {

using std::chrono::milliseconds;

Task<int64_t> twice(int64_t n) { co_return 2 * n; }

Task<int64_t> sum_of_twices(int count) {
  int64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    auto value = co_await twice(i);
    sum += value;
  }
  co_return sum;
}

Task<void> store_sum(int count, int64_t* into) {
  auto sum = co_await sum_of_twices(count);
  *into = sum;
}

TEST(Task, MillionsOfChildrenNeedNoStack) {
  int64_t sum = -1;
  spawn(store_sum(1'000'000, &sum));
  EXPECT_EQ(sum, 999'999'000'000);
}

TEST(Task, StartsOnlyWhenAwaited) {
  bool ran = false;
  auto body = [](bool* flag) -> Task<void> {
    *flag = true;
    co_return;
  };
  {
    Task<void> unused = body(&ran);
  }
  EXPECT_FALSE(ran);
  spawn(body(&ran));
  EXPECT_TRUE(ran);
}

Task<std::unique_ptr<std::string>> make_text(std::string text) {
  co_return std::make_unique<std::string>(std::move(text));
}

Task<void> keep_text(std::string* into) {
  auto text = co_await make_text(std::string(100, 'x'));
  *into = *text;
}

TEST(Task, ReturnsMoveOnlyValues) {
  std::string text;
  spawn(keep_text(&text));
  EXPECT_EQ(text, std::string(100, 'x'));
}

Task<void> sleep_and_hop(Executor& first, Executor& second, std::vector<std::string>* trace) {
  trace->push_back("start");
  co_await sleep_for(first, milliseconds(10));
  trace->push_back("slept");
  co_await resume_on(second);
  trace->push_back("hopped");
}

TEST(Task, SleepsAndHops) {
  TestClock clock;
  TestExecutor first(clock, 0);
  TestExecutor second(clock, 1);
  std::vector<std::string> trace;
  spawn(sleep_and_hop(first, second, &trace));
  first.advance(milliseconds(9));
  EXPECT_EQ(trace, (std::vector<std::string>{"start"}));
  first.advance(milliseconds(1));
  EXPECT_EQ(trace, (std::vector<std::string>{"start", "slept"}));
  EXPECT_EQ(second.run_all(), 1);
  EXPECT_EQ(trace.back(), "hopped");
}

TEST(Frames, AreUsedAgain) {
  void* first = allocate_frame(200);
  free_frame(first, 200);
  void* second = allocate_frame(250);  // the same size class
  EXPECT_EQ(first, second);
  void* other_class = allocate_frame(300);
  EXPECT_NE(other_class, second);
  free_frame(second, 250);
  free_frame(other_class, 300);
  void* large = allocate_frame(100'000);
  free_frame(large, 100'000);
}

Task<void> work_inside(Executor& executor, Gate::Entry entry, Duration duration) {
  co_await sleep_for(executor, duration);
}

Task<void> close_gate(Gate& gate, Executor& executor, bool* closed) {
  co_await gate.close(executor);
  *closed = true;
}

TEST(Gate, ClosesWhenTheLastHasLeft) {
  TestClock clock;
  TestExecutor executor(clock);
  Gate gate;
  bool closed = false;
  spawn(work_inside(executor, gate.enter(), milliseconds(5)));
  spawn(work_inside(executor, gate.enter(), milliseconds(7)));
  EXPECT_EQ(gate.count(), 2u);
  spawn(close_gate(gate, executor, &closed));
  EXPECT_TRUE(gate.is_closed());
  EXPECT_FALSE(gate.enter());
  executor.advance(milliseconds(5));
  EXPECT_FALSE(closed);
  executor.advance(milliseconds(2));
  EXPECT_TRUE(closed);
}

TEST(Gate, ClosesAtOnceIfNobodyIsInside) {
  TestClock clock;
  TestExecutor executor(clock);
  Gate gate;
  {
    const auto entry = gate.enter();
  }
  bool closed = false;
  spawn(close_gate(gate, executor, &closed));
  EXPECT_TRUE(closed);
}

TEST(UniqueFunction, KeepsSmallCapturesInlineAndLargeOnes) {
  int value = 1;
  UniqueFunction<int(int)> small = [&value](int n) { return n + value; };
  EXPECT_EQ(small(2), 3);
  std::array<int, 40> many{};
  many[39] = 7;
  UniqueFunction<int()> large = [many] { return many[39]; };
  UniqueFunction<int()> moved = std::move(large);
  EXPECT_FALSE(large);  // NOLINT: moved-from is empty by contract
  EXPECT_EQ(moved(), 7);
  auto token = std::make_shared<int>(5);
  UniqueFunction<void()> holder = [token] {};
  EXPECT_EQ(token.use_count(), 2);
  holder = {};
  EXPECT_EQ(token.use_count(), 1);
}

class CountingRandom final : public Random {
 public:
  explicit CountingRandom(std::vector<uint64_t> words) : words_(std::move(words)) {}
  uint64_t next() override { return words_.at(used_++); }
  size_t used() const { return used_; }

 private:
  std::vector<uint64_t> words_;
  size_t used_ = 0;
};

TEST(Random, UuidsAreVersion4AndNeverBeginWithADash) {
  CountingRandom random({0xf800'0000'0000'0000, 0, 0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210});
  const Uuid id = random.uuid();  // the first draw begins with '-' in base64
  EXPECT_EQ(random.used(), 4u);
  EXPECT_EQ(id.high(), 0x0123'4567'89ab'4defu);
  EXPECT_EQ(id.low(), 0xbedc'ba98'7654'3210u);
  EXPECT_NE(id.to_text().front(), '-');
}

}  // namespace
}  // namespace semel::rt
