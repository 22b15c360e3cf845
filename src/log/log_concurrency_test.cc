// One appender, readers, a flusher and retention at the same time; meant for ThreadSanitizer.
#include <thread>

#include <gtest/gtest.h>

#include "bytes/endian.h"
#include "log/test_support.h"

namespace semel::log {
namespace {

using testing::BatchMaker;
using testing::lead;
using testing::LogBench;
using testing::TempFolder;

constexpr int64_t kNow = 1'700'000'000'000;

/// Reads one batch at a random offset and checks that it is the batch that holds it.
void read_somewhere(Log& log, uint64_t& random) {
  const Offset end = log.log_end();
  const Offset start = log.log_start();
  if (end <= start) return;
  random = random * 6364136223846793005u + 1442695040888963407u;
  const bool at_tail = random >> 62 != 0;
  const auto span = static_cast<uint64_t>(end - start);
  const Offset from = at_tail ? std::max(start, end - static_cast<int64_t>((random >> 33) % 4 + 1))
                              : start + static_cast<int64_t>((random >> 20) % span);
  const auto bytes = log.read_bytes(from, 200, end, true);
  if (!bytes) {
    ASSERT_LT(from, log.log_start()) << bytes.error().context;
    return;
  }
  ASSERT_GE(bytes->size(), 61u) << from.value << " of " << end.value;
  const record::BatchView batch(bytes->span());
  ASSERT_LE(batch.base_offset(), from);
  ASSERT_GE(batch.last_offset(), from);
  ASSERT_LT(batch.last_offset(), end);
}

TEST(LogConcurrency, ReadersSeeWholeBatchesWhileTheLogGrowsRollsAndShrinks) {
  rt::StartedRuntime runtime;
  TempFolder temp;
  LogBench bench(*runtime->disk, *runtime->random);
  const LogConfig config{.segment_bytes = 40'000,
                         .index_interval_bytes = 500,
                         .retention_ms = -1,
                         .retention_bytes = 300'000};
  auto opened = bench.open(temp.at("t-0"), config);
  ASSERT_TRUE(opened);
  Log& log = **opened;
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (uint64_t random = i + 1; !is_done;) read_somewhere(log, random);
    });
  }
  threads.emplace_back([&] {
    while (!is_done) {
      EXPECT_TRUE(log.flush());
      EXPECT_TRUE(log.retention_pass(kNow));
      log.remove_retired(INT64_MAX);
      EXPECT_LE(log.flushed_end(), log.log_end());
    }
  });
  threads.emplace_back([&] {
    while (!is_done) {
      EXPECT_TRUE(log.offset_for_timestamp(kNow + log.log_end().value / 2, log.log_end()));
      EXPECT_TRUE(log.aborted_transactions(log.log_start(), log.log_end()));
      (void)log.end_offset_for_epoch(LeaderEpoch{0});
      (void)log.size_bytes();
      const FlushPlan plan = log.plan_flush();
      for (const auto& file : plan.files) EXPECT_TRUE(file->sync());
      log.flushed_to(plan);
    }
  });
  BatchMaker maker;
  for (int i = 0; i < 4000; ++i) {
    auto batch = maker.make(1 + i % 5, static_cast<size_t>(i * 37 % 900), kNow + i);
    ASSERT_TRUE(lead(log, std::move(batch), i / 1000));
    log.set_high_watermark(log.log_end());
  }
  is_done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(log.log_start(), Offset{0});
  EXPECT_FALSE(bench.health.is_offline());
  uint64_t random = 9;
  for (int i = 0; i < 1000; ++i) read_somewhere(log, random);
  ASSERT_TRUE(log.close_clean());
}

TEST(LogConcurrency, FollowerTruncationsBesideReaders) {
  rt::StartedRuntime runtime;
  TempFolder temp;
  LogBench bench(*runtime->disk, *runtime->random);
  auto opened = bench.open(temp.at("t-0"), {.segment_bytes = 20'000, .index_interval_bytes = 300});
  ASSERT_TRUE(opened);
  Log& log = **opened;
  std::atomic<bool> is_done{false};
  std::thread reader([&] {
    while (!is_done) {
      const Offset end = log.log_end();
      const auto slice = log.read(log.log_start(), 1 << 20, end, true);
      EXPECT_TRUE(slice || slice.error().code == ErrorCode::kOffsetOutOfRange);
    }
  });
  BatchMaker maker;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 60; ++i) {
      auto batch = maker.make(2, 300, kNow,
                              {.base_offset = log.log_end(), .leader_epoch = LeaderEpoch{round}});
      ASSERT_TRUE(log.append_as_follower(batch));
    }
    ASSERT_TRUE(log.truncate_to(log.log_end() - 70));
  }
  is_done = true;
  reader.join();
  const auto batches = testing::batches_of(log);
  EXPECT_EQ(batches.size(), 40u * 60 - 40 * 35);
}

}  // namespace
}  // namespace semel::log
