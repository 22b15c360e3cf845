// ReplicaManager over a simulated disk: topics that come, go, come again, cannot be opened, or lie
// in a directory that fails.
#include "replica/replica_manager.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "record/batch_builder.h"
#include "replica/test_support.h"

namespace semel::replica {
namespace {

using testing::kOther;
using testing::kSelf;

/// A topic of one partition that its first replica leads.
struct Topic {
  std::string name;
  uint64_t id = 1;
  std::vector<BrokerId> replicas = {kSelf};
  int32_t epoch = 0;
};

class ReplicaManagerTest : public testing::LogsInSimTest {
 protected:
  ~ReplicaManagerTest() override {
    if (replicas_ != nullptr) stop();
  }

  void start(const std::vector<Topic>& topics, std::vector<std::string> directories = {"/d"}) {
    start_logs(std::move(directories));
    image_ = image_of(topics);
    on_home([&] {
      replicas_ =
          std::make_unique<ReplicaManager>(*runtime_, config_, *logs_, cluster::ConfigMap{});
      replicas_->start(image_);
    });
  }
  void stop() {
    bool is_stopped = false;
    on_home([&] {
      replicas_->stop();
      logs_->stop(1, [&](const auto&) { is_stopped = true; });
    });
    ASSERT_TRUE(world_.run_until([&] { return is_stopped; }, std::chrono::seconds(5)));
    on_home([&] {
      replicas_.reset();
      logs_.reset();
    });
  }

  static cluster::ImagePtr image_of(const std::vector<Topic>& topics,
                                    const cluster::ConfigMap& brokers = {}) {
    auto image = std::make_shared<cluster::MetadataImage>();
    auto all = std::make_shared<cluster::TopicsImage>();
    for (const Topic& topic : topics) {
      auto partition = std::make_shared<cluster::PartitionRegistration>();
      partition->replicas = partition->isr = topic.replicas;
      partition->directories.assign(topic.replicas.size(), kDirectoryUnassigned);
      partition->leader = topic.replicas.front();
      partition->leader_epoch = LeaderEpoch{topic.epoch};
      auto made = std::make_shared<cluster::TopicImage>();
      made->name = topic.name;
      made->id = Uuid::from_halves(topic.id, 1);
      made->partitions = {partition};
      all->by_name.set(made->name, made);
      all->by_id.set(made->id, made);
    }
    image->topics = all;
    auto configs = std::make_shared<cluster::ConfigsImage>();
    configs->set({cluster::ConfigResourceType::kBroker, ""},
                 std::make_shared<const cluster::ConfigMap>(brokers));
    image->configs = configs;
    return image;
  }
  /// The next image: `topics` is all there are.
  void show(const std::vector<Topic>& topics, const cluster::ConfigMap& brokers = {}) {
    cluster::ImageChange change;
    change.before = image_;
    change.after = image_ = image_of(topics, brokers);
    change.before->topics->by_id.for_each([&](const TopicId& id, const cluster::TopicPtr& topic) {
      if (image_->topic(id) == nullptr)
        change.topics_deleted.push_back(topic);
      else
        change.topics_changed.push_back(id);
    });
    image_->topics->by_id.for_each([&](const TopicId& id, const cluster::TopicPtr&) {
      if (change.before->topic(id) == nullptr) change.topics_created.push_back(id);
    });
    if (!brokers.empty()) change.configs_changed = {{cluster::ConfigResourceType::kBroker, ""}};
    on_home([&] { replicas_->on_image(change); });
  }

  std::shared_ptr<Partition> partition(const std::string& topic) {
    const TablePtr table = replicas_->table().current();
    const TopicEntry* entry = table->find(topic);
    return entry == nullptr ? nullptr : entry->partitions[0];
  }
  void put(const std::string& topic) {
    on_home([&] {
      record::BatchBuilder builder;
      builder.start({});
      builder.append({.timestamp = 1, .value = bytes::as_bytes("v")});
      bytes::Compressor compressor;
      const auto built = *builder.finish(compressor);
      std::vector<std::byte> batch(built.begin(), built.end());
      ASSERT_TRUE(partition(topic)->log().append_as_leader(batch, log::LeaderAppend{}).has_value());
    });
  }
  /// Folders whose names begin and end so.
  size_t folders(std::string_view begin, std::string_view end = {}) {
    size_t count = 0;
    on_home([&] {
      for (const auto& entry : *runtime_->disk->list("/d"))
        if (entry.name.starts_with(begin) && entry.name.ends_with(end)) ++count;
    });
    return count;
  }

  void on_directory_offline(const DirectoryId&, const std::string&,
                            const std::vector<TopicPartition>& lost, bool) override {
    if (replicas_ != nullptr) replicas_->on_directory_offline(lost);
  }

  PartitionConfig config_{.self = kSelf, .flush = FlushPolicy::kOs};
  cluster::ImagePtr image_ = std::make_shared<cluster::MetadataImage>();
  std::unique_ptr<ReplicaManager> replicas_;
};

TEST_F(ReplicaManagerTest, WhatBelongsToNoTopicIsSetAsideAtTheStartAndNotLost) {
  start({{.name = "again", .id = 1}, {.name = "gone", .id = 2}, {.name = "stays", .id = 3}});
  for (const char* topic : {"again", "gone", "stays"}) put(topic);
  stop();
  start({{.name = "again", .id = 9}, {.name = "stays", .id = 3}});
  EXPECT_EQ(partition("again")->log().log_end(), Offset{0}) << "the records of an earlier topic";
  EXPECT_EQ(partition("stays")->log().log_end(), Offset{1});
  EXPECT_EQ(partition("gone"), nullptr);
  EXPECT_EQ(folders("again", "-stray"), 1u);
  EXPECT_EQ(folders("gone", "-stray"), 1u);
  EXPECT_EQ(folders("stays"), 1u);
}

TEST_F(ReplicaManagerTest, ATopicThatIsMadeAnewBeginsEmpty) {
  start({{.name = "t", .id = 1}});
  put("t");
  const auto before = partition("t");
  show({{.name = "t", .id = 2}});
  EXPECT_EQ(before->check_leadership(), ErrorCode::kUnknownTopicOrPartition);
  ASSERT_NE(partition("t"), nullptr);
  EXPECT_EQ(partition("t")->log().log_end(), Offset{0});
  EXPECT_EQ(partition("t")->check_leadership(), ErrorCode::kNone);
}

TEST_F(ReplicaManagerTest, WhatFindsNoSpaceIsOpenedLater) {
  start({});
  node_.file_system().fail_next(rt::sim::DiskOp::kChange, "/d/t-0", Cause::kNoSpace);
  show({{.name = "t", .id = 1}});
  EXPECT_EQ(partition("t"), nullptr);
  world_.run_for(std::chrono::seconds(3));
  ASSERT_NE(partition("t"), nullptr);
  EXPECT_EQ(partition("t")->check_leadership(), ErrorCode::kNone);
}

TEST_F(ReplicaManagerTest, WhatMayLieInADirectoryThatIsOfflineIsNotMadeAnew) {
  start({{.name = "a", .id = 1}, {.name = "b", .id = 2}}, {"/d", "/e"});
  put("a");
  put("b");
  stop();
  node_.file_system().fail_next(rt::sim::DiskOp::kChange, "/e/", Cause::kIo);
  start({{.name = "a", .id = 1}, {.name = "b", .id = 2}}, {"/d", "/e"});
  world_.run_for(std::chrono::seconds(5));
  const bool has_a = partition("a") != nullptr;
  const bool has_b = partition("b") != nullptr;
  EXPECT_NE(has_a, has_b) << "one of them lies in the directory that is offline";
  EXPECT_EQ(folders("a-0") + folders("b-0"), 1u);
  show({{.name = "a", .id = 1}, {.name = "b", .id = 2}, {.name = "c", .id = 3}});
  ASSERT_NE(partition("c"), nullptr) << "a topic that is new lies nowhere";
  EXPECT_EQ(partition("c")->check_leadership(), ErrorCode::kNone);
}

TEST_F(ReplicaManagerTest, WhatCannotBeOpenedIsToldOnceAndWhenItCan) {
  start({});
  for (uint32_t i = 0; i < 5; ++i)
    node_.file_system().fail_next(rt::sim::DiskOp::kChange, "/d/t-0", Cause::kNoSpace);
  ::testing::internal::CaptureStderr();
  show({{.name = "t", .id = 1}});
  EXPECT_EQ(partition("t"), nullptr);
  world_.run_for(std::chrono::seconds(20));
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(partition("t"), nullptr);
  const auto count = [&](const std::string& words) {
    size_t times = 0;
    for (size_t at = told.find(words); at != std::string::npos; at = told.find(words, at + 1))
      ++times;
    return times;
  };
  EXPECT_EQ(count("t-0 cannot be opened"), 1u) << told;
  EXPECT_EQ(count("t-0 is opened now"), 1u) << told;
}

TEST_F(ReplicaManagerTest, WhatFindsNoSpaceAndIsDeletedIsNotOpenedLater) {
  start({});
  node_.file_system().fail_next(rt::sim::DiskOp::kChange, "/d/t-0", Cause::kNoSpace);
  show({{.name = "t", .id = 1}});
  show({});
  world_.run_for(std::chrono::seconds(3));
  EXPECT_EQ(partition("t"), nullptr);
  EXPECT_EQ(folders("t-"), 0u);
}

TEST_F(ReplicaManagerTest, AReplicaThatGoesAndComesBackBeginsEmpty) {
  start({{.name = "t", .id = 1, .replicas = {kSelf, kOther}}});
  put("t");
  const auto before = partition("t");
  show({{.name = "t", .id = 1, .replicas = {kOther}, .epoch = 1}});
  EXPECT_NE(before->check_leadership(), ErrorCode::kNone);
  EXPECT_EQ(partition("t"), nullptr);
  show({{.name = "t", .id = 1, .replicas = {kSelf, kOther}, .epoch = 2}});
  ASSERT_NE(partition("t"), nullptr);
  EXPECT_EQ(partition("t")->log().log_end(), Offset{0});
  EXPECT_EQ(partition("t")->leader_epoch(), LeaderEpoch{2});
}

TEST_F(ReplicaManagerTest, ASettingOfTheBrokersReachesEveryTopic) {
  start({{.name = "t", .id = 1, .replicas = {kSelf, kOther}}});
  EXPECT_EQ(replicas_->table().current()->find("t")->settings.isr_min, 1);
  show({{.name = "t", .id = 1, .replicas = {kSelf, kOther}}}, {{"min.insync.replicas", "2"}});
  EXPECT_EQ(replicas_->table().current()->find("t")->settings.isr_min, 2);
}

TEST_F(ReplicaManagerTest, AFailedDirectoryTakesItsPartitionsAlong) {
  start({{.name = "t", .id = 1}});
  node_.file_system().fail_next(rt::sim::DiskOp::kSync, "/d/", Cause::kIo);
  put("t");
  world_.run_for(std::chrono::seconds(12));  // the background flush
  EXPECT_EQ(partition("t")->check_leadership(), ErrorCode::kKafkaStorageError);
}

}  // namespace
}  // namespace semel::replica
