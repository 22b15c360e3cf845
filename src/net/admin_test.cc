// The APIs of administrators that the broker answers itself, over the wire.
#include <filesystem>
#include <set>

#include "gen/delete_records.h"
#include "gen/describe_log_dirs.h"
#include "gen/describe_topic_partitions.h"
#include "gen/list_config_resources.h"
#include "gen/list_offsets.h"
#include "net/test_broker.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

class AdminTest : public ::testing::Test {
 protected:
  void start(const std::vector<TestTopic>& topics) {
    broker_.emplace(dir_.path());
    client_.emplace(*broker_);
    for (const TestTopic& topic : topics) broker_->create_topic(topic);
  }
  void produce(const std::string& topic, int count) {
    for (int i = 0; i < count; ++i) {
      const auto answer = client_->call<gen::ProduceResponse>(
          produce_request(topic, 0, batch_of({"value"}, {}, 1'750'000'000'000)), 9);
      EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, 0);
    }
  }
  /// (error, low watermark)
  std::pair<int16_t, int64_t> delete_before(const std::string& topic, int32_t partition,
                                            int64_t offset, int16_t version = 2) {
    gen::DeleteRecordsRequest request;
    request.timeout_ms = 1000;
    auto& asked = request.topics.append();
    asked.name = topic;
    asked.partitions.append() = {
        .partition_index = partition, .offset = offset, .unknown_tags = {}};
    const auto answer = client_->call<gen::DeleteRecordsResponse>(request, version);
    EXPECT_EQ(answer.topics[0].name, topic);
    const auto& result = answer.topics[0].partitions[0];
    EXPECT_EQ(result.partition_index, partition);
    return {result.error_code, result.low_watermark};
  }
  int64_t earliest(const std::string& topic) {
    gen::ListOffsetsRequest request;
    auto& asked = request.topics.append();
    asked.name = topic;
    asked.partitions.append().timestamp = -2;
    return client_->call<gen::ListOffsetsResponse>(request, 7).topics[0].partitions[0].offset;
  }

  TempDir dir_;
  std::optional<TestBroker> broker_;
  std::optional<TestClient> client_;
};

using Outcome = std::pair<int16_t, int64_t>;

TEST_F(AdminTest, DeleteRecordsMovesTheLogStart) {
  start({{"t"}});
  produce("t", 5);
  for (int16_t version = 0; version <= 2; ++version)
    EXPECT_EQ(delete_before("t", 0, version + 1, version), Outcome(0, version + 1));
  EXPECT_EQ(earliest("t"), 3);
  EXPECT_EQ(delete_before("t", 0, 1), Outcome(0, 3)) << "it never moves back";
  EXPECT_EQ(delete_before("t", 0, -1), Outcome(0, 5)) << "-1 is the high watermark";
  EXPECT_EQ(earliest("t"), 5);
  produce("t", 1);
  EXPECT_EQ(delete_before("t", 0, 6), Outcome(0, 6));
}

TEST_F(AdminTest, DeleteRecordsIsRefusedAsKafkaRefusesIt) {
  start({{"t", 2}, {"compact", 1, {{"cleanup.policy", "compact"}}}, {"__consumer_offsets"}});
  produce("t", 2);
  EXPECT_EQ(delete_before("t", 0, 3), Outcome(1, -1)) << "above the high watermark";
  EXPECT_EQ(delete_before("t", 0, -2), Outcome(1, -1));
  EXPECT_EQ(delete_before("t", 2, 0), Outcome(3, -1));
  EXPECT_EQ(delete_before("none", 0, 0), Outcome(3, -1));
  EXPECT_EQ(delete_before("compact", 0, 0), Outcome(44, -1)) << "its policy keeps the records";
  EXPECT_EQ(delete_before("__consumer_offsets", 0, 0), Outcome(17, -1));
  broker_->move_leader("t", 1, BrokerId{2}, 1);
  EXPECT_EQ(delete_before("t", 1, 0), Outcome(6, -1));
}

TEST_F(AdminTest, DescribeLogDirsTellsSizes) {
  start({{"a", 2}, {"b"}});
  produce("b", 3);
  for (int16_t version = 1; version <= 5; ++version) {
    gen::DescribeLogDirsRequest request;
    request.topics.set_null();
    const auto answer = client_->call<gen::DescribeLogDirsResponse>(request, version);
    ASSERT_EQ(answer.results.size(), 1u);
    const auto& directory = answer.results[0];
    EXPECT_EQ(directory.error_code, 0);
    EXPECT_EQ(directory.log_dir, dir_.path());
    ASSERT_EQ(directory.topics.size(), 2u);
    EXPECT_EQ(directory.topics[0].name, "a");
    ASSERT_EQ(directory.topics[0].partitions.size(), 2u);
    EXPECT_EQ(directory.topics[0].partitions[1].partition_index, 1);
    EXPECT_EQ(directory.topics[0].partitions[1].partition_size, 0);
    const auto& partition = directory.topics[1].partitions[0];
    const auto size = std::filesystem::file_size(dir_.path() + "/b-0/00000000000000000000.log");
    EXPECT_EQ(partition.partition_size, static_cast<int64_t>(size));
    EXPECT_EQ(partition.offset_lag, 0);
    EXPECT_FALSE(partition.is_future_key);
    if (version < 4) continue;
    const auto space = std::filesystem::space(dir_.path());
    EXPECT_EQ(directory.total_bytes, static_cast<int64_t>(space.capacity));
    EXPECT_GT(directory.usable_bytes, 0);
    EXPECT_LE(directory.usable_bytes, directory.total_bytes);
  }
}

TEST_F(AdminTest, DescribeLogDirsKeepsToWhatIsAsked) {
  start({{"a", 2}, {"b"}});
  gen::DescribeLogDirsRequest request;
  auto& asked = request.topics.append();
  asked.topic = "a";
  asked.partitions = {1, 7};
  request.topics.append().topic = "none";
  const auto some = client_->call<gen::DescribeLogDirsResponse>(request, 5);
  ASSERT_EQ(some.results[0].topics.size(), 1u);
  ASSERT_EQ(some.results[0].topics[0].partitions.size(), 1u);
  EXPECT_EQ(some.results[0].topics[0].partitions[0].partition_index, 1);
  request.topics.clear();
  EXPECT_TRUE((client_->call<gen::DescribeLogDirsResponse>(request, 5).results[0].topics.empty()));
}

gen::DescribeTopicPartitionsRequest page_request(const std::vector<std::string>& names,
                                                 int32_t limit) {
  gen::DescribeTopicPartitionsRequest request;
  for (const std::string& name : names) request.topics.append().name = name;
  request.response_partition_limit = limit;
  return request;
}

TEST_F(AdminTest, TopicsAreDescribedPageByPage) {
  start({{"a", 3}, {"b", 2}, {"c", 1}});
  auto request = page_request({}, 4);
  std::vector<std::string> seen;
  for (int page = 0; page < 5; ++page) {
    const auto answer = client_->call<gen::DescribeTopicPartitionsResponse>(request, 0);
    for (const auto& topic : answer.topics) {
      EXPECT_EQ(topic.error_code, 0);
      EXPECT_FALSE(topic.topic_id.is_zero());
      EXPECT_EQ(topic.topic_authorized_operations, 3576);
      for (const auto& partition : topic.partitions) {
        seen.push_back(*topic.name + std::to_string(partition.partition_index));
        EXPECT_EQ(partition.leader_id, 1);
        EXPECT_FALSE(partition.eligible_leader_replicas.is_null());
      }
    }
    if (!answer.next_cursor) break;
    request.cursor.emplace();
    request.cursor->topic_name = answer.next_cursor->topic_name;
    request.cursor->partition_index = answer.next_cursor->partition_index;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a0", "a1", "a2", "b0", "b1", "c0"}));
}

TEST_F(AdminTest, APageThatEndsWithItsTopicPointsAtTheNextOne) {
  start({{"a", 2}, {"b", 2}});
  const auto answer =
      client_->call<gen::DescribeTopicPartitionsResponse>(page_request({"b", "a"}, 2), 0);
  ASSERT_EQ(answer.topics.size(), 1u);
  ASSERT_TRUE(answer.next_cursor.has_value());
  EXPECT_EQ(answer.next_cursor->topic_name, "b");
  EXPECT_EQ(answer.next_cursor->partition_index, 0);
}

TEST_F(AdminTest, TopicsThatAreNotThereAreNamed) {
  start({{"a"}});
  auto request = page_request({"none", "bad name", "a"}, 2000);
  const auto answer = client_->call<gen::DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_EQ(answer.topics.size(), 3u);
  EXPECT_EQ(answer.topics[0].name, "a");
  EXPECT_EQ(answer.topics[1].error_code, 17);
  EXPECT_EQ(answer.topics[2].error_code, 3);
  EXPECT_FALSE(answer.next_cursor.has_value());
  request.cursor.emplace();
  request.cursor->topic_name = "a";
  request.cursor->partition_index = -1;
  const auto refused = client_->call<gen::DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_EQ(refused.topics.size(), 3u);
  EXPECT_EQ(refused.topics[0].error_code, 42);
}

TEST_F(AdminTest, ConfigResourcesAreListedByType) {
  start({{"a"}, {"b"}});
  gen::ListConfigResourcesRequest request;
  EXPECT_TRUE(
      (client_->call<gen::ListConfigResourcesResponse>(request, 0).config_resources.empty()))
      << "version 0 knows client metrics only";
  const auto all = client_->call<gen::ListConfigResourcesResponse>(request, 1);
  std::multiset<std::pair<int, std::string>> seen;
  for (const auto& resource : all.config_resources)
    seen.emplace(resource.resource_type, resource.resource_name);
  EXPECT_EQ(seen,
            (std::multiset<std::pair<int, std::string>>{{2, "a"}, {2, "b"}, {4, "1"}, {8, "1"}}));
  request.resource_types = {4};
  ASSERT_EQ((client_->call<gen::ListConfigResourcesResponse>(request, 1).config_resources.size()),
            1u);
  request.resource_types = {4, 99};
  EXPECT_EQ((client_->call<gen::ListConfigResourcesResponse>(request, 1).error_code), 35);
}

}  // namespace
}  // namespace semel::net
