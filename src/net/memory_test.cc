// The memory budget and the slabs behind request frames.
#include <thread>

#include <gtest/gtest.h>

#include "net/memory_budget.h"
#include "net/memory_share.h"
#include "net/slab_pool.h"
#include "rt/linux/test_runtime.h"

namespace semel::net {
namespace {

struct Waiting final : MemoryBudget::Waiter {
  Waiting(rt::Executor& on, size_t bytes) {
    size = bytes;
    executor = &on;
  }
  void run() override { has_run = true; }
  std::atomic<bool> has_run{false};
};

class MemoryTest : public ::testing::Test {
 protected:
  bool runs(const Waiting& waiting) {
    runtime_.on(0, [] {});
    runtime_.on(0, [] {});
    return waiting.has_run;
  }
  rt::StartedRuntime runtime_;
};

TEST_F(MemoryTest, TheReserveIsForSmallRequests) {
  MemoryBudget budget(10_MiB, 2_MiB);
  EXPECT_EQ(budget.largest(), 8_MiB);
  EXPECT_TRUE(budget.try_reserve(8_MiB));
  EXPECT_FALSE(budget.try_reserve(64_KiB));
  for (int i = 0; i < 128; ++i) EXPECT_TRUE(budget.try_reserve(16_KiB));
  EXPECT_FALSE(budget.try_reserve(16_KiB));
  budget.release(10_MiB);
  EXPECT_EQ(budget.used(), 0u);
}

TEST_F(MemoryTest, LargeWaitersAreServedInTheirOrderAndHoldWhatTheyWaitedFor) {
  MemoryBudget budget(10_MiB, 2_MiB);
  ASSERT_TRUE(budget.try_reserve(7_MiB));
  Waiting first(runtime_.executor(), 6_MiB);
  Waiting second(runtime_.executor(), 1_MiB);
  budget.wait(first);
  budget.wait(second);
  EXPECT_FALSE(runs(first));
  EXPECT_FALSE(runs(second)) << "it would fit, but came later";
  EXPECT_FALSE(budget.try_reserve(64_KiB)) << "nobody overtakes";
  budget.release(7_MiB);
  EXPECT_TRUE(runs(first));
  EXPECT_TRUE(runs(second));
  EXPECT_EQ(budget.used(), 7_MiB);
  budget.release(7_MiB);
}

TEST_F(MemoryTest, ASmallWaiterPassesALargeOne) {
  MemoryBudget budget(4_MiB, 1_MiB);
  ASSERT_TRUE(budget.try_reserve(3_MiB));
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(budget.try_reserve(16_KiB));
  Waiting large(runtime_.executor(), 1_MiB);
  Waiting small(runtime_.executor(), 16_KiB);
  budget.wait(large);
  budget.wait(small);
  budget.release(16_KiB);
  EXPECT_TRUE(runs(small));
  EXPECT_FALSE(runs(large));
  EXPECT_TRUE(budget.cancel(large));
  EXPECT_FALSE(budget.cancel(small));
  budget.release(budget.used());
}

TEST_F(MemoryTest, SlabsComeBackFromAnyThread) {
  MemoryBudget budget(64_MiB, 1_MiB);
  std::optional<SlabPool> pool;
  std::vector<bytes::Buffer> held;
  runtime_.on(0, [&] {
    pool.emplace(budget, runtime_.executor());
    for (const size_t size : {100u, 20'000u, 100'000u, 900'000u, 5'000'000u}) {
      const size_t reserved = SlabPool::reserved_size(size);
      ASSERT_TRUE(budget.try_reserve(reserved));
      Slab slab = pool->take(reserved);
      EXPECT_GE(slab.capacity, size);
      slab.data[size - 1] = std::byte{7};
      held.push_back(slab.whole.slice(size - 1, 1));
    }
  });
  EXPECT_EQ(budget.used(), 16_KiB + 64_KiB + 256_KiB + 1_MiB + 5'000'000);
  for (const bytes::Buffer& slice : held) EXPECT_EQ(slice.data()[0], std::byte{7});
  held.clear();
  EXPECT_EQ(budget.used(), 0u);
  runtime_.on(0, [&] {
    ASSERT_TRUE(budget.try_reserve(16_KiB));
    const Slab again = pool->take(16_KiB);
    EXPECT_EQ(pool->kept_bytes(), 64_KiB + 256_KiB + 1_MiB) << "the returned ones were collected";
    EXPECT_EQ(pool->taken(), 6u);
  });
  EXPECT_EQ(budget.used(), 0u);
  runtime_.on(0, [&] {
    pool->trim();
    EXPECT_EQ(pool->kept_bytes(), 0u);
    pool.reset();
  });
}

TEST_F(MemoryTest, ASlabOutlivesItsPool) {
  MemoryBudget budget(4_MiB, 1_MiB);
  bytes::Buffer held;
  runtime_.on(0, [&] {
    SlabPool pool(budget, runtime_.executor());
    ASSERT_TRUE(budget.try_reserve(16_KiB));
    held = pool.take(16_KiB).whole;
  });
  EXPECT_EQ(budget.used(), 16_KiB);
  held = {};
  EXPECT_EQ(budget.used(), 0u);
}

struct Asking final : MemoryShare::Waiter {
  explicit Asking(size_t wanted) { bytes = wanted; }
  void run() override { has_run = true; }
  bool has_run = false;
};

class MemoryShareTest : public MemoryTest {
 protected:
  ~MemoryShareTest() override { EXPECT_EQ(budget_.used(), 0u); }
  /// Lets mail run.
  void turn() {
    runtime_.on(0, [] {});
    runtime_.on(0, [] {});
  }
  MemoryBudget budget_{20_MiB, 2_MiB};
  MemoryShare share_{budget_, runtime_.executor()};
};

TEST_F(MemoryShareTest, ALittleCostsNothingAndMoreIsReservedInSteps) {
  EXPECT_TRUE(share_.try_take(600_KiB));
  EXPECT_TRUE(share_.try_take(400_KiB));
  EXPECT_EQ(budget_.used(), 0u);
  EXPECT_TRUE(share_.try_take(100_KiB));
  EXPECT_EQ(budget_.used(), 1_MiB);
  EXPECT_TRUE(share_.try_take(9_MiB));
  EXPECT_EQ(budget_.used(), 10_MiB);
  share_.give_back(9_MiB);
  EXPECT_LE(budget_.used(), 1_MiB);
  share_.give_back(1100_KiB);
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(MemoryShareTest, WhenTheBudgetIsUsedUpSmallOnesGoOnAndOneLargeOneAtATime) {
  ASSERT_TRUE(budget_.try_reserve(18_MiB));
  while (budget_.try_reserve(16_KiB)) {
  }
  const size_t used = budget_.used();
  EXPECT_TRUE(share_.try_take(100_MiB)) << "nothing else is under way";
  EXPECT_FALSE(share_.try_take(1_MiB));
  for (size_t taken = 1_MiB; taken < 4_MiB; taken += 64_KiB) EXPECT_TRUE(share_.try_take(64_KiB));
  EXPECT_FALSE(share_.try_take(64_KiB)) << "there are enough of them";
  share_.give_back(100_MiB);
  EXPECT_TRUE(share_.try_take(50_MiB)) << "the next one";
  EXPECT_FALSE(share_.try_take(1_MiB));
  share_.give_back(53_MiB);
  EXPECT_EQ(budget_.used(), used);
  budget_.release(used);
}

TEST_F(MemoryShareTest, WhoWaitsIsServedInOrder) {
  ASSERT_TRUE(share_.try_take(18_MiB));
  Asking first(10_MiB);
  Asking second(2_MiB);
  Asking third(1_MiB);
  runtime_.on(0, [&] {
    EXPECT_TRUE(share_.try_take(10_MiB)) << "beyond the budget";
    EXPECT_FALSE(share_.try_take(10_MiB));
    share_.wait(first);
    share_.wait(second);
    share_.wait(third);
    EXPECT_TRUE(share_.is_short());
    EXPECT_FALSE(share_.try_take(65_KiB)) << "nobody overtakes";
    share_.give_back(5_MiB);
  });
  turn();
  EXPECT_FALSE(first.has_run || second.has_run || third.has_run);
  runtime_.on(0, [&] { share_.give_back(1_MiB); });
  turn();
  EXPECT_TRUE(first.has_run);
  EXPECT_FALSE(second.has_run || third.has_run);
  runtime_.on(0, [&] {
    EXPECT_FALSE(share_.cancel(first)) << "its turn has come";
    EXPECT_TRUE(share_.cancel(second));
    share_.give_back(10_MiB);
  });
  turn();
  EXPECT_TRUE(third.has_run);
  EXPECT_FALSE(second.has_run);
  runtime_.on(0, [&] { share_.give_back(share_.taken()); });
  EXPECT_EQ(share_.taken(), 0u);
}

}  // namespace
}  // namespace semel::net
