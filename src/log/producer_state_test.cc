#include "log/producer_state.h"

#include <gtest/gtest.h>

#include "log/producer_state_testing.h"

namespace semel::log {
namespace {

using testing::Answer;
using testing::Sent;
using testing::TestPartition;

constexpr int64_t kDay = 86'400'000;

Answer send(TestPartition& partition, int32_t sequence, int32_t records = 1,
            std::string content = "v") {
  return partition.send(
      {.base_sequence = sequence, .records = records, .content = std::move(content)});
}

TEST(ProducerState, UnknownProducerMayBeginAnywhere) {
  TestPartition partition;
  EXPECT_TRUE(send(partition, 42).is_appended);
  EXPECT_EQ(send(partition, 44).code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_TRUE(send(partition, 43).is_appended);
}

TEST(ProducerState, UnknownProducerOfTransactionVersion2BeginsAtZero) {
  ProducerState state({});
  BatchIdentity batch;
  batch.producer_id = ProducerId{1};
  batch.epoch = ProducerEpoch{0};
  batch.base_sequence = Sequence{3};
  batch.must_start_at_zero = true;
  const Decision decision = state.check(batch, {});
  EXPECT_EQ(decision.reason, Reason::kUnknownNotFromZero);
  batch.base_sequence = Sequence{0};
  EXPECT_EQ(state.check(batch, {}).verdict, Verdict::kAppend);
}

TEST(ProducerState, GapIsExplained) {
  TestPartition partition;
  send(partition, 0, 3);
  const Answer answer = send(partition, 5, 2);
  EXPECT_EQ(answer.reason, Reason::kGap);
  EXPECT_EQ(answer.text,
            "producer id 0, sequence 3 expected, 5 to 6 received: a gap: the batches between were "
            "not stored");
}

TEST(ProducerState, ReencodedBatchIsOneDuplicate) {
  TestPartition partition;
  Sent sent{.base_sequence = 0, .records = 3, .content = "same"};
  ASSERT_TRUE(partition.send(sent).is_appended);
  sent.codec = bytes::CodecId::kGzip;
  sent.timestamp_ms += 17;
  const Answer answer = partition.send(sent);
  EXPECT_EQ(answer.code, ErrorCode::kNone);
  EXPECT_EQ(answer.reason, Reason::kReencoded);
  EXPECT_EQ(answer.base_offset, Offset{0});
  EXPECT_EQ(answer.timestamp_ms, 1000);
  EXPECT_EQ(partition.state.totals().reencoded, 1u);
  EXPECT_EQ(partition.state.totals().duplicates, 1u);
  EXPECT_EQ(partition.state.totals().duplicate_records, 3u);
}

TEST(ProducerState, SequenceReusedForOtherRecordsIsRefused) {
  TestPartition partition;
  send(partition, 0);
  const Answer answer = send(partition, 0, 1, "other");
  EXPECT_EQ(answer.code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(answer.reason, Reason::kSequenceReused);
  EXPECT_EQ(partition.state.totals().sequences_reused, 1u);
  EXPECT_TRUE(send(partition, 1).is_appended);
}

TEST(ProducerState, OlderThanTheWindowIsFoundInTheLog) {
  TestPartition partition;
  for (int32_t i = 0; i < 50; ++i) ASSERT_TRUE(send(partition, 2 * i, 2).is_appended);
  for (int32_t i = 0; i < 50; ++i) {
    const Answer answer = send(partition, 2 * i, 2);
    EXPECT_EQ(answer.code, ErrorCode::kNone);
    EXPECT_EQ(answer.base_offset, Offset{2 * i});
  }
  EXPECT_EQ(send(partition, 0, 2, "other").reason, Reason::kSequenceReused);
  EXPECT_EQ(send(partition, 1, 2).reason, Reason::kPartOfRange);
}

TEST(ProducerState, LookupStopsAtItsBytes) {
  TestPartition partition;
  for (int32_t i = 0; i < 50; ++i) ASSERT_TRUE(send(partition, i).is_appended);
  partition.lookup_bytes = 200;
  const Answer answer = send(partition, 0);
  EXPECT_EQ(answer.code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(answer.reason, Reason::kOlderOutOfReach);
}

TEST(ProducerState, StoredOnceAndDeletedIs46) {
  TestPartition partition;
  for (int32_t i = 0; i < 20; ++i) send(partition, i);
  partition.log.delete_below(Offset{10});
  EXPECT_EQ(send(partition, 3).code, ErrorCode::kDuplicateSequenceNumber);
  EXPECT_EQ(send(partition, 12).base_offset, Offset{12});
  partition.log.delete_below(Offset{20});
  EXPECT_EQ(send(partition, 12).code, ErrorCode::kDuplicateSequenceNumber);
  const Answer newest = send(partition, 19);
  EXPECT_EQ(newest.base_offset, Offset{19});
  EXPECT_EQ(send(partition, 19, 1, "other").code, ErrorCode::kDuplicateSequenceNumber);
  EXPECT_TRUE(send(partition, 20).is_appended);
}

TEST(ProducerState, BelowTheFirstKnownIsNotCalledStored) {
  TestPartition partition;
  for (int32_t i = 100; i < 120; ++i) send(partition, i);
  partition.log.delete_below(Offset{10});
  EXPECT_EQ(send(partition, 105).code, ErrorCode::kDuplicateSequenceNumber);
  EXPECT_EQ(send(partition, 99).code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(send(partition, 99, 2).code, ErrorCode::kOutOfOrderSequenceNumber);
}

TEST(ProducerState, NothingIsSaidWhileUnproven) {
  TestPartition partition;
  send(partition, 0);
  partition.leadership_is_proven = false;
  for (const int32_t sequence : {0, 1, 7}) {
    const Answer answer = send(partition, sequence);
    EXPECT_EQ(answer.code, ErrorCode::kNotLeaderOrFollower);
    EXPECT_FALSE(answer.is_appended);
  }
}

TEST(ProducerState, NobodyIsForgottenAtTheBound) {
  TestPartition partition({.producers_max = 2});
  ASSERT_TRUE(partition.send({.producer_id = 1}).is_appended);
  ASSERT_TRUE(partition.send({.producer_id = 2}).is_appended);
  const Answer answer = partition.send({.producer_id = 3});
  EXPECT_EQ(answer.reason, Reason::kTableFull);
  EXPECT_TRUE(error_is_retriable(answer.code));
  EXPECT_EQ(partition.state.refused_when_full(), 1u);
  EXPECT_TRUE(partition.send({.producer_id = 1, .base_sequence = 1}).is_appended);
  EXPECT_EQ(partition.send({.producer_id = 2}).base_offset, Offset{1});
  partition.now_ms += kDay + 2000;
  EXPECT_EQ(partition.state.expire_step(partition.now_ms, 10), 2u);
  EXPECT_TRUE(partition.send({.producer_id = 3}).is_appended);
}

TEST(ProducerState, SequencesWrapInEveryPositionOfABatch) {
  for (int32_t before = 1; before <= 6; ++before) {
    TestPartition partition;
    const Sequence first = Sequence{0}.minus(before);
    ASSERT_TRUE(send(partition, first.value, 3).is_appended);
    ASSERT_TRUE(send(partition, first.plus(3).value, 3).is_appended);
    ASSERT_TRUE(send(partition, first.plus(6).value, 1).is_appended);
    EXPECT_EQ(send(partition, first.value, 3).base_offset, Offset{0});
    EXPECT_EQ(send(partition, first.plus(3).value, 3).base_offset, Offset{3});
    EXPECT_EQ(send(partition, first.plus(1).value, 3).reason, Reason::kPartOfRange);
    EXPECT_EQ(send(partition, first.plus(8).value, 1).reason, Reason::kGap);
    partition.restart(true, false);
    EXPECT_EQ(send(partition, first.value, 3).base_offset, Offset{0});
  }
}

TEST(ProducerState, EpochsFenceAndBump) {
  TestPartition partition;
  partition.send({.epoch = 3, .base_sequence = 0});
  EXPECT_EQ(partition.send({.epoch = 2, .base_sequence = 1}).code,
            ErrorCode::kInvalidProducerEpoch);
  EXPECT_EQ(partition.send({.epoch = 4, .base_sequence = 1}).reason, Reason::kEpochNotFromZero);
  EXPECT_TRUE(partition.send({.epoch = 4, .base_sequence = 0}).is_appended);
  EXPECT_EQ(partition.send({.epoch = 3, .base_sequence = 0}).code,
            ErrorCode::kInvalidProducerEpoch);
  const ProducerCounters counters = partition.state.find(ProducerId{0})->counters;
  EXPECT_EQ(counters.fenced, 2u);
  EXPECT_EQ(counters.epoch_bumps, 1u);
  EXPECT_EQ(counters.gaps, 1u);
}

TEST(ProducerState, ExpiresByTheBrokersClockOnly) {
  TestPartition partition;
  partition.send({.producer_id = 1, .timestamp_ms = 5});
  partition.send({.producer_id = 2, .timestamp_ms = partition.now_ms * 2});
  partition.now_ms += kDay;
  EXPECT_EQ(partition.state.expire_step(partition.now_ms, 10), 0u);
  EXPECT_EQ(partition.send({.producer_id = 1, .timestamp_ms = 5}).base_offset, Offset{0});
  partition.send({.producer_id = 1, .base_sequence = 1, .timestamp_ms = 5});
  partition.now_ms += 2000;
  EXPECT_EQ(partition.state.expire_step(partition.now_ms, 10), 1u);
  EXPECT_TRUE(partition.state.find(ProducerId{1}));
  EXPECT_FALSE(partition.state.find(ProducerId{2}));
}

TEST(ProducerState, ExpiryWalksRoundInSmallSteps) {
  TestPartition partition;
  for (int64_t id = 0; id < 1000; ++id) partition.send({.producer_id = id});
  partition.now_ms += kDay + 1001;
  for (int64_t id = 0; id < 1000; id += 10) partition.send({.producer_id = id, .base_sequence = 1});
  size_t forgotten = 0;
  for (int step = 0; step < 100; ++step)
    forgotten += partition.state.expire_step(partition.now_ms, 10);
  EXPECT_EQ(forgotten, 900u);
  EXPECT_EQ(partition.state.size(), 100u);
  for (int64_t id = 0; id < 1000; id += 10)
    EXPECT_EQ(partition.send({.producer_id = id, .base_sequence = 1}).reason, Reason::kSameBytes);
}

TEST(ProducerState, OpenTransactionNeverExpires) {
  TestPartition partition;
  partition.send({.producer_id = 1, .is_transactional = true});
  partition.now_ms += 10 * kDay;
  EXPECT_EQ(partition.state.expire_step(partition.now_ms, 10), 0u);
  EXPECT_EQ(partition.state.first_unstable_offset(), Offset{0});
}

TEST(ProducerState, TransactionsMoveTheStableOffset) {
  TestPartition partition;
  partition.send({.producer_id = 1, .is_transactional = true});  // 0
  partition.send({.producer_id = 2, .is_transactional = true});  // 1
  partition.send({.producer_id = 1, .base_sequence = 1, .is_transactional = true});
  EXPECT_EQ(partition.send({.producer_id = 1, .base_sequence = 2}).code,
            ErrorCode::kInvalidTxnState);
  EXPECT_EQ(partition.state.first_unstable_offset(), Offset{0});
  TxnMarker marker{ProducerId{1}, ProducerEpoch{0}, 5, true};
  ASSERT_EQ(partition.state.check_marker(marker).verdict, Verdict::kAppend);
  const auto aborted = partition.state.applied_marker(marker, Offset{3}, 77, partition.now_ms);
  ASSERT_TRUE(aborted);
  EXPECT_EQ(aborted->first_offset, Offset{0});
  EXPECT_EQ(aborted->last_offset, Offset{3});
  EXPECT_EQ(aborted->last_stable_offset, Offset{1});
  EXPECT_EQ(partition.state.first_unstable_offset(), Offset{0});
  partition.state.high_watermark_moved(Offset{4});
  EXPECT_EQ(partition.state.first_unstable_offset(), Offset{1});
  marker = {ProducerId{2}, ProducerEpoch{1}, 5, false, true};
  const auto committed = partition.state.applied_marker(marker, Offset{4}, 78, partition.now_ms);
  ASSERT_TRUE(committed);
  EXPECT_EQ(committed->last_stable_offset, Offset{5});
  partition.state.high_watermark_moved(Offset{5});
  EXPECT_FALSE(partition.state.first_unstable_offset());
  marker.coordinator_epoch = 4;
  EXPECT_EQ(partition.state.check_marker(marker).reason, Reason::kCoordinatorFenced);
  marker.epoch = ProducerEpoch{0};
  EXPECT_EQ(partition.state.check_marker(marker).reason, Reason::kFenced);
  EXPECT_EQ(partition.send({.producer_id = 2, .epoch = 1, .base_sequence = 1}).reason,
            Reason::kEpochNotFromZero);
  EXPECT_TRUE(partition.send({.producer_id = 2, .epoch = 1}).is_appended);
}

TEST(ProducerState, MarkerOfTheSameEpochIsFencedWhereEpochsAreBumped) {
  TestPartition partition;
  partition.send({.producer_id = 1, .epoch = 2, .is_transactional = true});
  const TxnMarker marker{ProducerId{1}, ProducerEpoch{2}, 0, false, true};
  EXPECT_EQ(partition.state.check_marker(marker).reason, Reason::kFenced);
  TxnMarker bumped = marker;
  bumped.epoch = ProducerEpoch{3};
  partition.state.applied_marker(bumped, Offset{1}, 1, partition.now_ms);
  EXPECT_EQ(partition.state.check_marker(bumped).verdict, Verdict::kAppend) << "a retried marker";
}

TEST(ProducerState, WideWindowRemembersManyBatches) {
  TestPartition partition({.window_batches = 1024});
  for (int32_t i = 0; i < 3000; ++i) send(partition, i);
  const auto view = *partition.state.find(ProducerId{0});
  ASSERT_EQ(view.batches.size(), 1024u);
  for (size_t i = 0; i < 1024; ++i) {
    EXPECT_EQ(view.batches[i].last_offset, Offset{static_cast<int64_t>(3000 - 1024 + i)});
    EXPECT_TRUE(view.batches[i].crc_is_known);
  }
  partition.state.set_window_batches(3);
  send(partition, 3000);
  EXPECT_EQ(partition.state.find(ProducerId{0})->batches.size(), 3u);
  partition.state.set_window_batches(1);
  send(partition, 3001);
  partition.state.set_window_batches(5);
  EXPECT_EQ(partition.state.find(ProducerId{0})->batches.size(), 1u);
  send(partition, 3002);
  EXPECT_EQ(partition.state.find(ProducerId{0})->batches.size(), 2u);
}

TEST(ProducerState, MemoryPerProducer) {
  for (const int64_t producers : {1'000, 50'000}) {
    for (const int32_t batches : {1, 5}) {
      ProducerState state({});
      BatchIdentity batch;
      batch.epoch = ProducerEpoch{0};
      int64_t offset = 0;
      for (int32_t i = 0; i < batches; ++i) {
        batch.base_sequence = Sequence{i};
        for (int64_t id = 0; id < producers; ++id, ++offset) {
          batch.producer_id = ProducerId{id * 7919};
          const Decision decision = state.check(batch, {});
          state.applied(batch, decision, {Offset{offset}, Offset{offset}, 1}, 1);
        }
      }
      EXPECT_LE(state.memory_bytes() / producers, batches == 1 ? 130u : 230u) << producers;
    }
  }
}

TEST(ProducerState, ReplayWithAGapDoesNotClaimWhatItDidNotSee) {
  TestPartition partition;
  for (int32_t i = 0; i < 20; ++i) send(partition, i);
  partition.log.batches.erase(5);  // compaction took a batch
  partition.restart(false, false);
  EXPECT_EQ(partition.state.find(ProducerId{0})->first_known, Sequence{6});
  EXPECT_EQ(send(partition, 5).code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(send(partition, 3).base_offset, Offset{3});
  EXPECT_TRUE(send(partition, 20).is_appended);
}

TEST(ProducerState, AClockThatJumpedWhileTheBrokerWasDownForgetsNobody) {
  TestPartition partition;
  for (int32_t i = 0; i < 3; ++i) send(partition, i);
  const auto entries = partition.state.snapshot();
  const auto views = partition.state.views();
  const int64_t later_ms = partition.now_ms + 3 * ProducerStateConfig{}.expiration_ms;
  ProducerState loaded({});
  loaded.load(entries, views, later_ms);
  ASSERT_TRUE(loaded.find(ProducerId{0}));
  EXPECT_EQ(loaded.find(ProducerId{0})->batches.size(), 3u);
  constexpr int64_t kMinute = 60'000;
  EXPECT_EQ(loaded.expire_step(later_ms + 14 * kMinute, 10), 0u) << "time enough to send again";
  EXPECT_EQ(loaded.expire_step(later_ms + 16 * kMinute, 10), 1u);
}

TEST(ProducerState, RebuildKeepsWhatNoLogCanTell) {
  TestPartition partition;
  for (int32_t i = 0; i < 8; ++i) send(partition, i);
  send(partition, 7);
  partition.log.delete_below(Offset{3});
  partition.log.truncate(Offset{6});
  partition.now_ms += 5000;
  partition.state.start_rebuild();
  partition.replay(Offset{3}, Offset{6});
  partition.state.finish_rebuild(Offset{6});
  const auto view = *partition.state.find(ProducerId{0});
  EXPECT_EQ(view.batches.back().last_sequence, Sequence{5});
  EXPECT_EQ(view.first_known, Sequence{0});
  EXPECT_EQ(view.counters.duplicates, 1u);
  EXPECT_EQ(view.last_append_ms, partition.now_ms - 5000);
  EXPECT_EQ(send(partition, 1).code, ErrorCode::kDuplicateSequenceNumber);
  EXPECT_TRUE(send(partition, 6).is_appended);
}

TEST(ProducerState, RebuildForgetsNobodyWhoseRecordsWereOnlyDeleted) {
  TestPartition partition;
  partition.send({.producer_id = 1});                  // 0
  for (int32_t i = 0; i < 5; ++i) send(partition, i);  // 1 … 5
  partition.send({.producer_id = 2});                  // 6
  partition.log.delete_below(Offset{2});
  partition.log.truncate(Offset{5});
  partition.state.start_rebuild();
  partition.replay(Offset{2}, Offset{5});
  partition.state.finish_rebuild(Offset{5});
  EXPECT_TRUE(partition.state.find(ProducerId{1}));
  EXPECT_FALSE(partition.state.find(ProducerId{2})) << "its only batch was cut off";
  EXPECT_EQ(partition.send({.producer_id = 1}).base_offset, Offset{0});
}

TEST(ProducerState, CopiesAreIndependent) {
  TestPartition partition({.window_batches = 7});
  for (int64_t id = 0; id < 700; ++id)
    for (int32_t i = 0; i < 1 + static_cast<int32_t>(id % 9); ++i)
      partition.send({.producer_id = id, .base_sequence = i, .is_transactional = id % 100 == 0});
  const ProducerState copy = partition.state;
  const auto views = partition.state.views();
  EXPECT_EQ(copy.views(), views);
  for (int64_t id = 0; id < 700; ++id)
    partition.send({.producer_id = id, .epoch = 1, .is_transactional = true});
  partition.send({.producer_id = 9000});
  EXPECT_EQ(copy.views(), views);
  EXPECT_EQ(copy.size(), 700u);
  EXPECT_EQ(copy.first_unstable_offset(), Offset{0});
}

TEST(ProducerState, CountersSurviveWithTheSidecar) {
  TestPartition partition;
  send(partition, 0);
  send(partition, 0);
  partition.restart(true, true);
  EXPECT_EQ(partition.state.find(ProducerId{0})->counters.duplicates, 1u);
  EXPECT_EQ(partition.state.totals().duplicates, 0u);
}

TEST(ProducerState, NobodyExpiresAtLoad) {
  for (const bool with_sidecar : {true, false}) {
    TestPartition partition;
    send(partition, 0);
    partition.now_ms += 2 * kDay;
    partition.restart(true, with_sidecar);
    EXPECT_EQ(partition.state.size(), 1u);
    partition.now_ms += 16 * 60'000;
    EXPECT_EQ(partition.state.expire_step(partition.now_ms, 10), with_sidecar ? 1u : 0u);
  }
}

}  // namespace
}  // namespace semel::log
