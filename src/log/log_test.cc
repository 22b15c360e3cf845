// Appending, rolling, reading, look-ups, truncation, retention.
#include "log/log.h"

#include <gtest/gtest.h>

#include "bytes/endian.h"
#include "log/file_names.h"
#include "log/test_support.h"
#include "record/control_batch.h"
#include "record/test_allocations.h"

namespace semel::log {
namespace {

using testing::batches_of;
using testing::BatchMaker;
using testing::lead;
using testing::LogBench;
using testing::TempFolder;
using testing::text_of;

constexpr int64_t kNow = 1'700'000'000'000;

class LogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Log> open(const LogConfig& config = {},
                            const LoadHints& hints = {.was_clean = true}) {
    auto log = bench_.open(temp_.at("t-0"), config, hints);
    EXPECT_TRUE(log) << log.error().context;
    return log ? std::move(*log) : nullptr;
  }
  std::unique_ptr<Log> reopen(std::unique_ptr<Log> log, const LogConfig& config = {}) {
    const LoadHints hints{
        .was_clean = true, .log_start = log->log_start(), .high_watermark = log->high_watermark()};
    EXPECT_TRUE(log->close_clean());
    log.reset();
    return open(config, hints);
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : *runtime_->disk->list(temp_.at("t-0"))) names.push_back(entry.name);
    return names;
  }

  rt::StartedRuntime runtime_;
  TempFolder temp_;
  LogBench bench_{*runtime_->disk, *runtime_->random};
  BatchMaker maker_;
};

TEST_F(LogTest, StampsOffsetsAndReadsThemBack) {
  auto log = open();
  EXPECT_EQ(log->log_end(), Offset{0});
  auto batch = maker_.make(3, 10, kNow);
  LeaderAppend how{.leader_epoch = LeaderEpoch{7}};
  const auto first = log->append_as_leader(batch, how);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->appended.base_offset, Offset{0});
  EXPECT_EQ(first->appended.last_offset, Offset{2});
  const auto second = lead(*log, maker_.make(2, 5000, kNow), 7);
  EXPECT_EQ(second->appended.base_offset, Offset{3});
  EXPECT_EQ(log->log_end(), Offset{5});
  EXPECT_EQ(batches_of(*log), (std::vector<std::pair<int64_t, int64_t>>{{0, 2}, {3, 4}}));
  const auto bytes = log->read_bytes(Offset{1}, 10'000'000, Offset{3}, false);
  ASSERT_TRUE(bytes);
  const record::BatchView view(bytes->span());
  EXPECT_EQ(view.size(), batch.size());
  EXPECT_EQ(view.leader_epoch(), LeaderEpoch{7});
  EXPECT_EQ(log->latest_epoch(), LeaderEpoch{7});
}

TEST_F(LogTest, AppendTimeIsStampedWithARightChecksum) {
  auto log = open();
  auto batch = maker_.make(2, 10, 5);
  const auto appended =
      log->append_as_leader(batch, {.leader_epoch = LeaderEpoch{0}, .stamp_append_time = true});
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->appended.append_time_ms, bench_.clock.unix_ms());
  const auto bytes = log->read_bytes(Offset{0}, 1000, log->log_end(), true);
  const record::BatchView view(bytes->span());
  EXPECT_TRUE(view.crc_is_right());
  EXPECT_EQ(view.max_timestamp(), bench_.clock.unix_ms());
  EXPECT_EQ(log->max_timestamp()->timestamp, bench_.clock.unix_ms());
}

TEST_F(LogTest, CutsSlicesAsKafka) {
  auto log = open();
  const auto batch = maker_.make(1, 1000, kNow);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(lead(*log, batch));
  const Offset end = log->log_end();
  EXPECT_EQ(log->read(Offset{2}, 1, end, true)->range.size, batch.size());
  const auto cut = log->read(Offset{2}, 1, end, false);
  EXPECT_EQ(cut->range.size, 1u);
  EXPECT_TRUE(cut->first_is_cut);
  EXPECT_EQ(log->read(Offset{2}, batch.size() + 7, end, true)->range.size, batch.size() + 7);
  EXPECT_EQ(log->read(Offset{2}, 1 << 20, Offset{5}, true)->range.size, 3 * batch.size());
  EXPECT_EQ(log->read(end, 1 << 20, end, true)->range.size, 0u);
  EXPECT_EQ(log->read(Offset{5}, 1 << 20, Offset{4}, true)->range.size, 0u);
  EXPECT_EQ(log->read(end + 1, 1, end, true).error().code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(log->read(Offset{-1}, 1, end, true).error().code, ErrorCode::kOffsetOutOfRange);
}

TEST_F(LogTest, FindsEveryOffsetThroughIndexAndAfterReopening) {
  const LogConfig config{.segment_bytes = 200'000, .index_interval_bytes = 1000};
  auto log = open(config);
  std::vector<uint64_t> sizes;
  for (int i = 0; i < 3000; ++i)
    ASSERT_TRUE(lead(*log, maker_.make(1 + i % 3, 50 + static_cast<size_t>(i % 300), kNow + i)));
  for (int round = 0; round < 2; ++round) {
    const auto batches = batches_of(*log);
    ASSERT_EQ(batches.size(), 3000u);
    for (const auto& [base, last] : batches) {
      for (const int64_t offset : {base, last}) {
        const auto bytes = log->read_bytes(Offset{offset}, 61, log->log_end(), false);
        ASSERT_TRUE(bytes);
        ASSERT_EQ(bytes::load_be<int64_t>(bytes->data()), base) << "offset " << offset;
      }
    }
    EXPECT_GT(log->segment_count(), 3u);
    log = reopen(std::move(log), config);
  }
}

TEST_F(LogTest, RollsBySizeTimeIndexAndSpan) {
  const auto batch = maker_.make(1, 900, kNow);
  const auto rolls = [&](const LogConfig& config, std::string_view folder, auto append) {
    auto log = bench_.open(temp_.at(std::string(folder)), config);
    EXPECT_TRUE(log) << log.error().context;
    append(**log);
    return (*log)->segment_count();
  };
  const auto three = [&](Log& log) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(lead(log, batch));
  };
  const auto size = static_cast<int64_t>(batch.size());
  EXPECT_EQ(rolls({.segment_bytes = 3 * size}, "a-0", three), 1u);
  EXPECT_EQ(rolls({.segment_bytes = 3 * size - 1}, "b-0", three), 2u);
  EXPECT_EQ(rolls({.segment_bytes = size}, "c-0", three), 3u);
  EXPECT_EQ(rolls({.segment_ms = 10}, "d-0",
                  [&](Log& log) {
                    ASSERT_TRUE(lead(log, maker_.make(1, 10, kNow)));
                    ASSERT_TRUE(lead(log, maker_.make(1, 10, kNow + 10)));
                    EXPECT_EQ(log.segment_count(), 1u);
                    ASSERT_TRUE(lead(log, maker_.make(1, 10, kNow + 11)));
                  }),
            2u);
  EXPECT_EQ(rolls({.segment_ms = 10}, "e-0",
                  [&](Log& log) {
                    ASSERT_TRUE(lead(log, maker_.make(1, 10, -5)));
                    bench_.clock.advance_ms(11);
                    ASSERT_TRUE(lead(log, maker_.make(1, 10, -5)));
                  }),
            2u)
      << "without timestamps the age of the segment counts";
  EXPECT_EQ(rolls({.segment_index_bytes = 36, .index_interval_bytes = 0}, "f-0",
                  [&](Log& log) {
                    for (int i = 0; i < 4; ++i)
                      ASSERT_TRUE(lead(log, maker_.make(1, 10, kNow + i)));
                  }),
            2u)
      << "time index with one free slot left";
  EXPECT_EQ(rolls({}, "g-0",
                  [&](Log& log) {
                    ASSERT_TRUE(lead(log, batch));
                    auto far = batch;
                    record::stamp_base_offset(far, Offset{int64_t{INT32_MAX} + 1});
                    ASSERT_TRUE(log.append_as_follower(far));
                    EXPECT_EQ(log.log_end(), Offset{int64_t{INT32_MAX} + 2});
                  }),
            2u);
  auto log = open({.segment_bytes = 100});
  EXPECT_EQ(lead(*log, batch).error().code, ErrorCode::kRecordListTooLarge);
}

TEST_F(LogTest, RollLeavesTrimmedFilesAndASnapshot) {
  const LogConfig config{.segment_bytes = 4000, .index_interval_bytes = 1000};
  auto log = open(config);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(lead(*log, maker_.make(1, 900, kNow + i)));
  ASSERT_TRUE(log->flush());
  const auto size_of = [&](const char* name) {
    return std::filesystem::file_size(temp_.path() / "t-0" / name);
  };
  EXPECT_EQ(size_of("00000000000000000000.index"), 8u);
  EXPECT_EQ(size_of("00000000000000000000.timeindex"), 24u);
  EXPECT_EQ(size_of("00000000000000000004.index"), 10'485'760u);
  EXPECT_EQ(size_of("00000000000000000004.timeindex"), 10'485'756u);
  EXPECT_EQ(text_of(temp_.path() / "t-0/00000000000000000004.snapshot"),
            std::string("\0\1\x48\x67\x4b\xc7\0\0\0\0", 10));
  EXPECT_EQ(text_of(temp_.path() / "t-0/leader-epoch-checkpoint"), "0\n1\n0 0\n");
  ASSERT_TRUE(log->close_clean());
  EXPECT_EQ(size_of("00000000000000000004.index"), 8u);
  EXPECT_EQ(size_of("00000000000000000008.snapshot"), 10u);
  EXPECT_EQ(log->recovery_point(), Offset{8});
}

TEST_F(LogTest, LooksUpTimestamps) {
  const LogConfig config{.segment_bytes = 5000, .index_interval_bytes = 500};
  auto log = open(config);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(lead(*log, maker_.make(3, 100, kNow + i * 10), 1));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 40; ++i) {
      const auto found = log->offset_for_timestamp(kNow + i * 10 + 1, log->log_end());
      ASSERT_TRUE(found);
      EXPECT_EQ(found->offset, Offset{i * 3 + 1});
      EXPECT_EQ(found->timestamp, kNow + i * 10 + 1);
      EXPECT_EQ(found->leader_epoch, LeaderEpoch{1});
    }
    EXPECT_EQ(log->offset_for_timestamp(0, log->log_end())->offset, Offset{0});
    EXPECT_EQ(log->offset_for_timestamp(kNow + 10'000, log->log_end())->offset, kNoOffset);
    EXPECT_EQ(log->offset_for_timestamp(kNow + 101, Offset{30})->offset, kNoOffset)
        << "above the limit";
    EXPECT_EQ(log->max_timestamp()->offset, Offset{119});
    log = reopen(std::move(log), config);
  }
  auto old = maker_.make(1, 10, kNow - 1000);
  ASSERT_TRUE(lead(*log, old, 1));
  EXPECT_EQ(log->max_timestamp()->offset, Offset{119}) << "the newest record is not the latest";
}

TEST_F(LogTest, TruncatesAndAppendsAgain) {
  const LogConfig config{.segment_bytes = 3000, .index_interval_bytes = 300};
  auto log = open(config);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(lead(*log, maker_.make(2, 200, kNow + i), i / 5));
  log->set_high_watermark(Offset{40});
  ASSERT_TRUE(log->flush());
  ASSERT_TRUE(log->truncate_to(Offset{14}));
  EXPECT_EQ(log->log_end(), Offset{14});
  EXPECT_EQ(log->high_watermark(), Offset{14});
  EXPECT_EQ(log->recovery_point(), Offset{14});
  EXPECT_EQ(log->latest_epoch(), LeaderEpoch{1});
  EXPECT_EQ(batches_of(*log).size(), 7u);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(lead(*log, maker_.make(1, 700, kNow), 9));
  const auto batches = batches_of(*log);
  ASSERT_EQ(batches.size(), 12u);
  EXPECT_EQ(batches.back().second, 18);
  EXPECT_EQ(log->end_offset_for_epoch(LeaderEpoch{5}).end_offset, Offset{14});
  log = reopen(std::move(log), config);
  EXPECT_EQ(batches_of(*log), batches);
  ASSERT_TRUE(log->reset_to(Offset{100}));
  EXPECT_EQ(log->log_start(), Offset{100});
  EXPECT_EQ(log->log_end(), Offset{100});
  ASSERT_TRUE(lead(*log, maker_.make(1, 10, kNow)));
  EXPECT_EQ(batches_of(*log), (std::vector<std::pair<int64_t, int64_t>>{{100, 100}}));
}

TEST_F(LogTest, RetentionDeletesAPrefixBelowTheHighWatermark) {
  const LogConfig config{.segment_bytes = 1000, .retention_ms = 1000, .file_delete_delay_ms = 500};
  auto log = open(config);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(lead(*log, maker_.make(1, 900, kNow + i * 100)));
  ASSERT_EQ(log->segment_count(), 6u);
  EXPECT_EQ(*log->retention_pass(kNow + 100'000), 0u) << "nothing is below the high watermark";
  log->set_high_watermark(Offset{4});
  EXPECT_EQ(*log->retention_pass(kNow + 1000), 0u);
  EXPECT_EQ(*log->retention_pass(kNow + 1101), 2u);
  EXPECT_EQ(log->log_start(), Offset{2});
  EXPECT_EQ(log->read(Offset{1}, 10, log->log_end(), true).error().code,
            ErrorCode::kOffsetOutOfRange);
  EXPECT_TRUE(std::filesystem::exists(temp_.path() / "t-0/00000000000000000001.log.deleted"));
  EXPECT_TRUE(log->remove_retired(bench_.context.steady_unix_ms()).has_value());
  bench_.clock.advance_ms(501);
  EXPECT_FALSE(log->remove_retired(bench_.context.steady_unix_ms()).has_value());
  EXPECT_FALSE(std::filesystem::exists(temp_.path() / "t-0/00000000000000000001.log.deleted"));
  EXPECT_EQ(*log->retention_pass(kNow + 100'000), 2u) << "up to the high watermark";
  log->set_high_watermark(Offset{6});
  EXPECT_EQ(*log->retention_pass(kNow + 100'000), 2u) << "the active segment too, after a roll";
  EXPECT_EQ(log->log_start(), Offset{6});
  EXPECT_EQ(log->segment_count(), 1u);
  ASSERT_TRUE(lead(*log, maker_.make(1, 10, kNow)));
  EXPECT_EQ(batches_of(*log).size(), 1u);
}

TEST_F(LogTest, RetentionBySizeAndByLogStart) {
  const auto batch = maker_.make(1, 900, kNow);
  auto log = open({.segment_bytes = 1000,
                   .retention_ms = -1,
                   .retention_bytes = static_cast<int64_t>(3 * batch.size())});
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(lead(*log, batch));
  log->set_high_watermark(Offset{6});
  EXPECT_EQ(*log->retention_pass(kNow), 3u);
  EXPECT_EQ(log->delete_records_before(Offset{7}).error().code, ErrorCode::kOffsetOutOfRange);
  ASSERT_TRUE(log->delete_records_before(Offset{5}));
  EXPECT_EQ(log->log_start(), Offset{5});
  EXPECT_EQ(log->segment_count(), 3u);
  EXPECT_EQ(*log->retention_pass(kNow), 2u);
  EXPECT_EQ(log->segment_count(), 1u);
  const LoadHints hints{.was_clean = true, .log_start = Offset{5}};
  ASSERT_TRUE(log->close_clean());
  log = open({}, hints);
  EXPECT_EQ(log->log_start(), Offset{5});
  log.reset();
  log = open({}, {.was_clean = true, .log_start = Offset{9}});
  EXPECT_EQ(log->log_end(), Offset{9}) << "a log that ends below its start begins anew there";
}

TEST_F(LogTest, AbortedTransactionsAreFound) {
  const LogConfig config{.segment_bytes = 700};
  auto log = open(config);
  record::BatchBuilder builder;
  bytes::Compressor compressor;
  const auto data = [&](int64_t pid, int32_t sequence) {
    record::BatchOptions options{.producer_id = ProducerId{pid},
                                 .producer_epoch = ProducerEpoch{0},
                                 .base_sequence = Sequence{sequence},
                                 .is_transactional = true};
    auto batch = maker_.make(1, 100, kNow, options);
    const BatchIdentity identity{.producer_id = ProducerId{pid},
                                 .epoch = ProducerEpoch{0},
                                 .base_sequence = Sequence{sequence},
                                 .is_transactional = true};
    return log->append_as_leader(batch, {.leader_epoch = LeaderEpoch{0}, .identity = &identity});
  };
  const auto end = [&](int64_t pid, bool commits) {
    const record::TxnMarkerContent content{ProducerId{pid}, ProducerEpoch{0}, commits, 3};
    const auto batch = *record::build_txn_marker(builder, compressor, content, kNow);
    std::vector<std::byte> bytes(batch.begin(), batch.end());
    const TxnMarker marker{.producer_id = ProducerId{pid},
                           .epoch = ProducerEpoch{0},
                           .coordinator_epoch = 3,
                           .is_abort = !commits};
    return log->append_as_leader(bytes, {.leader_epoch = LeaderEpoch{0}, .marker = &marker});
  };
  ASSERT_TRUE(data(1, 0));
  EXPECT_EQ(log->first_unstable(), Offset{0});
  ASSERT_TRUE(data(2, 0));
  ASSERT_TRUE(end(1, false));
  ASSERT_TRUE(data(1, 1));
  ASSERT_TRUE(end(2, true));
  ASSERT_TRUE(data(1, 2));
  ASSERT_TRUE(end(1, false));
  EXPECT_EQ(log->first_unstable(), Offset{0}) << "markers are above the high watermark";
  log->set_high_watermark(log->log_end());
  EXPECT_EQ(log->first_unstable(), log->log_end());
  EXPECT_GT(log->segment_count(), 1u);
  for (int round = 0; round < 3; ++round) {
    const auto all = log->aborted_transactions(Offset{0}, log->log_end());
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 2u) << "round " << round;
    EXPECT_EQ(all->at(0).first_offset, Offset{0});
    EXPECT_EQ(all->at(1).first_offset, Offset{3});
    EXPECT_EQ(log->aborted_transactions(Offset{3}, log->log_end())->size(), 1u);
    EXPECT_EQ(log->aborted_transactions(Offset{0}, Offset{2})->size(), 1u);
    if (round == 0) log = reopen(std::move(log), config);
    if (round == 1) log = open(config, {.high_watermark = log->log_end()});
  }
}

TEST_F(LogTest, DuplicatesAreAnsweredAndNotStored) {
  auto log = open();
  const auto send = [&](int32_t sequence, const Error* verdict = nullptr) {
    auto batch = maker_.make(2, 10, kNow,
                             {.producer_id = ProducerId{5},
                              .producer_epoch = ProducerEpoch{0},
                              .base_sequence = Sequence{sequence}});
    const BatchIdentity identity{.producer_id = ProducerId{5},
                                 .epoch = ProducerEpoch{0},
                                 .base_sequence = Sequence{sequence},
                                 .last_offset_delta = 1,
                                 .crc = record::BatchView(batch).crc()};
    return log->append_as_leader(
        batch, {.leader_epoch = LeaderEpoch{0}, .identity = &identity, .verdict = verdict});
  };
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(i * 2));
  const Error refused{ErrorCode::kInvalidTimestamp, "too old"};
  const auto again = send(2, &refused);
  ASSERT_TRUE(again) << "dedup speaks before the verdict";
  EXPECT_EQ(again->decision.verdict, Verdict::kDuplicate);
  EXPECT_EQ(again->decision.first_offset, Offset{2});
  EXPECT_EQ(log->log_end(), Offset{10});
  EXPECT_EQ(send(10, &refused).error().code, ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(send(14)->decision.verdict, Verdict::kRefuse);
  log = reopen(std::move(log));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(send(i * 2)->decision.verdict, Verdict::kDuplicate) << "after a restart";
  const LoadHints crashed{};
  log.reset();
  log = open({}, crashed);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(send(i * 2)->decision.verdict, Verdict::kDuplicate) << "after a crash";
  EXPECT_EQ(log->log_end(), Offset{10});
}

TEST_F(LogTest, FollowerAppendsRefuseWhatDoesNotAscend) {
  auto log = open();
  auto batch = maker_.make(2, 10, kNow, {.base_offset = Offset{4}});
  const auto appended = log->append_as_follower(batch);
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->base_offset, Offset{4});
  EXPECT_EQ(log->log_end(), Offset{6});
  EXPECT_EQ(log->append_as_follower(batch).error().code, ErrorCode::kCorruptMessage);
  auto torn = maker_.make(2, 10, kNow, {.base_offset = Offset{6}});
  torn.pop_back();
  EXPECT_EQ(log->append_as_follower(torn).error().code, ErrorCode::kCorruptMessage);
  EXPECT_EQ(log->log_end(), Offset{6});
  EXPECT_EQ(log->read(Offset{0}, 1000, log->log_end(), true)->range.at, 0u)
      << "the first batch behind the gap";
}

TEST_F(LogTest, SteadyStateDoesNotAllocate) {
  if (!kCountsAllocations) GTEST_SKIP() << "needs AddressSanitizer";
  auto log = open();
  auto batch = maker_.make(10, 500, kNow,
                           {.producer_id = ProducerId{5},
                            .producer_epoch = ProducerEpoch{0},
                            .base_sequence = Sequence{0}});
  BatchIdentity identity{.producer_id = ProducerId{5},
                         .epoch = ProducerEpoch{0},
                         .base_sequence = Sequence{0},
                         .last_offset_delta = 9};
  const auto append = [&] {
    const auto appended =
        log->append_as_leader(batch, {.leader_epoch = LeaderEpoch{0}, .identity = &identity});
    SEMEL_ASSERT(appended && appended->decision.verdict == Verdict::kAppend);
    identity.base_sequence = identity.base_sequence.plus(10);
    log->set_high_watermark(log->log_end());
  };
  for (int i = 0; i < 20; ++i) append();
  EXPECT_EQ(record::testing::allocations_of([&] {
              for (int i = 0; i < 500; ++i) append();
            }),
            0u);
  EXPECT_EQ(record::testing::allocations_of([&] {
              for (int i = 0; i < 100; ++i) {
                const auto slice = log->read(log->log_end() - 10, 1 << 20, log->log_end(), true);
                SEMEL_ASSERT(slice && slice->range.size == batch.size());
              }
            }),
            0u);
}

TEST_F(LogTest, TopicIdIsWrittenOnce) {
  auto log = open();
  const TopicId id = Uuid::from_halves(1, 2);
  ASSERT_TRUE(log->set_topic_id(id));
  ASSERT_TRUE(log->set_topic_id(id));
  EXPECT_EQ(log->set_topic_id(Uuid::from_halves(1, 3)).error().code,
            ErrorCode::kInconsistentTopicId);
  log = reopen(std::move(log));
  EXPECT_EQ(log->topic_id(), id);
}

}  // namespace
}  // namespace semel::log
