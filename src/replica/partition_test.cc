// Partition over a log of the simulated disk: what happens to appends that wait, fail, come too
// late or come again, while leadership and the disk change under them. Each op must be settled
// exactly once.
#include "replica/partition.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "record/batch_builder.h"
#include "record/batch_validator.h"
#include "replica/test_support.h"

namespace semel::replica {
namespace {

using testing::kOther;
using testing::kSelf;

/// Who sends a batch; producer −1 = without idempotence.
struct Producer {
  int64_t id = -1;
  int32_t sequence = -1;
};

/// An append and what became of it.
struct Sent final : AppendOp::Owner {
  void on_settled(AppendOp&) override { ++times_settled; }
  ErrorCode code() const { return op.outcome.code; }
  int64_t offset() const { return op.outcome.base_offset.value; }

  AppendOp op;
  int times_settled = 0;
};

class PartitionTest : public testing::LogsInSimTest {
 protected:
  ~PartitionTest() override {
    for (const auto& sent : all_) EXPECT_EQ(sent->times_settled, 1);
    for (const auto& sent : all_) sent->op.clear();
    on_home([this] { partition_.reset(); });
  }

  void start(FlushPolicy flush) {
    config_.flush = flush;
    start_logs();
    on_home([this] {
      const auto log = logs_->create({"t", PartitionIndex{0}}, Uuid::from_halves(7, 9));
      ASSERT_TRUE(log.has_value());
      partition_ = Partition::make(config_, *log, logs_->flusher_of(**log), slots_, *runtime_);
      partition_->lead({.epoch = LeaderEpoch{1}, .isr = {kSelf}, .replicas = {kSelf, kOther}});
    });
    wait(std::chrono::milliseconds(100));  // the folder's first commit
  }

  void wait(rt::Duration time) { world_.run_for(time); }

  /// A batch of one record, checked, and not sent yet.
  Sent& make(const std::string& value, Producer producer = {}, int16_t acks = -1,
             int64_t timestamp = 1) {
    Sent& sent = *all_.emplace_back(std::make_unique<Sent>());
    record::BatchBuilder builder;
    builder.start({.producer_id = ProducerId{producer.id},
                   .producer_epoch = ProducerEpoch{static_cast<int16_t>(producer.id < 0 ? -1 : 0)},
                   .base_sequence = Sequence{producer.sequence}});
    builder.append({.timestamp = timestamp, .value = bytes::as_bytes(value)});
    bytes::Compressor compressor;
    sent.op.records = bytes::Buffer::copy_of(bytes::ByteSpan(*builder.finish(compressor)));
    const record::ProduceRules rules{.partition = "t-0"};
    record::BatchValidator validator;
    sent.op.verdict = validator.validate(
        {const_cast<std::byte*>(sent.op.records.data()), sent.op.records.size()}, rules);
    EXPECT_EQ(sent.op.verdict.standing, record::ProduceVerdict::Standing::kAccepted);
    sent.op.partition = partition_;
    sent.op.owner = &sent;
    sent.op.executor = &home();
    sent.op.acks = acks;
    return sent;
  }
  void submit(Sent& sent) {
    on_home([&] {
      if (partition_->submit(sent.op)) ++sent.times_settled;
    });
  }
  Sent& send(const std::string& value, Producer producer = {}, int16_t acks = -1,
             int64_t timestamp = 1) {
    Sent& sent = make(value, producer, acks, timestamp);
    submit(sent);
    return sent;
  }
  /// As the requests of one pass of a reactor.
  void submit_together(const std::vector<Sent*>& sent) {
    on_home([&] {
      for (Sent* one : sent) partition_->enqueue(one->op);
      partition_->drain();
      for (Sent* one : sent)
        if (Partition::submitted(one->op)) ++one->times_settled;
    });
  }
  /// What a request does with an op that needs a look-up; `between` runs after the look-up.
  void look_up(Sent& sent, const std::function<void()>& between = [] {}) {
    ASSERT_EQ(sent.times_settled, 1);
    ASSERT_TRUE(sent.op.needs_look_up);
    sent.times_settled = 0;
    bool is_resumed = false;
    home().post([&] {
      runtime_->disk->run_blocking([&] { partition_->look_up(sent.op); }, home(),
                                   [&] {
                                     between();
                                     if (partition_->resume(sent.op)) ++sent.times_settled;
                                     is_resumed = true;
                                   });
    });
    ASSERT_TRUE(world_.run_until([&] { return is_resumed; }, std::chrono::seconds(5)));
  }
  void set_isr(const std::vector<BrokerId>& isr, int32_t isr_min = 1) {
    on_home([&] {
      partition_->lead(
          {.epoch = LeaderEpoch{1}, .isr = isr, .replicas = {kSelf, kOther}, .isr_min = isr_min});
    });
  }
  void fail_next(rt::sim::DiskOp op, Cause cause) {
    node_.file_system().fail_next(op, "/d/t-0/", cause);
  }
  Offset log_end() const { return partition_->log().log_end(); }

  void on_directory_offline(const DirectoryId&, const std::string&,
                            const std::vector<TopicPartition>&, bool) override {
    partition_->fail(ErrorCode::kKafkaStorageError);
  }

  PartitionConfig config_{.self = kSelf};
  LookupSlots slots_{1};
  std::shared_ptr<Partition> partition_;
  std::vector<std::unique_ptr<Sent>> all_;
};

TEST_F(PartitionTest, AppendsOfOneTurnAreAnsweredEachForItself) {
  start(FlushPolicy::kOs);
  std::vector<Sent*> together;
  for (int32_t i = 0; i < 100; ++i) together.push_back(&make("new", {7, i}));
  together.push_back(&make("new", {7, 99}));
  together.push_back(&make("gap", {7, 105}));
  together.push_back(&make("plain"));
  submit_together(together);
  for (int32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(together[static_cast<size_t>(i)]->code(), ErrorCode::kNone);
    EXPECT_EQ(together[static_cast<size_t>(i)]->offset(), i);
  }
  EXPECT_EQ(together[100]->offset(), 99) << "a duplicate of one of the same turn";
  EXPECT_EQ(together[101]->code(), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(together[102]->offset(), 100);
  EXPECT_EQ(log_end(), Offset{101});
}

TEST_F(PartitionTest, AGroupThatFindsNoSpaceIsStoredWhollyWhenItComesAgain) {
  start(FlushPolicy::kOs);
  EXPECT_EQ(send("first", {7, 0}).offset(), 0);
  for (int round = 0; round < 2; ++round) {
    if (round == 0) fail_next(rt::sim::DiskOp::kWrite, Cause::kNoSpace);
    const std::vector<Sent*> together = {&make("a", {7, 1}), &make("b", {7, 2}), &make("c", {8, 0}),
                                         &make("d")};
    submit_together(together);
    for (size_t i = 0; i < together.size(); ++i) {
      EXPECT_EQ(together[i]->code(), round == 0 ? ErrorCode::kKafkaStorageError : ErrorCode::kNone);
      EXPECT_EQ(together[i]->offset(), round == 0 ? -1 : static_cast<int64_t>(i) + 1);
    }
    EXPECT_EQ(log_end(), Offset{round == 0 ? 1 : 5});
    EXPECT_EQ(partition_->offsets().high_watermark, log_end());
  }
}

TEST_F(PartitionTest, WhatStandsBeforeAResignationIsAppendedAndWhatStandsBehindIsNot) {
  start(FlushPolicy::kOs);
  Sent& before = make("before", {7, 0});
  on_home([&] {
    partition_->enqueue(before.op);
    partition_->resign(LeaderEpoch{2});
    if (Partition::submitted(before.op)) ++before.times_settled;
  });
  EXPECT_EQ(before.code(), ErrorCode::kNone);
  EXPECT_EQ(before.offset(), 0);
  EXPECT_EQ(send("behind", {7, 1}).code(), ErrorCode::kNotLeaderOrFollower);
  EXPECT_EQ(log_end(), Offset{1});
}

TEST_F(PartitionTest, AnAppenderOfAnotherEpochIsRefused) {
  start(FlushPolicy::kOs);
  Sent& sent = make("stale");
  sent.op.expected_epoch = LeaderEpoch{0};
  submit(sent);
  EXPECT_EQ(sent.code(), ErrorCode::kNotLeaderOrFollower);
  EXPECT_EQ(log_end(), Offset{0});
}

TEST_F(PartitionTest, ADuplicateWaitsWithItsOriginalForTheFlush) {
  start(FlushPolicy::kAck);
  Sent& original = send("a", {7, 0});
  Sent& again = send("a", {7, 0});
  Sent& leader_only = send("a", {7, 0}, 1);
  Sent& nobody = send("b", {7, 1}, 0);
  EXPECT_EQ(original.times_settled + again.times_settled + leader_only.times_settled, 0);
  EXPECT_EQ(nobody.times_settled, 1) << "acks=0 waits for nothing";
  wait(std::chrono::seconds(1));
  for (const Sent* sent : {&original, &again, &leader_only}) {
    EXPECT_EQ(sent->code(), ErrorCode::kNone);
    EXPECT_EQ(sent->offset(), 0);
  }
  EXPECT_EQ(log_end(), Offset{2});
}

TEST_F(PartitionTest, AFailedFlushFailsTheOriginalAndItsDuplicate) {
  start(FlushPolicy::kAck);
  fail_next(rt::sim::DiskOp::kSync, Cause::kIo);
  Sent& original = send("a", {7, 0});
  Sent& again = send("a", {7, 0});
  wait(std::chrono::seconds(1));
  EXPECT_EQ(original.code(), ErrorCode::kKafkaStorageError);
  EXPECT_EQ(again.code(), ErrorCode::kKafkaStorageError);
  EXPECT_EQ(send("b", {7, 1}).code(), ErrorCode::kKafkaStorageError);
  EXPECT_EQ(partition_->offsets().high_watermark, Offset{0});
}

TEST_F(PartitionTest, ItsTimeMayBeUpWhileItIsQueuedOrWaits) {
  start(FlushPolicy::kAck);
  Sent& waiting = send("waits", {7, 0});
  Sent& queued = make("is queued", {7, 1});
  on_home([&] {
    partition_->expire(waiting.op);
    partition_->enqueue(queued.op);
    EXPECT_FALSE(Partition::submitted(queued.op));
    partition_->expire(queued.op);
    partition_->expire(queued.op);  // its owner is told already: no effect
  });
  wait(std::chrono::milliseconds(10));
  EXPECT_EQ(waiting.code(), ErrorCode::kRequestTimedOut);
  EXPECT_EQ(queued.code(), ErrorCode::kRequestTimedOut);
  // Both are stored, and are found when they come again.
  Sent& again = send("is queued", {7, 1});
  wait(std::chrono::seconds(1));
  EXPECT_EQ(again.offset(), 1);
  EXPECT_EQ(log_end(), Offset{2});
}

TEST_F(PartitionTest, WhoWaitsForReplicasIsAnsweredWhenLeadershipGoes) {
  start(FlushPolicy::kOs);
  set_isr({kSelf, kOther});
  Sent& waiting = send("a", {7, 0});
  EXPECT_EQ(waiting.times_settled, 0);
  EXPECT_EQ(send("b", {7, 1}, 1).code(), ErrorCode::kNone);
  on_home([this] { partition_->resign(LeaderEpoch{2}); });
  wait(std::chrono::milliseconds(10));
  EXPECT_EQ(waiting.code(), ErrorCode::kNotLeaderOrFollower);
  EXPECT_EQ(partition_->check_leadership(LeaderEpoch{1}), ErrorCode::kFencedLeaderEpoch);
}

TEST_F(PartitionTest, ASmallerIsrCommitsWhatWaited) {
  start(FlushPolicy::kOs);
  set_isr({kSelf, kOther}, 2);
  Sent& waiting = send("a", {7, 0});
  EXPECT_EQ(waiting.times_settled, 0);
  set_isr({kSelf}, 2);
  EXPECT_EQ(waiting.code(), ErrorCode::kNone);
  const Sent& refused = send("b", {7, 1});
  EXPECT_EQ(refused.code(), ErrorCode::kNotEnoughReplicas);
  EXPECT_NE(refused.op.outcome.message.find("min.isr"), std::string::npos);
  EXPECT_EQ(log_end(), Offset{1});
}

TEST_F(PartitionTest, AReencodedBatchIsComparedAndItsAnswerFollowsTodaysLeadership) {
  start(FlushPolicy::kOs);
  EXPECT_EQ(send("a", {7, 0}).offset(), 0);
  Sent& equal = send("a", {7, 0}, -1, 2);
  look_up(equal);
  EXPECT_EQ(equal.code(), ErrorCode::kNone);
  EXPECT_EQ(equal.offset(), 0);
  Sent& other = send("x", {7, 0}, -1, 2);
  look_up(other);
  EXPECT_EQ(other.code(), ErrorCode::kOutOfOrderSequenceNumber);
  Sent& too_many = send("a", {7, 0}, -1, 3);
  ASSERT_TRUE(slots_.try_enter());
  look_up(too_many);
  slots_.leave();
  EXPECT_EQ(too_many.code(), ErrorCode::kNotLeaderOrFollower) << "retriable: it is asked again";
  Sent& moved = send("a", {7, 0}, -1, 3);
  look_up(moved, [this] { partition_->resign(LeaderEpoch{2}); });
  EXPECT_EQ(moved.code(), ErrorCode::kNotLeaderOrFollower);
  EXPECT_EQ(log_end(), Offset{1});
}

TEST_F(PartitionTest, WhatIsOlderThanTheWindowIsLookedUpAndADiskThatFailsStoresNothing) {
  start(FlushPolicy::kOs);
  for (int32_t i = 0; i < 8; ++i) EXPECT_EQ(send("v" + std::to_string(i), {7, i}).offset(), i);
  Sent& found = send("v0", {7, 0});
  look_up(found);
  EXPECT_EQ(found.code(), ErrorCode::kNone);
  EXPECT_EQ(found.offset(), 0);
  Sent& unread = send("v1", {7, 1});
  fail_next(rt::sim::DiskOp::kRead, Cause::kIo);
  look_up(unread);
  EXPECT_EQ(unread.code(), ErrorCode::kKafkaStorageError);
  EXPECT_EQ(log_end(), Offset{8});
}

TEST_F(PartitionTest, ADeletedPartitionAnswersWhoWaits) {
  start(FlushPolicy::kAck);
  Sent& waiting = send("a", {7, 0}, 1);
  on_home([this] { partition_->fail(ErrorCode::kUnknownTopicOrPartition); });
  wait(std::chrono::milliseconds(10));
  EXPECT_EQ(waiting.code(), ErrorCode::kUnknownTopicOrPartition);
  on_home([this] { partition_->lead({.epoch = LeaderEpoch{2}, .isr = {kSelf}}); });
  EXPECT_EQ(send("b", {7, 1}).code(), ErrorCode::kUnknownTopicOrPartition) << "for good";
}

}  // namespace
}  // namespace semel::replica
