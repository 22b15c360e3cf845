// The small APIs over the wire, and every request of Kafka's own clients that was captured.
#include <fstream>
#include <set>
#include <thread>

#include "gen/api_versions.h"
#include "gen/describe_cluster.h"
#include "gen/describe_configs.h"
#include "gen/describe_producers.h"
#include "gen/find_coordinator.h"
#include "gen/list_offsets.h"
#include "gen/metadata.h"
#include "gen/offset_for_leader_epoch.h"
#include "net/test_broker.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

class AnswersTest : public ::testing::Test {
 protected:
  void start(const TestBrokerOptions& options = {}) {
    broker_.emplace(dir_.path(), options);
    client_.emplace(*broker_);
    broker_->create_topic({"t", 2, {{"retention.ms", "12345"}}});
  }
  void produce(const std::vector<std::string>& values, TestProducer producer = {},
               int64_t timestamp = 1'750'000'000'000) {
    const auto answer = client_->call<gen::ProduceResponse>(
        produce_request("t", 0, batch_of(values, producer, timestamp)), 9);
    EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, 0);
  }
  gen::MetadataResponse metadata(const std::vector<std::string>& names, int16_t version = 12,
                                 bool may_create = false) {
    gen::MetadataRequest request;
    for (const std::string& name : names) request.topics.append().name = name;
    request.allow_auto_topic_creation = may_create;
    return client_->call<gen::MetadataResponse>(request, version);
  }

  TempDir dir_;
  std::optional<TestBroker> broker_;
  std::optional<TestClient> client_;
};

TEST_F(AnswersTest, ApiVersionsOfAnUnknownVersionTellHowToAskAgain) {
  start();
  gen::ApiVersionsRequest hello;
  hello.client_software_name = "x";
  hello.client_software_version = "1";
  bytes::Writer writer;
  const auto frame = wire::begin_frame(writer);
  wire::put_request_header(writer, {18, 99, 5, "future"}, 2);
  ASSERT_TRUE(hello.encode(writer, 4).has_value());
  wire::end_frame(writer, frame);
  client_->send(writer.take().span());
  const auto response = client_->receive_as<gen::ApiVersionsResponse>(5, 0);
  EXPECT_EQ(response.error_code, 35);
  ASSERT_EQ(response.api_keys.size(), 1u);
  EXPECT_EQ(response.api_keys[0].api_key, 18);
  EXPECT_EQ(response.api_keys[0].max_version, 4);
}

TEST_F(AnswersTest, ApiVersionsCheckTheSoftwareName) {
  start();
  gen::ApiVersionsRequest hello;
  hello.client_software_name = "bad name";
  hello.client_software_version = "1";
  const auto refused = client_->call<gen::ApiVersionsResponse>(hello, 3);
  EXPECT_EQ(refused.error_code, 42);
  EXPECT_TRUE(refused.api_keys.empty());
  hello.client_software_name = "good-name.2";
  const auto old = client_->call<gen::ApiVersionsResponse>(hello, 3);
  EXPECT_EQ(old.error_code, 0);
  // Version 3 must not hear of features that begin at 0.
  ASSERT_EQ(old.supported_features.size(), 1u);
  EXPECT_EQ(old.supported_features[0].name, "metadata.version");
  EXPECT_EQ(client_->call<gen::ApiVersionsResponse>(hello, 4).supported_features.size(), 2u);
}

TEST_F(AnswersTest, WhatIsListedIsAnsweredInAllItsVersions) {
  start();
  gen::ApiVersionsRequest hello;
  const auto listed = client_->call<gen::ApiVersionsResponse>(hello, 0);
  for (const auto& api : listed.api_keys) {
    const gen::ApiInfo& info = *gen::find_api(api.api_key);
    EXPECT_EQ(api.max_version, info.max_version) << info.name;
    EXPECT_EQ(api.min_version, api.api_key == 0 ? 0 : info.min_version) << info.name;
  }
}

TEST_F(AnswersTest, MetadataOfTopicsThatAreNotThere) {
  start();
  const auto named = metadata({"none", "t", "bad name!"});
  ASSERT_EQ(named.topics.size(), 3u);
  EXPECT_EQ(named.topics[0].error_code, 3);
  EXPECT_EQ(named.topics[1].error_code, 0);
  EXPECT_EQ(named.topics[2].error_code, 17);
  gen::MetadataRequest by_id;
  auto& asked = by_id.topics.append();
  asked.name.reset();
  asked.topic_id = Uuid::from_halves(1, 2);
  EXPECT_EQ(client_->call<gen::MetadataResponse>(by_id, 12).topics[0].error_code, 100);
  EXPECT_EQ(client_->call<gen::MetadataResponse>(by_id, 11).topics[0].error_code, 42);
  by_id.topics[0].topic_id = broker_->image()->topic("t")->id;
  EXPECT_EQ(client_->call<gen::MetadataResponse>(by_id, 12).topics[0].name, "t");
}

TEST_F(AnswersTest, MetadataOfEverythingOrNothing) {
  start();
  gen::MetadataRequest all;
  all.topics.set_null();
  EXPECT_EQ(client_->call<gen::MetadataResponse>(all, 9).topics.size(), 1u);
  EXPECT_EQ(metadata({}, 9).topics.size(), 0u);
  const auto oldest = metadata({}, 0, true);
  EXPECT_EQ(oldest.topics.size(), 1u) << "version 0: an empty list asks for everything";
  EXPECT_EQ(oldest.brokers.size(), 1u);
}

TEST_F(AnswersTest, MetadataCreatesTopicsWhereThatIsAllowed) {
  start();
  EXPECT_EQ(metadata({"new"}, 12, false).topics[0].error_code, 3);
  const auto created = metadata({"new", "__consumer_offsets"}, 12, true);
  EXPECT_EQ(created.topics[0].error_code, 0);
  EXPECT_EQ(created.topics[0].partitions.size(), 1u);
  EXPECT_EQ(created.topics[0].partitions[0].leader_id, 1);
  EXPECT_EQ(created.topics[1].error_code, 3);
  EXPECT_TRUE(created.topics[1].is_internal);
}

TEST_F(AnswersTest, MetadataWaitsForTheTopicThatAnotherRequestCreates) {
  start({.loses_creations = true});
  gen::MetadataRequest request;
  request.topics.append().name = "raced";
  const int32_t id = client_->send(request, 12);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  broker_->create_topic({"raced", 1, {}});
  const auto response = client_->receive_as<gen::MetadataResponse>(id, 12);
  EXPECT_EQ(response.topics[0].error_code, 0);
  EXPECT_EQ(response.topics[0].partitions.size(), 1u);
}

// Else a request of some megabytes could ask for gigabytes of answers.
TEST_F(AnswersTest, WhatIsAskedRepeatedlyIsAnsweredOnce) {
  start();
  const auto topics = metadata({"t", "none", "t", "none", "t"});
  ASSERT_EQ(topics.topics.size(), 2u);
  EXPECT_EQ(topics.topics[0].name, "t");
  EXPECT_EQ(topics.topics[1].name, "none");
  const auto created = metadata({"twice", "twice"}, 12, true);
  ASSERT_EQ(created.topics.size(), 1u);
  EXPECT_EQ(created.topics[0].error_code, 0) << "a controller refuses what is named twice";

  gen::DescribeProducersRequest producers;
  for (int i = 0; i < 2; ++i) {
    auto& topic = producers.topics.append();
    topic.name = "t";
    for (const int32_t index : {0, 1, 0}) topic.partition_indexes.push_back(index);
  }
  const auto described = client_->call<gen::DescribeProducersResponse>(producers, 0);
  EXPECT_EQ(described.topics[0].partitions.size() + described.topics[1].partitions.size(), 2u);

  gen::DescribeConfigsRequest configs;
  for (int i = 0; i < 3; ++i) {
    auto& resource = configs.resources.append();
    resource.resource_type = 4;
    resource.resource_name = i < 2 ? "1" : "";
    resource.configuration_keys.set_null();
  }
  EXPECT_EQ(client_->call<gen::DescribeConfigsResponse>(configs, 4).results.size(), 2u);
}

TEST_F(AnswersTest, MetadataTellsWhatTheClientMayDo) {
  start();
  gen::MetadataRequest request;
  request.topics.append().name = "t";
  request.include_topic_authorized_operations = true;
  request.include_cluster_authorized_operations = true;
  const auto response = client_->call<gen::MetadataResponse>(request, 9);
  EXPECT_EQ(response.topics[0].topic_authorized_operations, 3576);
  EXPECT_EQ(response.cluster_authorized_operations, 8096);
}

TEST_F(AnswersTest, LeadersThatAreNotReachable) {
  start();
  broker_->move_leader("t", 0, BrokerId{2}, 4);
  broker_->move_leader("t", 1, kNoBroker, 4);
  const auto response = metadata({"t"});
  EXPECT_EQ(response.topics[0].partitions[0].error_code, 5);
  EXPECT_EQ(response.topics[0].partitions[0].leader_id, -1);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, 5);
}

TEST_F(AnswersTest, OffsetsByTimestamp) {
  start();
  for (int i = 0; i < 10; ++i) produce({"a", "b"}, {}, 1'750'000'000'000 + 1000 * i);
  const auto ask = [&](int64_t timestamp, int16_t version = 11) {
    gen::ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.append();
    topic.name = "t";
    topic.partitions.append().timestamp = timestamp;
    return client_->call<gen::ListOffsetsResponse>(request, version).topics[0].partitions[0];
  };
  EXPECT_EQ(ask(-1).offset, 20);
  EXPECT_EQ(ask(-2).offset, 0);
  EXPECT_EQ(ask(-3).offset, 18);
  EXPECT_EQ(ask(-3).timestamp, 1'750'000'009'000);
  EXPECT_EQ(ask(-4).offset, 0);
  EXPECT_EQ(ask(-5).offset, -1);
  EXPECT_EQ(ask(-6).offset, -1);
  EXPECT_EQ(ask(1'750'000'003'500).offset, 8);
  EXPECT_EQ(ask(1'750'000'003'500).timestamp, 1'750'000'004'000);
  EXPECT_EQ(ask(1'760'000'000'000).offset, -1);
  EXPECT_EQ(ask(-3, 6).error_code, 35);
  EXPECT_EQ(ask(-7).error_code, 35);
}

TEST_F(AnswersTest, EndsOfLeaderEpochs) {
  start();
  produce({"a", "b", "c"});
  broker_->move_leader("t", 0, TestBroker::kSelf, 6);
  produce({"d"});
  gen::OffsetForLeaderEpochRequest request;
  auto& topic = request.topics.append();
  topic.topic = "t";
  for (const int32_t epoch : {0, 3, 6, 9}) {
    auto& asked = topic.partitions.append();
    asked.leader_epoch = epoch;
  }
  const auto response = client_->call<gen::OffsetForLeaderEpochResponse>(request, 4);
  const auto& ends = response.topics[0].partitions;
  EXPECT_EQ(std::pair(ends[0].leader_epoch, ends[0].end_offset), std::pair(0, int64_t{3}));
  EXPECT_EQ(std::pair(ends[1].leader_epoch, ends[1].end_offset), std::pair(0, int64_t{3}));
  EXPECT_EQ(std::pair(ends[2].leader_epoch, ends[2].end_offset), std::pair(6, int64_t{4}));
  EXPECT_EQ(std::pair(ends[3].leader_epoch, ends[3].end_offset), std::pair(-1, int64_t{-1}));
}

TEST_F(AnswersTest, SettingsWithTheirSources) {
  start();
  gen::DescribeConfigsRequest request;
  request.include_synonyms = true;
  const auto ask = [&](int8_t type, const std::string& name) {
    request.resources.clear();
    auto& resource = request.resources.append();
    resource.resource_type = type;
    resource.resource_name = name;
    resource.configuration_keys.set_null();
    return client_->call<gen::DescribeConfigsResponse>(request, 4).results[0];
  };
  const auto topic = ask(2, "t");
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_GE(topic.configs.size(), 30u);
  int found = 0;
  for (const auto& config : topic.configs) {
    if (config.name == "retention.ms") {
      EXPECT_EQ(config.value, "12345");
      EXPECT_EQ(config.config_source, 1);
      EXPECT_EQ(config.config_type, 5);
      ++found;
    }
    if (config.name == "segment.bytes") {
      EXPECT_EQ(config.value, "1073741824");
      EXPECT_EQ(config.config_source, 5);
      ++found;
    }
  }
  EXPECT_EQ(found, 2);
  EXPECT_EQ(ask(2, "none").error_code, 3);
  EXPECT_EQ(ask(2, "bad name").error_code, 17);
  EXPECT_GT(ask(4, "1").configs.size(), 100u);
  EXPECT_EQ(ask(4, "").error_code, 0);
  EXPECT_EQ(ask(4, "2").error_code, 42);
  EXPECT_EQ(ask(99, "x").error_code, 42);
}

TEST_F(AnswersTest, ProducersWithTheirCounters) {
  start();
  produce({"a", "b"}, {9, 3, 0});
  produce({"a", "b"}, {9, 3, 0});
  gen::DescribeProducersRequest request;
  auto& topic = request.topics.append();
  topic.name = "t";
  for (const int32_t index : {0, 1, 5}) topic.partition_indexes.push_back(index);
  const auto response = client_->call<gen::DescribeProducersResponse>(request, 0);
  const auto& partitions = response.topics[0].partitions;
  ASSERT_EQ(partitions.size(), 3u);
  ASSERT_EQ(partitions[0].active_producers.size(), 1u);
  const auto& producer = partitions[0].active_producers[0];
  EXPECT_EQ(producer.producer_id, 9);
  EXPECT_EQ(producer.producer_epoch, 3);
  EXPECT_EQ(producer.last_sequence, 1);
  EXPECT_EQ(producer.coordinator_epoch, -1);
  EXPECT_EQ(producer.current_txn_start_offset, -1);
  const bytes::Buffer* counters = producer.unknown_tags.find(10'000);
  ASSERT_NE(counters, nullptr);
  bytes::Reader reader(*counters);
  EXPECT_EQ(reader.read_i8(), 1);
  EXPECT_EQ(reader.read_varlong(), 1) << "one duplicate batch";
  EXPECT_EQ(reader.read_varlong(), 2) << "of two records";
  EXPECT_EQ(partitions[1].active_producers.size(), 0u);
  EXPECT_EQ(partitions[2].error_code, 3);
}

TEST_F(AnswersTest, TheClusterAndItsCoordinators) {
  start();
  gen::DescribeClusterRequest cluster;
  const auto described = client_->call<gen::DescribeClusterResponse>(cluster, 2);
  EXPECT_EQ(described.error_code, 0);
  EXPECT_EQ(described.controller_id, 1);
  ASSERT_EQ(described.brokers.size(), 1u);
  cluster.endpoint_type = 2;
  EXPECT_EQ(client_->call<gen::DescribeClusterResponse>(cluster, 1).error_code, 114);
  cluster.endpoint_type = 7;
  EXPECT_EQ(client_->call<gen::DescribeClusterResponse>(cluster, 1).error_code, 115);
  gen::FindCoordinatorRequest find;
  find.key = "group";
  EXPECT_EQ(client_->call<gen::FindCoordinatorResponse>(find, 2).error_code, 15);
  gen::FindCoordinatorRequest many;
  many.coordinator_keys = {"a", "b"};
  const auto found = client_->call<gen::FindCoordinatorResponse>(many, 6);
  ASSERT_EQ(found.coordinators.size(), 2u);
  EXPECT_EQ(found.coordinators[1].error_code, 15);
  EXPECT_EQ(found.coordinators[1].key, "b");
}

TEST_F(AnswersTest, ProducerIds) {
  start();
  auto request = idempotent_id_request();
  EXPECT_EQ(client_->call<gen::InitProducerIdResponse>(request, 4).producer_id, 1000);
  EXPECT_EQ(client_->call<gen::InitProducerIdResponse>(request, 0).producer_id, 1001);
  request.producer_id = 5;
  EXPECT_EQ(client_->call<gen::InitProducerIdResponse>(request, 4).error_code, 42);
  request.producer_epoch = 2;
  EXPECT_EQ(client_->call<gen::InitProducerIdResponse>(request, 4).producer_id, 1002);
  request.transactional_id = "tx";
  EXPECT_EQ(client_->call<gen::InitProducerIdResponse>(request, 4).error_code, 16);
  request.transactional_id = "";
  EXPECT_EQ(client_->call<gen::InitProducerIdResponse>(request, 4).error_code, 42);
}

/// Requests as Kafka's clients, tools and servers sent them: each gets an answer of its version, or
/// (controller requests, other APIs) ends its own connection only.
TEST_F(AnswersTest, CapturedRequestsAreAnswered) {
  start();
  const std::set<std::string> served = {
      "Produce",         "Fetch",           "ListOffsets",       "Metadata",
      "ApiVersions",     "FindCoordinator", "InitProducerId",    "OffsetForLeaderEpoch",
      "DescribeConfigs", "DescribeCluster", "DescribeProducers", "CreateTopics"};
  int answered = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(SEMEL_GOLDEN_DIR) + "/wire")) {
    const std::string name = file.path().filename().string();
    if (!name.ends_with(".request.bin") || !served.contains(name.substr(0, name.find('.'))))
      continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string raw((std::istreambuf_iterator<char>(in)), {});
    const auto prefix = wire::peek_request(bytes::as_bytes(raw));
    ASSERT_TRUE(prefix.has_value());
    if (!gen::is_served(gen::ListenerKind::kBroker, prefix->api_key, prefix->api_version)) continue;
    bytes::Writer frame;
    frame.put_i32(static_cast<int32_t>(raw.size()));
    frame.put_text(raw);
    TestClient client(*broker_);
    client.send(frame.take().span());
    const auto response = client.receive(std::chrono::seconds(35));
    // Produce with acks=0 to a topic that is not here.
    const bool may_close = name.starts_with("Produce");
    ASSERT_TRUE(response.has_value() || may_close) << name;
    if (!response) continue;
    bytes::Reader reader(*response);
    EXPECT_EQ(reader.read_i32(), prefix->correlation_id) << name;
    ++answered;
  }
  EXPECT_GT(answered, 60);
}

}  // namespace
}  // namespace semel::net
