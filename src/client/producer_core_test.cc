// Transcripts of the producer's core: what goes out, what comes back, what is reported.
#include "client/producer_core.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "client/murmur2.h"
#include "record/record_iterator.h"

namespace semel::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FixedRandom final : public rt::Random {
 public:
  uint64_t next() override {
    return state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
  }

 private:
  uint64_t state_ = 1;
};

class Scene : public testing::Test, protected DeliveryListener {
 protected:
  void on_delivery(const Delivery& d) override {
    std::string text = fmt::format("{}@{}", d.tag, d.offset.value);
    if (d.fate == Fate::kMaybeStored)
      text = fmt::format("{} maybe stored: {}", d.tag, error_name(d.error.code));
    if (d.fate == Fate::kNotStored)
      text = fmt::format("{} failed: {}", d.tag, error_name(d.error.code));
    reports.push_back(text);
  }
  void begin() {
    config.linger = Milliseconds{0};
    config.connection.retry_backoff = Milliseconds{10};
    config.connection.retry_backoff_max = Milliseconds{10};
    core = std::make_unique<ProducerCore>(config, random, static_cast<DeliveryListener&>(*this));
    core->set_topic("t", {1, 2});
    core->set_identity({ProducerId{7}, ProducerEpoch{0}});
  }
  rt::Instant now() const { return rt::Instant{time_ms * 1'000'000}; }
  ProducerCore::Append put(int first, int count = 1, int32_t partition = 0) {
    auto outcome = ProducerCore::Append::kAccepted;
    for (int i = first; i < first + count; ++i) {
      const std::string text(value_size, 'v');
      ProducerRecord record;
      record.topic = "t";
      record.partition = partition;
      record.value = bytes::as_bytes(text);
      outcome = *core->append(record, static_cast<uint64_t>(i), now(), 1'000 + i);
    }
    return outcome;
  }
  /// Sends one batch to `broker` and keeps it; "pid/epoch/sequence+count", "" if there is nothing.
  std::string send(int32_t broker = 1) {
    auto drained = core->drain(broker, now());
    if (drained.empty()) return "";
    const record::BatchView view(drained.front().bytes.span());
    EXPECT_TRUE(view.crc_is_right());
    sent.push_back(drained.front());
    return fmt::format("{}/{}/{}+{}", view.producer_id().value, view.producer_epoch().value,
                       view.base_sequence().value, view.records_count());
  }
  /// Puts and sends single-record batches until the partition is established.
  void establish(int tag = 0) {
    put(tag);
    send();
    answer(0, ErrorCode::kNone, 0);
    reports.clear();
    sent.clear();
  }
  void answer(size_t index, ErrorCode code, int64_t offset = -1) {
    core->on_answer(sent.at(index).ref, {code, Offset{offset}, -1, ""}, now());
  }
  void lose(size_t index) {
    core->on_lost(sent.at(index).ref, {ErrorCode::kNetworkException, "cut"}, true, now());
  }
  void wait(int64_t ms) {
    time_ms += ms;
    core->expire(now());
  }

  ProducerConfig config;
  FixedRandom random;
  std::unique_ptr<ProducerCore> core;
  std::vector<DrainedBatch> sent;
  std::vector<std::string> reports;
  int64_t time_ms = 1;
  size_t value_size = 10;
};

TEST_F(Scene, SequencesAreGivenWhenABatchIsSent) {
  begin();
  put(1, 3);
  EXPECT_EQ(send(), "7/0/0+3");
  answer(0, ErrorCode::kNone, 100);
  EXPECT_THAT(reports, ElementsAre("1@100", "2@101", "3@102"));
  put(4, 2);
  EXPECT_EQ(send(), "7/0/3+2");
  EXPECT_FALSE(core->is_empty());
  answer(1, ErrorCode::kNone, 103);
  EXPECT_TRUE(core->is_empty());
  EXPECT_EQ(core->memory_used(), 0u);
}

TEST_F(Scene, TheFirstBatchOfAnIdentityGoesAloneThenFiveAreInFlight) {
  begin();
  put(1);
  EXPECT_EQ(send(), "7/0/0+1");
  put(2);
  EXPECT_EQ(send(), "");
  answer(0, ErrorCode::kNone, 0);
  EXPECT_EQ(send(), "7/0/1+1");
  for (int i = 3; i <= 6; ++i) {
    put(i);
    EXPECT_NE(send(), "");
  }
  put(7);
  EXPECT_EQ(send(), "");
}

TEST_F(Scene, ALostAnswerIsSentAgainWithItsSequenceAndTheRestFollowsInOrder) {
  begin();
  establish();
  put(1);
  send();
  put(2);
  send();
  lose(0);
  EXPECT_EQ(send(), "") << "the other one is still on its way";
  lose(1);
  EXPECT_EQ(send(), "") << "retry.backoff.ms";
  wait(20);
  EXPECT_EQ(send(), "7/0/1+1");
  EXPECT_EQ(send(), "") << "one at a time";
  answer(2, ErrorCode::kNone, 50);
  wait(20);
  EXPECT_EQ(send(), "7/0/2+1");
  answer(3, ErrorCode::kDuplicateSequenceNumber);
  EXPECT_THAT(reports, ElementsAre("1@50", "2@-1"));
}

TEST_F(Scene, OutOfOrderBehindARetriedBatchIsOnlyARetry) {
  begin();
  establish();
  put(1);
  send();
  put(2);
  send();
  answer(0, ErrorCode::kNotEnoughReplicas);
  answer(1, ErrorCode::kOutOfOrderSequenceNumber);
  wait(20);
  EXPECT_EQ(send(), "7/0/1+1");
  answer(2, ErrorCode::kNone, 10);
  wait(20);
  EXPECT_EQ(send(), "7/0/2+1");
  answer(3, ErrorCode::kNone, 11);
  EXPECT_THAT(reports, ElementsAre("1@10", "2@11"));
  EXPECT_EQ(core->identity().epoch.value, 0);
}

TEST_F(Scene, OutOfOrderOnTheNextExpectedBatchBeginsANewEpoch) {
  begin();
  establish();
  put(1);
  send();
  answer(0, ErrorCode::kOutOfOrderSequenceNumber);
  wait(20);
  EXPECT_EQ(send(), "7/1/0+1");
  answer(1, ErrorCode::kNone, 10);
  EXPECT_THAT(reports, ElementsAre("1@10"));
}

TEST_F(Scene, ABatchThatMayBeStoredIsNeverRenumbered) {
  begin();
  establish();
  put(1);
  send();
  lose(0);
  wait(20);
  EXPECT_EQ(send(), "7/0/1+1");
  answer(1, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_THAT(reports, ElementsAre("1 maybe stored: OUT_OF_ORDER_SEQUENCE_NUMBER"));
  put(2);
  wait(20);
  EXPECT_EQ(send(), "7/1/0+1");
}

TEST_F(Scene, ARefusalDrainsThePartitionThenBeginsANewEpoch) {
  begin();
  establish();
  for (int i = 1; i <= 3; ++i) {
    put(i);
    send();
  }
  answer(0, ErrorCode::kInvalidTimestamp);
  EXPECT_THAT(reports, ElementsAre("1 failed: INVALID_TIMESTAMP"));
  EXPECT_EQ(core->identity().epoch.value, 0) << "two are still on their way";
  answer(1, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(core->identity().epoch.value, 0);
  answer(2, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(core->identity().epoch.value, 1);
  wait(20);
  EXPECT_EQ(send(), "7/1/0+1");
  answer(3, ErrorCode::kNone, 5);
  EXPECT_EQ(send(), "7/1/1+1");
  answer(4, ErrorCode::kNone, 6);
  EXPECT_THAT(reports, ElementsAre("1 failed: INVALID_TIMESTAMP", "2@5", "3@6"));
}

TEST_F(Scene, AnExpiredBatchInFlightIsWaitedForBeforeTheEpochMoves) {
  begin();
  establish();
  put(1);
  send();
  wait(120'000);
  EXPECT_THAT(reports, ElementsAre("1 maybe stored: REQUEST_TIMED_OUT"));
  put(2);
  EXPECT_EQ(send(), "");
  answer(0, ErrorCode::kNone, 9);
  EXPECT_EQ(send(), "7/0/2+1") << "it was stored after all: no gap";
}

TEST_F(Scene, AnExpiredBatchWithoutAnswerLeavesAGap) {
  begin();
  establish();
  put(1);
  send();
  wait(120'000);
  lose(0);
  put(2);
  wait(20);
  EXPECT_EQ(send(), "7/1/0+1");
}

TEST_F(Scene, AnEpochBumpMovesOtherPartitionsOnlyWhenTheyAreDrained) {
  begin();
  establish();
  put(1, 1, 1);
  EXPECT_EQ(send(2), "7/0/0+1");
  put(2);
  EXPECT_EQ(send(1), "7/0/1+1");
  answer(1, ErrorCode::kInvalidRecord);
  EXPECT_EQ(core->identity().epoch.value, 1);
  lose(0);
  wait(20);
  EXPECT_EQ(send(2), "7/0/0+1") << "what was on the wire keeps its epoch";
  answer(2, ErrorCode::kNone, 0);
  put(3, 1, 1);
  EXPECT_EQ(send(2), "7/1/0+1");
}

TEST_F(Scene, ATooLargeBatchIsSplitAndKeepsItsSequences) {
  begin();
  establish();
  put(1, 4);
  EXPECT_EQ(send(), "7/0/1+4");
  put(5);
  EXPECT_EQ(send(), "7/0/5+1");
  answer(0, ErrorCode::kMessageTooLarge);
  answer(1, ErrorCode::kOutOfOrderSequenceNumber);
  wait(20);
  EXPECT_EQ(send(), "7/0/1+2");
  answer(2, ErrorCode::kNone, 20);
  wait(20);
  EXPECT_EQ(send(), "7/0/3+2");
  answer(3, ErrorCode::kNone, 22);
  wait(20);
  EXPECT_EQ(send(), "7/0/5+1");
  answer(4, ErrorCode::kNone, 24);
  EXPECT_THAT(reports, ElementsAre("1@20", "2@21", "3@22", "4@23", "5@24"));
  EXPECT_EQ(core->memory_used(), 0u);
}

TEST_F(Scene, ATooLargeBatchWhoseFirstAnswerWasLostIsSplitWithItsSequences) {
  begin();
  establish();
  put(1, 4);
  EXPECT_EQ(send(), "7/0/1+4");
  lose(0);
  wait(30);
  EXPECT_EQ(send(), "7/0/1+4");
  answer(1, ErrorCode::kMessageTooLarge);
  wait(30);
  EXPECT_EQ(send(), "7/0/1+2") << "were the whole stored, its parts would be refused, not doubled";
  answer(2, ErrorCode::kNone, 20);
  wait(30);
  EXPECT_EQ(send(), "7/0/3+2");
  answer(3, ErrorCode::kNone, 22);
  EXPECT_THAT(reports, ElementsAre("1@20", "2@21", "3@22", "4@23"));
}

TEST_F(Scene, ASingleRecordThatIsTooLargeFails) {
  begin();
  establish();
  put(1);
  send();
  answer(0, ErrorCode::kMessageTooLarge);
  EXPECT_THAT(reports, ElementsAre("1 failed: MESSAGE_TOO_LARGE"));
}

TEST_F(Scene, FlushWaitsForThePartsOfASplitBatch) {
  begin();
  establish();
  config.linger = Milliseconds{1'000};
  put(1, 2);
  const uint64_t mark = core->flush_mark();
  EXPECT_EQ(send(), "");
  core->begin_flush();
  EXPECT_EQ(send(), "7/0/1+2");
  answer(0, ErrorCode::kMessageTooLarge);
  send();
  answer(1, ErrorCode::kNone, 1);
  EXPECT_FALSE(core->is_flushed(mark));
  wait(20);
  send();
  answer(2, ErrorCode::kNone, 2);
  EXPECT_TRUE(core->is_flushed(mark));
  core->end_flush();
}

TEST_F(Scene, AtLeastOnceSendsTheSameRecordsAgainWithoutIdentity) {
  config.is_idempotent = false;
  config.retries = 1;
  begin();
  put(1);
  EXPECT_EQ(send(), "-1/-1/-1+1");
  lose(0);
  wait(20);
  EXPECT_EQ(send(), "-1/-1/-1+1");
  lose(1);
  EXPECT_THAT(reports, ElementsAre("1 maybe stored: NETWORK_EXCEPTION")) << "retries are used up";
}

TEST_F(Scene, AtMostOnceIsDoneWhenItIsWritten) {
  config.is_idempotent = false;
  config.acks = 0;
  begin();
  put(1);
  send();
  core->on_written(sent[0].ref, now());
  EXPECT_THAT(reports, ElementsAre("1@-1"));
}

TEST_F(Scene, AtMostOnceDoesNotSendAgainWhatMayHaveArrived) {
  config.is_idempotent = false;
  config.acks = 0;
  begin();
  put(1);
  send();
  lose(0);
  wait(20);
  EXPECT_EQ(send(), "");
  EXPECT_THAT(reports, ElementsAre("1 maybe stored: NETWORK_EXCEPTION"));
}

TEST_F(Scene, AtMostOnceReportsABatchOnceThatExpiredBeforeItsConnectionWasCut) {
  config.acks = 0;
  config.is_idempotent = false;
  config.delivery_timeout = Milliseconds{100};
  begin();
  put(1);
  send();
  wait(100);
  EXPECT_THAT(reports, ElementsAre("1 maybe stored: REQUEST_TIMED_OUT"));
  lose(0);
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_TRUE(core->is_empty());
  put(2);
  EXPECT_NE(send(), "");
}

TEST_F(Scene, LingerAndBatchSizeDecideWhenABatchIsReady) {
  config.batch_size = 200;
  begin();
  config.linger = Milliseconds{5};
  put(1);
  EXPECT_THAT(core->ready_brokers(now()), IsEmpty());
  EXPECT_EQ(core->next_wake(now()).ns, (time_ms + 5) * 1'000'000);
  wait(5);
  EXPECT_THAT(core->ready_brokers(now()), ElementsAre(1));
  send();
  answer(0, ErrorCode::kNone, 0);
  value_size = 100;
  put(2, 3);
  EXPECT_EQ(send(), "7/0/1+1") << "the second did not fit any more";
}

TEST_F(Scene, TheBufferIsBounded) {
  config.buffer_memory = 300;
  begin();
  EXPECT_EQ(put(1, 3), ProducerCore::Append::kAccepted);
  value_size = 150;
  EXPECT_EQ(put(4), ProducerCore::Append::kNoRoom);
  EXPECT_LE(core->memory_used(), 300u);
  send();
  answer(0, ErrorCode::kNone, 0);
  EXPECT_EQ(put(4), ProducerCore::Append::kAccepted);
}

TEST_F(Scene, ALeaderChangeWaitsForWhatIsOnItsWayToTheOldOne) {
  begin();
  establish();
  put(1);
  send();
  core->set_topic("t", {2, 2});
  put(2);
  EXPECT_EQ(send(2), "");
  answer(0, ErrorCode::kNotLeaderOrFollower);
  EXPECT_TRUE(core->take_metadata_request());
  wait(20);
  EXPECT_EQ(send(2), "7/0/1+1");
  answer(1, ErrorCode::kNone, 4);
  wait(20);
  EXPECT_EQ(send(2), "7/0/2+1");
}

TEST_F(Scene, SequencesSurviveATopicThatVanishesAndReturns) {
  begin();
  establish();
  core->set_topic("t", {});
  core->set_topic("t", {1, 2});
  put(1);
  EXPECT_EQ(send(), "7/0/1+1");
}

TEST_F(Scene, TheLastEpochAsksForANewProducerId) {
  begin();
  core->set_identity({ProducerId{7}, ProducerEpoch{32'767}});
  establish();
  put(1);
  send();
  answer(0, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_TRUE(core->needs_identity());
  wait(20);
  EXPECT_EQ(send(), "");
  core->set_identity({ProducerId{8}, ProducerEpoch{0}});
  EXPECT_EQ(send(), "8/0/0+1");
}

TEST_F(Scene, AWakeUpCostsByWhatIsReadyNotByHowManyPartitionsWereWrittenTo) {
  constexpr int kPartitions = 10'000;
  begin();
  core->set_topic("t", std::vector<int32_t>(kPartitions, 1));
  for (int i = 0; i < kPartitions; ++i) put(i, 1, i);
  while (!core->is_empty()) {
    for (const DrainedBatch& batch : core->drain(1, now()))
      core->on_answer(batch.ref, {ErrorCode::kNone, Offset{0}, -1, ""}, now());
  }
  ASSERT_EQ(reports.size(), static_cast<size_t>(kPartitions));

  config.linger = Milliseconds{5};
  const uint64_t before = core->partitions_looked_at();
  for (int round = 0; round < 10; ++round) {
    put(round, 1, 7'000 + round);
    core->expire(now());
    EXPECT_THAT(core->ready_brokers(now()), IsEmpty());
    EXPECT_EQ(core->next_wake(now()), now() + config.linger);
    wait(5);
    const uint64_t mark = core->flush_mark();
    EXPECT_FALSE(core->is_flushed(mark));
    EXPECT_THAT(core->ready_brokers(now()), ElementsAre(1));
    const auto drained = core->drain(1, now());
    ASSERT_EQ(drained.size(), 1u);
    EXPECT_EQ(drained[0].ref.partition, 7'000 + round);
    core->on_answer(drained[0].ref, {ErrorCode::kNone, Offset{1}, -1, ""}, now());
    EXPECT_TRUE(core->is_flushed(mark));
  }
  EXPECT_LE(core->partitions_looked_at() - before, 10u * 5u);
}

TEST_F(Scene, WhoWaitsForALeaderOrForTimeIsLookedAtWhenThatComes) {
  begin();
  config.linger = Milliseconds{5};
  core->set_topic("t", {1, -1});
  put(1, 1, 0);
  put(2, 1, 1);
  wait(5);
  EXPECT_FALSE(core->take_metadata_request());
  EXPECT_THAT(core->ready_brokers(now()), ElementsAre(1)) << "-1 is no broker";
  EXPECT_TRUE(core->take_metadata_request());
  EXPECT_EQ(core->next_wake(now()), now() + (config.delivery_timeout - Milliseconds{5}))
      << "who waits for a leader wakes nobody";
  core->set_topic("t", {1, 2});
  EXPECT_THAT(core->ready_brokers(now()), ElementsAre(1, 2));
  core->set_topic("t", {-1, 2});
  EXPECT_THAT(core->ready_brokers(now()), ElementsAre(2));
  EXPECT_EQ(send(1), "");
  EXPECT_EQ(send(2), "7/0/0+1");
}

TEST_F(Scene, AFlushAndPressureMakeReadyWhatWaitsForLinger) {
  begin();
  establish();
  config.linger = Milliseconds{50};
  put(1);
  EXPECT_EQ(send(), "");
  core->begin_flush();
  EXPECT_THAT(core->ready_brokers(now()), ElementsAre(1));
  core->end_flush();
  EXPECT_EQ(send(), "") << "the flush ended before it was sent";
  EXPECT_EQ(core->next_wake(now()), now() + config.linger);
  core->set_memory_pressure(true);
  EXPECT_EQ(send(), "7/0/1+1");
}

TEST_F(Scene, WhoWaitsLongestGoesFirstIntoAFullRequest) {
  begin();
  config.max_request_size = 400;
  value_size = 250;
  core->set_topic("t", {1, 1, 1});
  for (int32_t partition : {2, 0, 1}) {
    put(partition, 1, partition);
    wait(1);
  }
  std::vector<int32_t> order;
  for (int i = 0; i < 3; ++i) {
    ASSERT_NE(send(), "");
    order.push_back(sent.back().ref.partition);
  }
  EXPECT_THAT(order, ElementsAre(2, 0, 1));
}

TEST_F(Scene, EveryBatchExpiresOnItsTimeWhateverItWaitsFor) {
  begin();
  config.delivery_timeout = Milliseconds{100};
  config.linger = Milliseconds{1'000};
  core->set_topic("t", {1, -1, 1});
  put(1, 1, 0);  // linger
  wait(1);
  put(2, 1, 1);  // a leader
  wait(1);
  core->begin_flush();
  put(3, 1, 2);
  ASSERT_EQ(core->drain(1, now()).size(), 2u);
  core->end_flush();
  EXPECT_EQ(core->next_wake(now()), rt::Instant{101 * 1'000'000});
  wait(97);
  EXPECT_THAT(reports, IsEmpty());
  wait(1);
  EXPECT_THAT(reports, ElementsAre("1 maybe stored: REQUEST_TIMED_OUT"));
  EXPECT_EQ(core->next_wake(now()), rt::Instant{102 * 1'000'000});
  wait(1);
  EXPECT_THAT(reports,
              ElementsAre("1 maybe stored: REQUEST_TIMED_OUT", "2 failed: REQUEST_TIMED_OUT"));
  wait(1);
  EXPECT_EQ(reports.size(), 3u);
}

TEST(Murmur2, AgreesWithKafka) {
  const std::pair<std::string_view, uint32_t> vectors[] = {
      {"", 0x106e08d9},
      {"a", 0xa2d0b27c},
      {"ab", 0x12d8262a},
      {"abc", 0x1c94221b},
      {"abcd", 0xb11ab5f4},
      {"21", 0xc5f2f8ec},
      {"foobar", 0xd0e47bbe},
      {"a-little-bit-long-string", 0xc53b1da0},
      {"a-little-bit-longer-string", 0xa768c9c3},
      {"kafka", 0xd067cf64},
      {"key-0", 0x01bdb5b9},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 0xfc7d49cd},
      {"\xff\xff\xff\xff", 0x266546a5},
      {"\xec\x95\x88\xeb\x85\x95", 0xef526560}};
  for (const auto& [key, hash] : vectors) EXPECT_EQ(murmur2(bytes::as_bytes(key)), hash) << key;
  EXPECT_EQ(partition_of_key(bytes::as_bytes("kafka"), 50), 30);
}

}  // namespace
}  // namespace semel::client
