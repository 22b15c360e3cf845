#include "cluster/image_delta.h"

#include "cluster/partition_record.h"
#include "cluster/testing.h"

namespace semel::cluster {
namespace {

using namespace testing;

const Uuid kTopic = Uuid::from_halves(1, 2);

VersionedRecord topic_record(const std::string& name, const Uuid& id = kTopic) {
  gen::TopicRecord record;
  record.name = name;
  record.topic_id = id;
  return {record, 0};
}

VersionedRecord partition_record(int32_t index, std::vector<int32_t> replicas = {1}) {
  gen::PartitionRecord record;
  record.partition_id = index;
  record.topic_id = kTopic;
  record.replicas.assign(replicas.begin(), replicas.end());
  record.isr.assign(replicas.begin(), replicas.end());
  record.leader = replicas.front();
  record.leader_epoch = 0;
  record.partition_epoch = 0;
  return {record, 0};
}

VersionedRecord change_record(int32_t index, int32_t leader) {
  gen::PartitionChangeRecord record;
  record.partition_id = index;
  record.topic_id = kTopic;
  record.leader = leader;
  return {record, 0};
}

VersionedRecord config_record(const std::string& topic, const std::string& name,
                              std::optional<std::string> value) {
  gen::ConfigRecord record;
  record.resource_type = 2;
  record.resource_name = topic;
  record.name = name;
  record.value = std::move(value);
  return {record, 0};
}

Result<ImageDelta> replay(const Records& records, ImagePtr base = empty_image()) {
  ImageDelta delta(std::move(base));
  for (const VersionedRecord& record : records) SEMEL_CHECK(delta.replay(record));
  return delta;
}

ImagePtr image_of(const Records& records, ImagePtr base = empty_image()) {
  auto delta = replay(records, std::move(base));
  EXPECT_TRUE(delta.has_value()) << (delta ? "" : delta.error().context);
  return delta->image();
}

TEST(ImageDelta, PartitionChangeCountsEpochs) {
  const ImagePtr image =
      image_of({topic_record("t"), partition_record(0, {1, 2}), change_record(0, -1),
                change_record(0, kLeaderUnchanged), change_record(0, 2)});
  const PartitionRegistration* partition = image->partition("t", PartitionIndex{0});
  ASSERT_NE(partition, nullptr);
  EXPECT_EQ(partition->leader, BrokerId{2});
  EXPECT_EQ(partition->leader_epoch, LeaderEpoch{2});
  EXPECT_EQ(partition->partition_epoch, 3);
}

TEST(ImageDelta, OldImagesKeepWhatTheySaid) {
  const ImagePtr first = image_of({topic_record("t"), partition_record(0)});
  const ImagePtr second =
      image_of({change_record(0, -1), config_record("t", "retention.ms", "1")}, first);
  EXPECT_EQ(first->partition("t", PartitionIndex{0})->leader, BrokerId{1});
  EXPECT_EQ(second->partition("t", PartitionIndex{0})->leader, kNoBroker);
  EXPECT_EQ(first->config(ConfigResourceType::kTopic, "t"), nullptr);
  EXPECT_EQ(second->config(ConfigResourceType::kTopic, "t")->at("retention.ms"), "1");
  const ImagePtr third = image_of({config_record("t", "retention.ms", std::nullopt)}, second);
  EXPECT_EQ(third->config(ConfigResourceType::kTopic, "t"), nullptr);
  EXPECT_EQ(second->brokers, first->brokers) << "what no record touches is shared";
}

TEST(ImageDelta, RemovedTopicsTakeTheirConfigs) {
  const ImagePtr first =
      image_of({topic_record("t"), partition_record(0), config_record("t", "retention.ms", "1")});
  gen::RemoveTopicRecord remove;
  remove.topic_id = kTopic;
  auto delta = replay({{remove, 0}, topic_record("t", Uuid::from_halves(7, 7))}, first);
  ASSERT_TRUE(delta.has_value());
  const ImageChange change = delta->finish(Offset{9}, LeaderEpoch{1});
  EXPECT_EQ(change.after->config(ConfigResourceType::kTopic, "t"), nullptr);
  ASSERT_EQ(change.topics_deleted.size(), 1u);
  EXPECT_EQ(change.topics_deleted[0]->id, kTopic);
  EXPECT_EQ(change.topics_created, std::vector<TopicId>{Uuid::from_halves(7, 7)});
  EXPECT_EQ(change.configs_changed.size(), 1u);
}

TEST(ImageDelta, TransactionsShowNothingBeforeTheirEnd) {
  const VersionedRecord begin{gen::BeginTransactionRecord{}, 0};
  const VersionedRecord end{gen::EndTransactionRecord{}, 0};
  const VersionedRecord abort{gen::AbortTransactionRecord{}, 0};
  const auto open = replay({topic_record("t"), begin, partition_record(0)});
  ASSERT_TRUE(open.has_value());
  EXPECT_TRUE(open->is_in_transaction());
  EXPECT_TRUE(open->image()->topic("t")->partitions.empty());
  EXPECT_EQ(
      image_of({topic_record("t"), begin, partition_record(0), end})->topic("t")->partitions.size(),
      1u);
  EXPECT_EQ(image_of({topic_record("t"), begin, partition_record(0), abort})
                ->topic("t")
                ->partitions.size(),
            0u);
  EXPECT_EQ(image_of({begin, topic_record("t"), abort, topic_record("t")})->topics->by_name.size(),
            1u);
  EXPECT_FALSE(replay({begin, begin}).has_value());
  EXPECT_FALSE(replay({end}).has_value());
  EXPECT_FALSE(replay({abort}).has_value());
}

TEST(ImageDelta, RecordsThatDoNotFitAreFatal) {
  gen::RemoveTopicRecord remove;
  remove.topic_id = kTopic;
  gen::BrokerRegistrationChangeRecord fence;
  fence.broker_id = 1;
  fence.fenced = 1;
  gen::ProducerIdsRecord ids;
  ids.next_producer_id = 1000;
  gen::FeatureLevelRecord feature;
  feature.name = "metadata.version";
  feature.feature_level = 31;
  EXPECT_FALSE(replay({topic_record("t"), topic_record("t", Uuid::from_halves(5, 5))}).has_value());
  EXPECT_FALSE(replay({topic_record("t"), topic_record("u")}).has_value());
  EXPECT_FALSE(replay({partition_record(0)}).has_value());
  EXPECT_FALSE(replay({topic_record("t"), partition_record(1)}).has_value());
  EXPECT_FALSE(replay({topic_record("t"), change_record(0, 1)}).has_value());
  EXPECT_FALSE(replay({{remove, 0}}).has_value());
  EXPECT_FALSE(replay({{fence, 0}}).has_value());
  EXPECT_FALSE(replay({{ids, 0}, {ids, 0}}).has_value());
  EXPECT_FALSE(replay({{feature, 0}}).has_value());
}

TEST(MetadataRecord, UnknownTypesVersionsAndTrailingBytesAreRefused) {
  const auto decode = [](std::vector<uint8_t> octets) {
    return decode_record(std::as_bytes(std::span(octets)));
  };
  EXPECT_TRUE(decode({1, 20, 0, 0}).has_value());
  EXPECT_EQ(decode({0, 20, 0, 0}).error().code, ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(decode({2, 20, 0, 0}).error().code, ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(decode({1, 29, 0, 0}).error().code, ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(decode({1, 99, 0, 0}).error().code, ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(decode({1, 20, 1, 0}).error().code, ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(decode({1, 20, 0, 0, 0}).error().code, ErrorCode::kCorruptMessage);
  EXPECT_FALSE(decode({}).has_value());
  EXPECT_FALSE(decode({1, 20, 0}).has_value());
}

}  // namespace
}  // namespace semel::cluster
