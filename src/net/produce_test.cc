// Produce over the wire: codes, acks, order, waiting.
#include <functional>

#include "base/units.h"
#include "gen/metadata.h"
#include "net/test_broker.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

using PartitionAnswer = gen::ProduceResponse::PartitionProduceResponse;

class ProduceTest : public ::testing::Test {
 protected:
  void start(const TestBrokerOptions& options = {}) {
    broker_.emplace(dir_.path(), options);
    broker_->create_topic({"t", 3, {}});
  }
  PartitionAnswer produce(TestClient& client, const gen::ProduceRequest& request,
                          int16_t version = 12) {
    const auto response = client.call<gen::ProduceResponse>(request, version);
    EXPECT_EQ(response.responses.size(), 1u);
    return response.responses[0].partition_responses[0];
  }
  PartitionAnswer produce(bytes::Buffer batch, const std::string& topic = "t", int16_t acks = -1) {
    TestClient client(*broker_);
    return produce(client, produce_request(topic, 0, std::move(batch), acks));
  }

  TempDir dir_;
  std::optional<TestBroker> broker_;
};

TEST_F(ProduceTest, UnknownPlaces) {
  start();
  TestClient client(*broker_);
  EXPECT_EQ(produce(client, produce_request("none", 0, batch_of({"x"}))).error_code, 3);
  EXPECT_EQ(produce(client, produce_request("t", 3, batch_of({"x"}))).error_code, 3);
  EXPECT_EQ(produce(client, produce_request("t", -1, batch_of({"x"}))).error_code, 3);
  auto by_id = produce_request("", 0, batch_of({"x"}));
  by_id.topic_data[0].topic_id = Uuid::from_halves(7, 7);
  const auto unknown = produce(client, by_id, 13);
  EXPECT_EQ(unknown.error_code, 100);
  EXPECT_EQ(unknown.log_start_offset, -1);
  by_id.topic_data[0].topic_id = broker_->image()->topic("t")->id;
  EXPECT_EQ(produce(client, by_id, 13).error_code, 0);
  broker_->create_topic({"__consumer_offsets", 1, {}});
  EXPECT_EQ(produce(client, produce_request("__consumer_offsets", 0, batch_of({"x"}))).error_code,
            17);
}

TEST_F(ProduceTest, WhatIsNotARightBatchIsRefusedAloneAndNothingIsStored) {
  start();
  const auto changed = [](const std::function<void(std::vector<std::byte>&)>& change) {
    const bytes::Buffer batch = batch_of({"value"});
    std::vector<std::byte> bytes(batch.span().begin(), batch.span().end());
    change(bytes);
    return bytes::Buffer::take(std::move(bytes));
  };
  EXPECT_EQ(produce(changed([](auto& b) { b[60] ^= std::byte{1}; })).error_code, 2);
  EXPECT_EQ(produce(changed([](auto& b) { b[7] = std::byte{1}; })).error_code, 87);
  EXPECT_EQ(produce(changed([](auto& b) { b.clear(); })).error_code, 87);
  EXPECT_EQ(produce(changed([](auto& b) { b.resize(40); })).error_code, 87);
  const auto too_large = produce(batch_of({std::string(1'100'000, 'x')}));
  EXPECT_EQ(too_large.error_code, 10);
  EXPECT_EQ(too_large.log_start_offset, -1);
  const auto acks = produce(batch_of({"x"}), "t", 2);
  EXPECT_EQ(acks.error_code, 21);
  EXPECT_EQ(acks.base_offset, -1);
  const auto transactional =
      produce(batch_of({"x"}, {1, 0, 0}, 1'750'000'000'000, {.is_transactional = true}));
  EXPECT_EQ(transactional.error_code, 48);
  EXPECT_EQ(produce(batch_of({"first"})).base_offset, 0);
}

TEST_F(ProduceTest, SeveralPartitionsAnswerInTheOrderAsked) {
  start();
  auto request = produce_request("t", 2, batch_of({"c"}));
  const auto add = [&request](int32_t index, bytes::Buffer batch) {
    auto& data = request.topic_data[0].partition_data.append();
    data.index = index;
    data.records = wire::Records(std::move(batch));
  };
  add(7, batch_of({"nowhere"}));
  add(0, batch_of({"a", "b"}));
  add(1, bytes::Buffer::copy_of("no batch at all"));
  TestClient client(*broker_);
  const auto response = client.call<gen::ProduceResponse>(request, 9);
  const auto& answers = response.responses[0].partition_responses;
  ASSERT_EQ(answers.size(), 4u);
  const std::vector<std::pair<int32_t, int16_t>> expected = {{2, 0}, {7, 3}, {0, 0}, {1, 87}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(answers[i].index, expected[i].first);
    EXPECT_EQ(answers[i].error_code, expected[i].second);
  }
}

// Such a request is served in parts; another connection's has its turn between them.
TEST_F(ProduceTest, ThousandsOfBatchesInOneRequestKeepTheirOrder) {
  start();
  for (const int16_t acks : {int16_t{-1}, int16_t{1}}) {
    gen::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 60'000;
    int32_t sequence = 0;
    const auto add_topic = [&](const std::string& name, int count, int32_t partition) {
      auto& topic = request.topic_data.append();
      topic.name = name;
      for (int i = 0; i < count; ++i) {
        auto& data = topic.partition_data.append();
        data.index = partition;
        const TestProducer producer{500 + acks, 0, name == "t" ? sequence++ : 0};
        data.records = wire::Records(batch_of({"v"}, producer));
      }
    };
    add_topic("t", 1500, 0);
    add_topic("empty", 0, 0);
    add_topic("none", 1200, 0);
    add_topic("t", 2300, 0);
    TestClient client(*broker_);
    TestClient other(*broker_);
    const int32_t large = client.send(request, 9);
    const int32_t behind =
        client.send(produce_request("t", 0, batch_of({"last"}, {500 + acks, 0, sequence})), 9);
    const auto beside =
        other.call<gen::ProduceResponse>(produce_request("t", 1, batch_of({"b"})), 9);
    EXPECT_EQ(beside.responses[0].partition_responses[0].error_code, 0);
    const auto response = client.receive_as<gen::ProduceResponse>(large, 9);
    ASSERT_EQ(response.responses.size(), 4u);
    const int64_t first = response.responses[0].partition_responses[0].base_offset;
    int64_t next = first;
    for (const size_t topic : {0, 3}) {
      for (const PartitionAnswer& answer : response.responses[topic].partition_responses) {
        EXPECT_EQ(answer.error_code, 0);
        EXPECT_EQ(answer.base_offset, next++);
      }
    }
    EXPECT_EQ(next, first + 3800);
    EXPECT_EQ(response.responses[1].partition_responses.size(), 0u);
    ASSERT_EQ(response.responses[2].partition_responses.size(), 1200u);
    for (const PartitionAnswer& answer : response.responses[2].partition_responses)
      EXPECT_EQ(answer.error_code, 3);
    const auto last = client.receive_as<gen::ProduceResponse>(behind, 9);
    EXPECT_EQ(last.responses[0].partition_responses[0].base_offset, next);
  }
}

TEST_F(ProduceTest, APeerThatLeavesAThousandsOfBatchesIsForgotten) {
  start();
  gen::ProduceRequest request;
  request.acks = 0;
  auto& topic = request.topic_data.append();
  topic.name = "t";
  for (int i = 0; i < 5000; ++i) {
    auto& data = topic.partition_data.append();
    data.index = i % 4;  // 3 does not exist
    data.records = wire::Records(batch_of({"v"}));
  }
  for (int round = 0; round < 5; ++round) {
    TestClient leaver(*broker_);
    leaver.send(request, 9);
    if (round % 2 == 0) request.acks = -1;
  }
  TestClient closed(*broker_);
  request.acks = 0;
  closed.send(request, 9);
  EXPECT_FALSE(closed.receive().has_value()) << "acks=0 tells of an error by closing";
}

TEST_F(ProduceTest, EveryVersionIsAnswered) {
  start();
  TestClient client(*broker_);
  for (int16_t version = 3; version <= 12; ++version) {
    const auto answer = produce(client, produce_request("t", 1, batch_of({"v"})), version);
    EXPECT_EQ(answer.error_code, 0) << version;
    EXPECT_EQ(answer.base_offset, version - 3) << version;
  }
}

// What takes long to unpack is checked beside the reactor; nothing of its connection passes it.
TEST_F(ProduceTest, MuchToUnpackKeepsItsPlace) {
  start();
  const record::BatchOptions zstd{.codec = bytes::CodecId::kZstd};
  const auto heavy = [&](int32_t sequence) {
    return batch_of({std::string(600'000, 'h'), "end"}, {5, 0, sequence}, 1'750'000'000'000, zstd);
  };
  TestClient client(*broker_);
  TestClient other(*broker_);
  for (int32_t round = 0; round < 10; ++round) {
    const int32_t base = round * 6;
    std::vector<int32_t> ids;
    ids.push_back(client.send(produce_request("t", 0, batch_of({"a"}, {5, 0, base})), 9));
    ids.push_back(client.send(produce_request("t", 0, heavy(base + 1)), 9));
    ids.push_back(client.send(produce_request("t", 0, batch_of({"b"}, {5, 0, base + 3})), 9));
    ids.push_back(client.send(produce_request("t", 0, heavy(base + 4)), 9));
    const auto bomb =
        other.send(produce_request(
                       "t", 1, batch_of({std::string(40 << 20, 'x')}, {}, 1'750'000'000'000, zstd)),
                   9);
    std::vector<int64_t> offsets;
    for (const int32_t id : ids) {
      const auto answer = client.receive_as<gen::ProduceResponse>(id, 9);
      EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, 0) << "round " << round;
      offsets.push_back(answer.responses[0].partition_responses[0].base_offset);
    }
    EXPECT_EQ(offsets, (std::vector<int64_t>{base, base + 1, base + 3, base + 4}));
    const auto refused = other.receive_as<gen::ProduceResponse>(bomb, 9);
    EXPECT_EQ(refused.responses[0].partition_responses[0].error_code, 87) << "a bomb";
  }
  client.send(produce_request("t", 0, heavy(60)), 9);  // and nobody waits for it
}

TEST_F(ProduceTest, WithoutAcksThereIsNoAnswer) {
  start();
  TestClient client(*broker_);
  client.send(produce_request("t", 0, batch_of({"quiet"}), 0), 9);
  const auto answer = produce(client, produce_request("t", 0, batch_of({"heard"})));
  EXPECT_EQ(answer.base_offset, 1);
}

TEST_F(ProduceTest, WithoutAcksAnErrorEndsTheConnectionAfterEarlierAnswers) {
  start();
  TestClient client(*broker_);
  const int32_t earlier = client.send(produce_request("t", 0, batch_of({"heard"})), 9);
  client.send(produce_request("none", 0, batch_of({"lost"}), 0), 9);
  client.send(produce_request("t", 0, batch_of({"not read any more"})), 9);
  const auto answer = client.receive_as<gen::ProduceResponse>(earlier, 9);
  EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, 0);
  EXPECT_FALSE(client.receive().has_value());
  EXPECT_EQ(produce(batch_of({"next"})).base_offset, 1);
}

TEST_F(ProduceTest, PipelinedBatchesOfOneProducerKeepTheirOrder) {
  for (const auto flush : {replica::FlushPolicy::kAck, replica::FlushPolicy::kOs}) {
    TempDir dir;
    TestBrokerOptions options;
    options.flush = flush;
    options.reactors = 2;
    options.topics = {{"p", 1, {}}};
    TestBroker broker(dir.path(), options);
    TestClient client(broker);
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < 100; ++i)
      ids.push_back(
          client.send(produce_request("p", 0, batch_of({"a", "b", "c"}, {5, 0, 3 * i})), 9));
    for (int32_t i = 0; i < 100; ++i) {
      const auto answer = client.receive_as<gen::ProduceResponse>(ids[static_cast<size_t>(i)], 9);
      const auto& got = answer.responses[0].partition_responses[0];
      ASSERT_EQ(got.error_code, 0) << got.error_message.value_or("");
      ASSERT_EQ(got.base_offset, 3 * i);
    }
  }
}

TEST_F(ProduceTest, FlushMessagesBeginsAFlush) {
  TempDir dir;
  TestBrokerOptions options;
  options.flush = replica::FlushPolicy::kOs;
  options.topics = {{"m", 1, {{"flush.messages", "10"}}}};
  TestBroker broker(dir.path(), options);
  TestClient client(broker);
  const auto partition = broker.replicas().table().current()->find("m")->partitions[0];
  const auto produce_three = [&](int32_t sequence) {
    const auto id =
        client.send(produce_request("m", 0, batch_of({"a", "b", "c"}, {5, 0, sequence})), 9);
    client.receive_as<gen::ProduceResponse>(id, 9);
  };
  for (int32_t i = 0; i < 3; ++i) produce_three(3 * i);
  EXPECT_EQ(partition->log().flushed_end(), Offset{0});
  produce_three(9);
  for (int i = 0; i < 500 && partition->log().flushed_end() < Offset{12}; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(partition->log().flushed_end(), Offset{12});
}

TEST_F(ProduceTest, AGapIsExplained) {
  start();
  EXPECT_EQ(produce(batch_of({"x"}, {9, 0, 0})).error_code, 0);
  const auto gap = produce(batch_of({"x"}, {9, 0, 5}));
  EXPECT_EQ(gap.error_code, 45);
  ASSERT_TRUE(gap.error_message.has_value());
  EXPECT_NE(gap.error_message->find('1'), std::string::npos) << *gap.error_message;
  EXPECT_NE(gap.error_message->find('5'), std::string::npos) << *gap.error_message;
}

TEST_F(ProduceTest, AReencodedBatchIsADuplicateAndOtherRecordsAreNot) {
  start();
  EXPECT_EQ(produce(batch_of({"one", "two"}, {9, 0, 0})).base_offset, 0);
  const auto again = produce(
      batch_of({"one", "two"}, {9, 0, 0}, 1'750'000'000'999, {.codec = bytes::CodecId::kGzip}));
  EXPECT_EQ(again.error_code, 0) << again.error_message.value_or("");
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(again.log_append_time_ms, 1'750'000'000'000);
  const auto other = produce(batch_of({"one", "TWO"}, {9, 0, 0}));
  EXPECT_EQ(other.error_code, 45);
  EXPECT_EQ(produce(batch_of({"three"}, {9, 0, 2})).base_offset, 2);
}

TEST_F(ProduceTest, ABatchOlderThanTheWindowIsFoundInTheLog) {
  start();
  for (int32_t i = 0; i < 400; ++i)
    ASSERT_EQ(produce(batch_of({"v" + std::to_string(i)}, {9, 0, i})).base_offset, i);
  for (const int32_t old : {0, 1, 200, 390, 399}) {
    const auto again = produce(batch_of({"v" + std::to_string(old)}, {9, 0, old}));
    EXPECT_EQ(again.error_code, 0) << old << again.error_message.value_or("");
    EXPECT_EQ(again.base_offset, old);
    const auto other = produce(batch_of({"w" + std::to_string(old)}, {9, 0, old}));
    EXPECT_EQ(other.error_code, 45) << old;
  }
}

TEST_F(ProduceTest, TimestampsAndKeysAreTheTopicsBusiness) {
  start();
  broker_->create_topic({"now", 1, {{"message.timestamp.type", "LogAppendTime"}}});
  const auto stamped = produce(batch_of({"x"}), "now");
  EXPECT_EQ(stamped.error_code, 0);
  EXPECT_GT(stamped.log_append_time_ms, 1'750'000'000'000);
  broker_->create_topic({"keyed", 1, {{"cleanup.policy", "compact"}}});
  const auto keyless = produce(batch_of({"a", "b"}), "keyed");
  EXPECT_EQ(keyless.error_code, 87);
  ASSERT_EQ(keyless.record_errors.size(), 2u);
  EXPECT_EQ(keyless.record_errors[1].batch_index, 1);
  EXPECT_EQ(keyless.log_start_offset, 0);
  broker_->create_topic({"recent", 1, {{"message.timestamp.before.max.ms", "1000"}}});
  EXPECT_EQ(produce(batch_of({"x"}, {}, 1'600'000'000'000), "recent").error_code, 32);
}

TEST_F(ProduceTest, ADuplicateIsAnsweredWhateverTodaysSettingsSay) {
  start();
  broker_->create_topic({"small", 1, {{"max.message.bytes", "100000"}}});
  const auto batch = [] { return batch_of({std::string(5000, 'x')}, {9, 0, 0}); };
  EXPECT_EQ(produce(batch(), "small").base_offset, 0);
  broker_->set_config("small", {{"max.message.bytes", "1000"}});
  const auto again = produce(batch(), "small");
  EXPECT_EQ(again.error_code, 0);
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(produce(batch_of({std::string(5000, 'x')}, {9, 0, 1}), "small").error_code, 10);
}

TEST_F(ProduceTest, WhatTheOtherReplicasHaveIsNotMadeUp) {
  start();
  broker_->set_isr("t", 0, {TestBroker::kSelf, BrokerId{2}});
  TestClient client(*broker_);
  auto request = produce_request("t", 0, batch_of({"waits"}));
  request.timeout_ms = 200;
  EXPECT_EQ(produce(client, request).error_code, 7);
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"}), 1)).error_code, 0);
  // The other one leaves the ISR: what was appended is committed now.
  broker_->set_isr("t", 0, {TestBroker::kSelf});
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"}))).base_offset, 2);
  const auto fetched = client.call<gen::FetchResponse>(fetch_request("t", 0, 0), 11);
  EXPECT_EQ(fetched.responses[0].partitions[0].high_watermark, 3);
}

TEST_F(ProduceTest, TooFewReplicasForAcksAll) {
  start();
  broker_->create_topic({"pair", 1, {{"min.insync.replicas", "2"}}});
  broker_->set_isr("pair", 0, {TestBroker::kSelf, BrokerId{2}});
  broker_->set_isr_only("pair", 0, {TestBroker::kSelf});
  const auto refused = produce(batch_of({"x"}), "pair");
  EXPECT_EQ(refused.error_code, 19);
  EXPECT_EQ(produce(batch_of({"x"}), "pair", 1).error_code, 0);
}

TEST_F(ProduceTest, LeadershipThatMovesIsToldWithTheNewLeader) {
  start();
  broker_->set_isr("t", 0, {TestBroker::kSelf, BrokerId{2}});
  TestClient client(*broker_);
  const int32_t waiting = client.send(produce_request("t", 0, batch_of({"waits"})), 12);
  TestClient other(*broker_);
  EXPECT_EQ(produce(other, produce_request("t", 1, batch_of({"x"}))).error_code, 0);
  broker_->move_leader("t", 0, BrokerId{2}, 4);
  const auto answer = client.receive_as<gen::ProduceResponse>(waiting, 12);
  EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, 6);
  const auto refused = produce(client, produce_request("t", 0, batch_of({"x"})));
  EXPECT_EQ(refused.error_code, 6);
  EXPECT_EQ(refused.current_leader.leader_id, 2);
  EXPECT_EQ(refused.current_leader.leader_epoch, 4);
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"})), 5).error_code, 6);
  broker_->move_leader("t", 0, TestBroker::kSelf, 5);
  broker_->set_isr("t", 0, {TestBroker::kSelf});
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"}))).error_code, 0);
}

TEST_F(ProduceTest, DeletedAndMadeAgain) {
  start();
  TestClient client(*broker_);
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"}, {9, 0, 0}))).base_offset, 0);
  broker_->delete_topic("t");
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"}, {9, 0, 1}))).error_code, 3);
  broker_->create_topic({"t", 1, {}, 0, 1});
  EXPECT_EQ(produce(client, produce_request("t", 0, batch_of({"x"}, {9, 0, 1}))).base_offset, 0);
}

TEST_F(ProduceTest, MalformedBodiesEndTheConnection) {
  start();
  TestClient client(*broker_);
  const bytes::Buffer frame = client.frame(produce_request("t", 0, batch_of({"x"})), 9);
  std::vector<std::byte> bytes(frame.span().begin(), frame.span().end());
  bytes[4 + 8 + 2 + 4 + 1 + 1 + 2 + 4] = std::byte{0xff};  // the count of topics
  client.send(bytes);
  EXPECT_FALSE(client.receive().has_value());
  EXPECT_EQ(produce(batch_of({"fine"})).error_code, 0);
}

TEST_F(ProduceTest, ABrokerStopsAlthoughAcknowledgementsAreMissing) {
  start();
  broker_->set_isr("t", 0, {TestBroker::kSelf, BrokerId{2}});
  auto request = produce_request("t", 0, batch_of({"waits"}));
  request.timeout_ms = 600'000;
  {
    TestClient leaving(*broker_);
    leaving.send(request, 9);
    EXPECT_FALSE(leaving.receive(std::chrono::milliseconds(50)).has_value());
  }
  TestClient waiting(*broker_);
  waiting.send(request, 9);
  EXPECT_FALSE(waiting.receive(std::chrono::milliseconds(50)).has_value());
  broker_->stop_server();
}

TEST_F(ProduceTest, NoClientHasSoManyPartitions) {
  start();
  TestClient client(*broker_);
  auto request = produce_request("t", 0, batch_of({"x"}));
  for (int32_t i = 0; i < 100'000; ++i) request.topic_data[0].partition_data.append().index = i;
  client.send(request, 9);
  EXPECT_FALSE(client.receive().has_value());
  EXPECT_EQ(produce(batch_of({"fine"})).base_offset, 0);
}

}  // namespace
}  // namespace semel::net
