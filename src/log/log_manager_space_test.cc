// LogManager on disks without room: partitions that could not be made or opened wait for space, and
// no other log takes their place.
#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/log_manager.h"
#include "log/test_support.h"
#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

using rt::sim::DiskOp;
using testing::BatchMaker;
using testing::lead;

constexpr int64_t kNow = 1'700'000'000'000;
const TopicId kTopic = Uuid::from_halves(7, 9);
const TopicId kOther = Uuid::from_halves(8, 9);
const TopicPartition kName{"t", PartitionIndex{0}};

struct IgnoreFailures final : LogManagerListener {
  void on_directory_offline(const DirectoryId&, const std::string&,
                            const std::vector<TopicPartition>&, bool) override {}
};

class LogManagerSpaceTest : public ::testing::Test {
 protected:
  LogManagerSpaceTest() {
    config_.node_id = BrokerId{1};
    config_.cluster_id = "cluster";
    config_.formats_new_directories = true;
    config_.directories = {"/a"};
    config_.config_of = [](const std::string&) { return LogConfig{.segment_bytes = 5000}; };
  }
  ~LogManagerSpaceTest() override { stop(); }

  LoadReport start() {
    LoadReport told;
    bool is_started = false;
    on_home([&] {
      manager_ = std::make_unique<LogManager>(process_->runtime(), config_, listener_);
      manager_->start([&](Result<LoadReport> report) {
        EXPECT_TRUE(report) << report.error().context;
        if (report) told = *report;
        is_started = true;
      });
    });
    EXPECT_TRUE(world_.run_until([&] { return is_started; }, std::chrono::seconds(5)));
    return told;
  }
  void stop() {
    if (manager_ == nullptr) return;
    bool is_stopped = false;
    on_home([&] { manager_->stop(5, [&](Result<void>) { is_stopped = true; }); });
    EXPECT_TRUE(world_.run_until([&] { return is_stopped; }, std::chrono::seconds(10)));
    on_home([&] { manager_.reset(); });
  }
  void on_home(rt::UniqueFunction<void()> work) {
    process_->executor().post(std::move(work));
    world_.run_for(std::chrono::milliseconds(20));
  }
  Result<std::shared_ptr<Log>> create(const TopicId& id = kTopic) {
    Result<std::shared_ptr<Log>> made = fail(ErrorCode::kUnknownServerError, "not run");
    on_home([&] { made = manager_->create(kName, id); });
    return made;
  }
  /// So that it is not the directory with the fewest partitions.
  void fill_first_directory() {
    on_home([&] {
      const DirectoryId first = manager_->directories().front().id;
      for (int32_t i = 0; i < 2; ++i)
        ASSERT_TRUE(manager_->create({"u", PartitionIndex{i}}, kOther, first));
    });
  }
  /// Folders named t-0.
  size_t places() {
    return (process_->disk().exists("/a/t-0") ? 1u : 0u) +
           (process_->disk().exists("/b/t-0") ? 1u : 0u);
  }
  Result<void> remove() {
    Result<void> removed = fail(ErrorCode::kUnknownServerError, "not run");
    on_home([&] { removed = manager_->remove(kName); });
    return removed;
  }
  void fail_next(DiskOp op, const std::string& part) {
    node_.file_system().fail_next(op, part, Cause::kNoSpace);
  }
  /// Folders of a kind in a log directory.
  size_t count(FolderKind kind, const std::string& directory = "/a") {
    size_t found = 0;
    for (const auto& entry : *process_->disk().list(directory))
      found += entry.is_directory && parse_folder_name(entry.name).kind == kind ? 1 : 0;
    return found;
  }
  /// A partition with two records that the next start does not open for want of space.
  void leave_one_waiting() {
    start();
    auto log = create();
    ASSERT_TRUE(log);
    on_home([&] { ASSERT_TRUE(lead(**log, maker_.make(2, 100, kNow))); });
    fill_first_directory();
    log->reset();
    stop();
    ASSERT_TRUE(process_->disk().remove("/a/t-0/00000000000000000000.timeindex"));
    fail_next(DiskOp::kChange, "0.timeindex");
    fail_next(DiskOp::kWrite, "0.timeindex");
    const LoadReport report = start();
    ASSERT_EQ(report.refused.size(), 1u);
    ASSERT_EQ(report.refused.front().why.cause, Cause::kNoSpace);
    node_.file_system().clear_faults();
  }

  rt::sim::World world_{11};
  rt::sim::Node& node_ = world_.add_node("n");
  rt::sim::Process* process_ = &node_.boot();
  IgnoreFailures listener_;
  BatchMaker maker_;
  LogManagerConfig config_;
  std::unique_ptr<LogManager> manager_;
};

TEST_F(LogManagerSpaceTest, ALogThatFoundNoSpaceWhileItWasMadeIsMadeWhenThereIsSome) {
  start();
  for (const char* file : {"0.log", "0.index", "0.timeindex"}) {
    fail_next(DiskOp::kChange, file);
    const auto refused = create();
    ASSERT_FALSE(refused) << file;
    EXPECT_EQ(refused.error().cause, Cause::kNoSpace) << refused.error().context;
  }
  auto log = create();
  ASSERT_TRUE(log) << log.error().context;
  EXPECT_EQ((*log)->topic_id(), kTopic);
  on_home([&] { ASSERT_TRUE(lead(**log, maker_.make(2, 100, kNow))); });
  world_.run_for(std::chrono::seconds(10));
  EXPECT_EQ((*log)->flushed_end(), Offset{2});
  log->reset();
  stop();
  const LoadReport report = start();
  EXPECT_EQ(report.logs, 1u);
  EXPECT_TRUE(report.was_clean);
  EXPECT_EQ(manager_->find(kName)->log_end(), Offset{2});
  EXPECT_EQ(manager_->find(kName)->topic_id(), kTopic);
}

TEST_F(LogManagerSpaceTest, WhatWaitsIsOpenedWithItsRecords) {
  leave_one_waiting();
  EXPECT_EQ(manager_->find(kName), nullptr);
  const auto log = create();
  ASSERT_TRUE(log) << log.error().context;
  EXPECT_EQ((*log)->log_end(), Offset{2});
}

TEST_F(LogManagerSpaceTest, WhatWaitsInOneDirectoryIsNotMadeAnewInAnother) {
  config_.directories = {"/a", "/b"};
  leave_one_waiting();
  const auto log = create();
  ASSERT_TRUE(log) << log.error().context;
  EXPECT_EQ((*log)->log_end(), Offset{2});
  EXPECT_EQ(places(), 1u);
}

TEST_F(LogManagerSpaceTest, WhatIsDamagedInOneDirectoryIsNotMadeAnewInAnother) {
  config_.directories = {"/a", "/b"};
  start();
  auto log = create();
  ASSERT_TRUE(log);
  on_home([&] { ASSERT_TRUE(lead(**log, maker_.make(2, 100, kNow))); });
  fill_first_directory();
  world_.run_for(std::chrono::seconds(70));
  const std::string folder = (*log)->path();
  log->reset();
  stop();
  ASSERT_TRUE(process_->disk().remove(folder.substr(0, 2) + "/.kafka_cleanshutdown"));
  auto file = process_->disk().open(folder + "/00000000000000000000.log", rt::OpenMode::kReadWrite);
  const std::byte wrong[1] = {std::byte{0x7f}};
  const bytes::ByteSpan parts[] = {wrong};
  ASSERT_TRUE((*file)->pwritev(100, parts));
  file->reset();
  ASSERT_EQ(start().refused.size(), 1u);
  const auto refused = create();
  ASSERT_FALSE(refused) << "an empty log would pass for the damaged one";
  EXPECT_NE(refused.error().context.find(folder), std::string::npos) << refused.error().context;
  EXPECT_EQ(places(), 1u);
}

TEST_F(LogManagerSpaceTest, WhatWaitsForAnEarlierTopicIsSetAsideUnopened) {
  leave_one_waiting();
  fail_next(DiskOp::kChange, "0.timeindex");  // as long as there is none it could not be opened
  const auto log = create(kOther);
  if (!log) {
    EXPECT_EQ(log.error().cause, Cause::kNoSpace) << "only the new log may ask for space";
  }
  EXPECT_EQ(count(FolderKind::kStray), 1u);
  const auto again = create(kOther);
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ((*again)->topic_id(), kOther);
  EXPECT_EQ((*again)->log_end(), Offset{0});
  EXPECT_EQ(count(FolderKind::kStray), 1u);
}

TEST_F(LogManagerSpaceTest, WhatWaitsCanBeRemoved) {
  leave_one_waiting();
  const auto removed = remove();
  EXPECT_TRUE(removed) << removed.error().context;
  EXPECT_EQ(places(), 0u);
  EXPECT_EQ(count(FolderKind::kDelete), 1u);
  EXPECT_EQ(remove().error().code, ErrorCode::kUnknownTopicOrPartition);
  world_.run_for(std::chrono::minutes(2));
  EXPECT_EQ(count(FolderKind::kDelete), 0u);
  stop();
  EXPECT_TRUE(start().was_clean) << "nothing is under suspicion any more";
}

TEST_F(LogManagerSpaceTest, AnEmptyDirectoryWasNotLeftInDisorder) {
  const LoadReport first = start();
  EXPECT_TRUE(first.was_clean);
  EXPECT_TRUE(first.is_first);
  stop();
  const LoadReport second = start();
  EXPECT_TRUE(second.was_clean);
  EXPECT_FALSE(second.is_first);
  stop();
  config_.directories.push_back("/b");
  const LoadReport third = start();
  EXPECT_TRUE(third.was_clean) << "a new directory beside an old one";
  EXPECT_FALSE(third.is_first);
  ASSERT_TRUE(create());
  on_home([&] { manager_.reset(); });
  world_.run_for(std::chrono::seconds(1));
  EXPECT_FALSE(start().was_clean);
}

}  // namespace
}  // namespace semel::log
