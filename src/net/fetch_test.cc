// Fetch over the wire: long polls, budgets, sessions, isolation, Kafka's own files.
#include "gen/fetch.h"

#include <fstream>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "base/units.h"
#include "gen/list_offsets.h"
#include "net/test_broker.h"
#include "net/test_records.h"
#include "record/batch_header.h"

namespace semel::net {
namespace {

using PartitionData = gen::FetchResponse::PartitionData;

class FetchTest : public ::testing::Test {
 protected:
  void start(const TestBrokerOptions& options = {}) {
    broker_.emplace(dir_.path(), options);
    client_.emplace(*broker_);
    writer_.emplace(*broker_);
    broker_->create_topic({"t", 3, {}});
  }
  int64_t produce(int32_t partition, const std::vector<std::string>& values,
                  record::BatchOptions options = {}) {
    const auto answer = writer_->call<gen::ProduceResponse>(
        produce_request("t", partition, batch_of(values, {}, 1'750'000'000'000, options)), 9);
    EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, 0);
    return answer.responses[0].partition_responses[0].base_offset;
  }
  PartitionData fetch(const gen::FetchRequest& request, int16_t version = 12) {
    const auto response = client_->call<gen::FetchResponse>(request, version);
    EXPECT_EQ(response.error_code, 0);
    EXPECT_EQ(response.responses.size(), 1u);
    if (response.responses.empty()) return {};
    return response.responses[0].partitions[0];
  }
  double seconds_since(rt::Instant start) {
    return std::chrono::duration<double>(broker_->runtime()->clock->now() - start).count();
  }
  rt::Instant now() { return broker_->runtime()->clock->now(); }

  TempDir dir_;
  std::optional<TestBroker> broker_;
  std::optional<TestClient> client_;
  std::optional<TestClient> writer_;
};

TEST_F(FetchTest, ALongPollEndsWithNews) {
  start({.reactors = 2});
  auto request = fetch_request("t", 0, 0);
  request.max_wait_ms = 20'000;
  const rt::Instant begin = now();
  for (int round = 0; round < 20; ++round) {
    request.topics[0].partitions[0].fetch_offset = round;
    const int32_t id = client_->send(request, 12);
    produce(0, {"n" + std::to_string(round)});
    const auto response = client_->receive_as<gen::FetchResponse>(id, 12);
    ASSERT_EQ(response.responses.size(), 1u);
    EXPECT_EQ(values_in(response.responses[0].partitions[0].records.buffer()),
              (std::vector<std::string>{"n" + std::to_string(round)}));
  }
  EXPECT_LT(seconds_since(begin), 10.0);
}

TEST_F(FetchTest, ALongPollEndsWithItsTime) {
  start();
  auto request = fetch_request("t", 0, 0);
  request.max_wait_ms = 300;
  const rt::Instant begin = now();
  const PartitionData data = fetch(request);
  EXPECT_EQ(data.error_code, 0);
  EXPECT_EQ(data.records.size(), 0u);
  EXPECT_FALSE(data.records.is_null());
  EXPECT_GE(seconds_since(begin), 0.29);
  EXPECT_LT(seconds_since(begin), 3.0);
}

TEST_F(FetchTest, ALongPollEndsWhenMemoryIsShort) {
  SocketServerConfig server;
  server.frame_bytes_max = 4 << 20;
  start({.server = server, .memory = 24 << 20});
  auto request = fetch_request("t", 0, 0);
  const auto asked = request.topics[0].partitions[0];
  for (int i = 0; i < 20'000; ++i) request.topics[0].partitions.append() = asked;
  request.max_wait_ms = 60'000;
  const rt::Instant begin = now();
  const int32_t first = client_->send(request, 12);
  const int32_t second = client_->send(request, 12);
  EXPECT_FALSE(client_->receive(std::chrono::milliseconds(200)).has_value());
  TestClient other(*broker_);
  const int32_t third = other.send(request, 12);
  for (const int32_t id : {first, second}) {
    const auto response = client_->receive_as<gen::FetchResponse>(id, 12);
    EXPECT_EQ(response.responses[0].partitions.size(), 20'001u);
  }
  EXPECT_FALSE(other.receive(std::chrono::milliseconds(200)).has_value()) << "it polls";
  produce(0, {"news"});
  EXPECT_EQ(other.receive_as<gen::FetchResponse>(third, 12).responses[0].partitions.size(),
            20'001u);
  EXPECT_LT(seconds_since(begin), 30.0);
}

TEST_F(FetchTest, MinBytesAreCountedOverPartitionsAndAppends) {
  start();
  auto request = fetch_request("t", 0, 0);
  auto& other = request.topics[0].partitions.append();
  other.partition = 1;
  other.partition_max_bytes = 1 << 20;
  request.max_wait_ms = 20'000;
  request.min_bytes = 3000;
  const int32_t id = client_->send(request, 11);
  for (int i = 0; i < 3; ++i) {
    produce(i % 2, {std::string(800, 'x')});
    EXPECT_FALSE(client_->receive(std::chrono::milliseconds(20)).has_value()) << i;
  }
  produce(1, {std::string(800, 'x')});
  const auto response = client_->receive_as<gen::FetchResponse>(id, 11);
  ASSERT_EQ(response.responses[0].partitions.size(), 2u);
  EXPECT_EQ(values_in(response.responses[0].partitions[0].records.buffer()).size(), 2u);
  EXPECT_EQ(values_in(response.responses[0].partitions[1].records.buffer()).size(), 2u);
}

TEST_F(FetchTest, AReaderThatLeavesIsForgotten) {
  start();
  auto request = fetch_request("t", 0, 0);
  request.max_wait_ms = 60'000;
  {
    TestClient leaving(*broker_);
    leaving.send(request, 12);
    produce(1, {"unrelated"});
  }
  for (int i = 0; i < 500 && broker_->server().connection_count() > 2; ++i)
    EXPECT_FALSE(client_->receive(std::chrono::milliseconds(5)).has_value());
  EXPECT_EQ(broker_->server().connection_count(), 2u);
  produce(0, {"nobody waits"});
}

TEST_F(FetchTest, BudgetsAndTheFirstBatch) {
  start();
  for (int i = 0; i < 5; ++i) produce(0, {std::string(10'000, static_cast<char>('a' + i))});
  produce(1, {"small"});
  auto request = fetch_request("t", 0, 0);
  auto& other = request.topics[0].partitions.append();
  other.partition = 1;
  other.partition_max_bytes = 1 << 20;

  request.topics[0].partitions[0].partition_max_bytes = 25'000;
  auto response = client_->call<gen::FetchResponse>(request, 12);
  EXPECT_EQ(values_in(response.responses[0].partitions[0].records.buffer()).size(), 2u);
  EXPECT_EQ(values_in(response.responses[0].partitions[1].records.buffer()).size(), 1u);

  request.max_bytes = 100;
  response = client_->call<gen::FetchResponse>(request, 12);
  EXPECT_EQ(values_in(response.responses[0].partitions[0].records.buffer()).size(), 1u);
  EXPECT_EQ(response.responses[0].partitions[1].records.size(), 0u);

  request.max_bytes = 1 << 20;
  request.topics[0].partitions[0].partition_max_bytes = 0;
  response = client_->call<gen::FetchResponse>(request, 12);
  EXPECT_EQ(values_in(response.responses[0].partitions[0].records.buffer()).size(), 1u);
}

TEST_F(FetchTest, OfABatchThatDoesNotFitBehindOthersNothingIsSent) {
  start();
  produce(0, {"small"});
  produce(1, {std::string(10'000, 'L')});
  auto request = fetch_request("t", 0, 0);
  auto& other = request.topics[0].partitions.append();
  other.partition = 1;
  other.partition_max_bytes = 500;
  const auto response = client_->call<gen::FetchResponse>(request, 12);
  EXPECT_EQ(values_in(response.responses[0].partitions[0].records.buffer()).size(), 1u);
  EXPECT_EQ(response.responses[0].partitions[1].error_code, 0);
  EXPECT_EQ(response.responses[0].partitions[1].records.size(), 0u)
      << "since KIP-74 clients take a piece of a batch for a broken broker";
}

TEST_F(FetchTest, StoredBytesThatAreNoBatchAreAnsweredAsCorrupt) {
  start();
  const bytes::Buffer batch = batch_of({"a", "b"}, {}, 1'750'000'000'000);
  for (int i = 0; i < 3; ++i) produce(0, {"a", "b"});
  std::fstream file(dir_.path() + "/t-0/00000000000000000000.log",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(batch.size() + SEMEL_BATCH_FIELD(batch_length)));
  file.put('\x10').flush();
  // What was appended in the last second is taken from the head of the log as it was written.
  PartitionData data = fetch(fetch_request("t", 0, 2));
  for (int i = 0; i < 100 && data.error_code == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    data = fetch(fetch_request("t", 0, 2));
  }
  EXPECT_EQ(data.error_code, 2);
  EXPECT_EQ(data.records.size(), 0u);
  EXPECT_EQ(fetch(fetch_request("t", 0, 3)).error_code, 2);
  EXPECT_EQ(fetch(fetch_request("t", 0, 0)).error_code, 0);
  EXPECT_EQ(fetch(fetch_request("t", 0, 4)).error_code, 0);
}

TEST_F(FetchTest, InternalSegmentBytesRollsTheLogBelowTheLeastOfSegmentBytes) {
  start();
  broker_->create_topic(
      {"s", 1, {{"segment.bytes", "1048576"}, {"internal.segment.bytes", "300"}}});
  for (int i = 0; i < 4; ++i) {
    const auto answer = writer_->call<gen::ProduceResponse>(
        produce_request("s", 0, batch_of({std::string(200, 'x')}, {}, 1'750'000'000'000)), 9);
    ASSERT_EQ(answer.responses[0].partition_responses[0].error_code, 0);
  }
  std::vector<std::string> logs;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path() + "/s-0")) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".log")) logs.push_back(name);
  }
  std::ranges::sort(logs);
  EXPECT_EQ(logs,
            (std::vector<std::string>{"00000000000000000000.log", "00000000000000000001.log",
                                      "00000000000000000002.log", "00000000000000000003.log"}));
  EXPECT_EQ(fetch(fetch_request("s", 0, 3)).error_code, 0);
}

TEST_F(FetchTest, EveryVersionReadsTheSame) {
  start();
  produce(0, {"small"});
  produce(0, {std::string(100'000, 'L')});
  for (int16_t version = 4; version <= 18; ++version) {
    auto request = fetch_request("t", 0, 0);
    request.topics[0].topic_id = broker_->image()->topic("t")->id;
    const PartitionData data = fetch(request, version);
    EXPECT_EQ(data.error_code, 0) << version;
    EXPECT_EQ(data.high_watermark, 2) << version;
    EXPECT_EQ(values_in(data.records.buffer()),
              (std::vector<std::string>{"small", std::string(100'000, 'L')}))
        << version;
  }
}

TEST_F(FetchTest, ManyMegabytesLeaveInOrder) {
  start({.reactors = 2});
  std::vector<std::string> sent;
  for (int i = 0; i < 60; ++i) {
    sent.push_back(std::string(900'000, static_cast<char>('a' + i % 26)) + std::to_string(i));
    produce(2, {sent.back()});
  }
  std::vector<std::string> read;
  std::vector<int32_t> ids;
  auto request = fetch_request("t", 2, 0);
  request.max_bytes = 40 << 20;
  request.topics[0].partitions[0].partition_max_bytes = 40 << 20;
  while (read.size() < sent.size()) {
    request.topics[0].partitions[0].fetch_offset = static_cast<int64_t>(read.size());
    const auto values = values_in(fetch(request).records.buffer());
    ASSERT_FALSE(values.empty());
    read.insert(read.end(), values.begin(), values.end());
  }
  EXPECT_EQ(read, sent);
}

TEST_F(FetchTest, PlacesThatDoNotExist) {
  start();
  produce(0, {"a", "b"});
  EXPECT_EQ(fetch(fetch_request("t", 0, 3)).error_code, 1);
  EXPECT_EQ(fetch(fetch_request("t", 0, -1)).error_code, 1);
  EXPECT_EQ(fetch(fetch_request("t", 0, 2)).error_code, 0);
  EXPECT_EQ(fetch(fetch_request("t", 9, 0)).error_code, 3);
  EXPECT_EQ(fetch(fetch_request("none", 0, 0)).error_code, 3);
  auto by_id = fetch_request("", 0, 0);
  by_id.topics[0].topic_id = Uuid::from_halves(3, 4);
  EXPECT_EQ(fetch(by_id, 13).error_code, 100);
  auto follower = fetch_request("t", 0, 0);
  follower.replica_id = 2;
  EXPECT_EQ(fetch(follower).error_code, 75);
}

TEST_F(FetchTest, LeaderEpochs) {
  start();
  produce(0, {"a", "b"});
  broker_->move_leader("t", 0, TestBroker::kSelf, 4);
  produce(0, {"c"});
  auto request = fetch_request("t", 0, 0);
  auto& asked = request.topics[0].partitions[0];
  asked.current_leader_epoch = 3;
  EXPECT_EQ(fetch(request).error_code, 74);
  asked.current_leader_epoch = 5;
  EXPECT_EQ(fetch(request).error_code, 75);
  asked.current_leader_epoch = 4;
  EXPECT_EQ(fetch(request).error_code, 0);
  // A reader that saw offset 3 in epoch 0, which ended at 2.
  asked.fetch_offset = 3;
  asked.last_fetched_epoch = 0;
  const PartitionData data = fetch(request);
  EXPECT_EQ(data.error_code, 0);
  EXPECT_EQ(data.diverging_epoch.epoch, 0);
  EXPECT_EQ(data.diverging_epoch.end_offset, 2);
  EXPECT_EQ(data.records.size(), 0u);
}

TEST_F(FetchTest, ASessionTellsOnlyNews) {
  start();
  produce(0, {"zero"});
  auto first = fetch_request("t", 0, 0);
  for (const int32_t index : {1, 2}) {
    auto& more = first.topics[0].partitions.append();
    more.partition = index;
    more.partition_max_bytes = 1 << 20;
  }
  first.session_epoch = 0;
  const auto full = client_->call<gen::FetchResponse>(first, 12);
  ASSERT_NE(full.session_id, 0);
  EXPECT_EQ(full.responses[0].partitions.size(), 3u);
  EXPECT_EQ(broker_->sessions().size(), 1u);

  gen::FetchRequest next;
  next.max_bytes = 1 << 20;
  next.session_id = full.session_id;
  next.session_epoch = 1;
  auto& moved = next.topics.append();
  moved.topic = "t";
  auto& position = moved.partitions.append();
  position.fetch_offset = 1;
  position.partition_max_bytes = 1 << 20;
  auto answer = client_->call<gen::FetchResponse>(next, 12);
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.session_id, full.session_id);
  EXPECT_TRUE(answer.responses.empty());

  produce(1, {"one"});
  next.topics.clear();
  next.session_epoch = 2;
  next.max_wait_ms = 5000;
  next.min_bytes = 1;
  answer = client_->call<gen::FetchResponse>(next, 12);
  ASSERT_EQ(answer.responses.size(), 1u);
  ASSERT_EQ(answer.responses[0].partitions.size(), 1u);
  EXPECT_EQ(answer.responses[0].partitions[0].partition_index, 1);
  EXPECT_EQ(values_in(answer.responses[0].partitions[0].records.buffer()),
            (std::vector<std::string>{"one"}));

  // Partition 1 is forgotten, so its unread record is no news.
  next.session_epoch = 3;
  next.max_wait_ms = 0;
  auto& forgotten = next.forgotten_topics_data.append();
  forgotten.topic = "t";
  forgotten.partitions.push_back(1);
  answer = client_->call<gen::FetchResponse>(next, 12);
  EXPECT_TRUE(answer.responses.empty());

  next.forgotten_topics_data.clear();
  next.session_epoch = 9;
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 12).error_code, 71);
  next.session_id = full.session_id + 1;
  next.session_epoch = 4;
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 12).error_code, 70);
  next.session_id = full.session_id;
  next.topics.append().topic_id = broker_->image()->topic("t")->id;
  next.topics[0].partitions.append();
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 13).error_code, 106);
  next.topics.clear();
  next.session_epoch = -1;
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 12).error_code, 0);
  EXPECT_EQ(broker_->sessions().size(), 0u);
}

TEST_F(FetchTest, TheLargestSessionMovesOnAndALargerOneEnds) {
  constexpr int32_t kMost = api::broker::FetchSessionCache::kPartitionsMax;
  start();
  produce(0, {"zero"});
  auto first = fetch_request("t", 0, 0);
  first.session_epoch = 0;
  for (int32_t index = 1; index < kMost; ++index)
    first.topics[0].partitions.append().partition = index;  // most of them do not exist
  const auto full = client_->call<gen::FetchResponse>(first, 12);
  ASSERT_NE(full.session_id, 0);
  gen::FetchRequest next;
  next.max_bytes = 1 << 20;
  next.session_id = full.session_id;
  next.session_epoch = 1;
  auto& moved = next.topics.append();
  moved.topic = "t";
  auto& position = moved.partitions.append();
  position.fetch_offset = 1;
  position.partition_max_bytes = 1 << 20;
  auto answer = client_->call<gen::FetchResponse>(next, 12);
  EXPECT_EQ(answer.error_code, 0);
  ASSERT_FALSE(answer.responses.empty());
  for (const PartitionData& data : answer.responses[0].partitions) {
    EXPECT_EQ(data.records.size(), 0u) << "partition " << data.partition_index << " is read again";
  }
  next.session_epoch = 2;
  position.partition = kMost;
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 12).error_code, 70)
      << "the client asks for all anew";
  EXPECT_EQ(broker_->sessions().size(), 0u);
}

TEST_F(FetchTest, ASessionIsOfNamesOrOfIds) {
  start();
  produce(0, {"zero"});
  auto first = fetch_request("t", 0, 0);
  first.topics[0].topic_id = broker_->image()->topic("t")->id;
  first.session_epoch = 0;
  const auto by_id = client_->call<gen::FetchResponse>(first, 13);
  const auto by_name = client_->call<gen::FetchResponse>(first, 12);
  gen::FetchRequest next;
  next.max_bytes = 1 << 20;
  next.session_epoch = 1;
  next.session_id = by_id.session_id;
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 12).error_code, 106);
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 13).error_code, 0);
  next.session_id = by_name.session_id;
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 13).error_code, 106);
  EXPECT_EQ(client_->call<gen::FetchResponse>(next, 12).error_code, 0);
}

TEST_F(FetchTest, ASessionThatForgetsEverythingEnds) {
  start();
  auto first = fetch_request("t", 0, 0);
  first.session_epoch = 0;
  gen::FetchRequest next;
  next.session_id = client_->call<gen::FetchResponse>(first, 12).session_id;
  next.session_epoch = 1;
  auto& forgotten = next.forgotten_topics_data.append();
  forgotten.topic = "t";
  forgotten.partitions.push_back(0);
  const auto answer = client_->call<gen::FetchResponse>(next, 12);
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.session_id, 0);
  EXPECT_TRUE(answer.responses.empty());
  EXPECT_EQ(broker_->sessions().size(), 0u);
}

TEST_F(FetchTest, WhatNoClientAsksEndsTheConnection) {
  start();
  {
    TestClient client(*broker_);
    auto request = fetch_request("t", 0, 0);
    for (int32_t i = 0; i < 100'000; ++i) request.topics[0].partitions.append();
    client.send(request, 12);
    EXPECT_FALSE(client.receive().has_value());
  }
  TestClient client(*broker_);
  const bytes::Buffer frame = client.frame(fetch_request("t", 0, 0), 11);
  std::vector<std::byte> bytes(frame.span().begin(), frame.span().end());
  bytes[4 + 8 + 2 + 4 + 25] = std::byte{0x7f};  // the count of topics
  client.send(bytes);
  EXPECT_FALSE(client.receive().has_value());
  EXPECT_EQ(fetch(fetch_request("t", 0, 0)).error_code, 0);
}

TEST_F(FetchTest, ALedgerOfLeadershipEndsLongPolls) {
  start();
  auto request = fetch_request("t", 0, 0);
  request.max_wait_ms = 20'000;
  const int32_t id = client_->send(request, 12);
  produce(1, {"x"});
  broker_->move_leader("t", 0, BrokerId{2}, 3);
  const auto response = client_->receive_as<gen::FetchResponse>(id, 12);
  const PartitionData& data = response.responses[0].partitions[0];
  EXPECT_EQ(data.error_code, 6);
  EXPECT_EQ(data.current_leader.leader_id, 2);
  EXPECT_EQ(data.current_leader.leader_epoch, 3);
}

/// A broker on directories that Kafka 4.3.1 wrote.
class KafkaDataTest : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& names) {
    TestBrokerOptions options;
    const std::string golden = std::string(SEMEL_GOLDEN_DIR) + "/kafka-4.3.1/clean/";
    for (const std::string& name : names) {
      const std::string from = golden + name + "-0";
      const std::string to = dir_.path() + "/" + name + "-0";
      std::filesystem::create_directory(to);
      for (const auto& file : std::filesystem::directory_iterator(from)) {
        if (file.path().string().ends_with(".dump.txt")) continue;
        std::filesystem::copy(file.path(), to + "/" + file.path().filename().string());
      }
      std::ifstream metadata(from + "/partition.metadata");
      std::string line;
      TestTopic topic{name, 1, {{"retention.ms", "-1"}}, 1};
      while (std::getline(metadata, line)) {
        if (line.starts_with("topic_id: ")) topic.id = Uuid::from_text(line.substr(10));
      }
      EXPECT_TRUE(topic.id.has_value());
      options.topics.push_back(topic);
    }
    broker_.emplace(dir_.path(), options);
    client_.emplace(*broker_);
  }
  PartitionData fetch(const std::string& topic, int8_t isolation = 0) {
    auto request = fetch_request(topic, 0, 0);
    request.max_bytes = 50 << 20;
    request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    request.isolation_level = isolation;
    auto response = client_->call<gen::FetchResponse>(request, 11);
    EXPECT_EQ(response.responses.size(), 1u);
    EXPECT_EQ(response.responses[0].partitions[0].error_code, 0);
    // Without a clean-shutdown marker nothing counts as flushed before the first commit.
    for (int i = 0; i < 1000 && response.responses[0].partitions[0].high_watermark == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      response = client_->call<gen::FetchResponse>(request, 11);
    }
    EXPECT_GT(response.responses[0].partitions[0].high_watermark, 0) << topic;
    return response.responses[0].partitions[0];
  }

  TempDir dir_;
  std::optional<TestBroker> broker_;
  std::optional<TestClient> client_;
};

TEST_F(KafkaDataTest, EveryCodecReadsTheSameRecords) {
  start({"codec-none", "codec-gzip", "codec-snappy", "codec-lz4", "codec-zstd"});
  const auto plain = values_in(fetch("codec-none").records.buffer());
  EXPECT_EQ(plain.size(), 23u);
  for (const char* topic : {"codec-gzip", "codec-snappy", "codec-lz4", "codec-zstd"})
    EXPECT_TRUE(values_in(fetch(topic).records.buffer()) == plain) << topic;
}

TEST_F(KafkaDataTest, WhatIsNotInMemoryIsReadBesideTheReactor) {
  start({"codec-none"});
  const auto warm = values_in(fetch("codec-none").records.buffer());
  const std::string path = dir_.path() + "/codec-none-0/00000000000000000000.log";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::fdatasync(file), 0);
  ASSERT_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  ::close(file);
  EXPECT_EQ(values_in(fetch("codec-none").records.buffer()), warm);
}

TEST_F(KafkaDataTest, ReadCommittedKnowsAbortedTransactions) {
  start({"txn", "txn-open"});
  const PartitionData uncommitted = fetch("txn", 0);
  EXPECT_EQ(uncommitted.error_code, 0);
  EXPECT_TRUE(uncommitted.aborted_transactions.is_null());
  const PartitionData committed = fetch("txn", 1);
  EXPECT_FALSE(committed.aborted_transactions.is_null());
  EXPECT_GT(committed.aborted_transactions.size(), 0u);
  EXPECT_EQ(committed.last_stable_offset, committed.high_watermark);
  const PartitionData open = fetch("txn-open", 1);
  EXPECT_LT(open.last_stable_offset, open.high_watermark);
  EXPECT_LT(open.records.size(), fetch("txn-open", 0).records.size());
}

}  // namespace
}  // namespace semel::net
