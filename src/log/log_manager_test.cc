// LogManager and Flusher: a broker's directories over restarts, kills, failures, and group commits.
#include "log/log_manager.h"

#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/meta_properties.h"
#include "log/small_files.h"
#include "log/test_support.h"
#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

using testing::BatchMaker;
using testing::lead;
using testing::TempFolder;
using testing::text_of;
namespace fs = std::filesystem;

constexpr int64_t kNow = 1'700'000'000'000;
const TopicId kTopic = Uuid::from_halves(7, 9);

TopicPartition part(const std::string& topic, int32_t index) {
  return {topic, PartitionIndex{index}};
}

struct Listener final : LogManagerListener {
  void on_directory_offline(const DirectoryId&, const std::string& path,
                            const std::vector<TopicPartition>& names, bool last) override {
    failed.push_back(path);
    lost.insert(lost.end(), names.begin(), names.end());
    was_last = last;
  }
  std::vector<std::string> failed;
  std::vector<TopicPartition> lost;
  bool was_last = false;
};

LogManagerConfig config_for(std::vector<std::string> directories) {
  LogManagerConfig config;
  config.directories = std::move(directories);
  config.node_id = BrokerId{1};
  config.cluster_id = "cluster";
  config.formats_new_directories = true;
  config.config_of = [](const std::string&) { return LogConfig{.segment_bytes = 5000}; };
  return config;
}

class LogManagerTest : public ::testing::Test {
 protected:
  Result<LoadReport> start(const LogManagerConfig& config) {
    manager_ = std::make_unique<LogManager>(*runtime_, config, listener_);
    std::promise<Result<LoadReport>> result;
    runtime_.on(0, [&] {
      manager_->start([&](Result<LoadReport> report) { result.set_value(std::move(report)); });
    });
    return result.get_future().get();
  }
  Result<void> stop(int64_t broker_epoch = 5) {
    std::promise<Result<void>> result;
    runtime_.on(0, [&] {
      manager_->stop(broker_epoch, [&](Result<void> done) { result.set_value(std::move(done)); });
    });
    auto done = result.get_future().get();
    kill();
    return done;
  }
  void kill() {
    runtime_.on(0, [&] { manager_.reset(); });
  }
  std::shared_ptr<Log> create(const TopicPartition& name,
                              std::optional<DirectoryId> directory = {}) {
    std::shared_ptr<Log> log;
    runtime_.on(0, [&] {
      auto made = manager_->create(name, kTopic, directory);
      EXPECT_TRUE(made) << made.error().context;
      if (made) log = *made;
    });
    return log;
  }

  rt::StartedRuntime runtime_{1, 4};
  TempFolder temp_;
  Listener listener_;
  std::unique_ptr<LogManager> manager_;
  BatchMaker maker_;
};

TEST_F(LogManagerTest, KeepsEverythingOverACleanRestart) {
  const auto config = config_for({temp_.at("a"), temp_.at("b")});
  ASSERT_TRUE(start(config));
  for (int i = 0; i < 6; ++i) {
    const auto log = create(part("t", i));
    for (int k = 0; k <= i; ++k) ASSERT_TRUE(lead(*log, maker_.make(2, 1000, kNow)));
    log->set_high_watermark(Offset{i});
  }
  EXPECT_EQ(fs::exists(temp_.at("a/t-0")) + fs::exists(temp_.at("b/t-0")), 1);
  size_t in_a = 0;
  for (int i = 0; i < 6; ++i) in_a += fs::exists(temp_.at("a/t-" + std::to_string(i))) ? 1 : 0;
  EXPECT_EQ(in_a, 3u) << "the directory with the fewest partitions is taken";
  ASSERT_TRUE(stop(77));
  EXPECT_EQ(text_of(temp_.at("a/.kafka_cleanshutdown")), "{\"version\":0,\"brokerEpoch\":77}");
  const auto report = start(config);
  ASSERT_TRUE(report) << report.error().context;
  EXPECT_EQ(report->logs, 6u);
  EXPECT_TRUE(report->was_clean);
  EXPECT_EQ(report->previous_broker_epoch, 77);
  EXPECT_FALSE(fs::exists(temp_.at("a/.kafka_cleanshutdown")))
      << "taken away before logs are opened";
  for (int i = 0; i < 6; ++i) {
    const auto log = manager_->find(part("t", i));
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->log_end(), Offset{2 * (i + 1)});
    EXPECT_EQ(log->high_watermark(), Offset{i});
    EXPECT_EQ(log->topic_id(), kTopic);
    EXPECT_EQ(log->recovery_point(), log->log_end());
  }
  EXPECT_EQ(manager_->find(part("t", 6)), nullptr);
  ASSERT_TRUE(stop());
}

TEST_F(LogManagerTest, LoadsAfterAKillAndRefusesWhatIsDamagedBelowTheRecoveryPoint) {
  auto config = config_for({temp_.at("a")});
  config.flush_interval_ms = 20;
  ASSERT_TRUE(start(config));
  const auto good = create(part("good", 0));
  const auto bad = create(part("bad", 0));
  for (const auto& log : {good, bad}) {
    for (int k = 0; k < 2; ++k) ASSERT_TRUE(lead(*log, maker_.make(2, 1000, kNow)));
  }
  for (int i = 0; i < 500 && text_of(temp_.at("a/recovery-point-offset-checkpoint")) !=
                                 "0\n2\nbad 0 4\ngood 0 4\n";
       ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(text_of(temp_.at("a/recovery-point-offset-checkpoint")), "0\n2\nbad 0 4\ngood 0 4\n");
  kill();
  while (!runtime_->disk->lock(temp_.at("a/.lock")))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::string content = text_of(temp_.at("a/bad-0/00000000000000000000.log"));
  content[100] = static_cast<char>(content[100] ^ 1);
  testing::write_text(temp_.at("a/bad-0/00000000000000000000.log"), content);
  for (int round = 0; round < 2; ++round) {
    const auto report = start(config);
    ASSERT_TRUE(report) << report.error().context;
    EXPECT_FALSE(report->was_clean) << "round " << round;
    EXPECT_EQ(report->logs, 1u);
    ASSERT_EQ(report->refused.size(), 1u);
    EXPECT_EQ(report->refused.front().name, part("bad", 0));
    runtime_.on(0, [&] { EXPECT_FALSE(manager_->create(part("bad", 0), kTopic)); });
    ASSERT_TRUE(stop());
    EXPECT_FALSE(fs::exists(temp_.at("a/.kafka_cleanshutdown")))
        << "a refused partition stays under suspicion";
    EXPECT_EQ(text_of(temp_.at("a/recovery-point-offset-checkpoint")), "0\n2\nbad 0 4\ngood 0 4\n");
  }
}

TEST_F(LogManagerTest, OpensKafkasDirectories) {
  for (const char* source : {"kafka-4.3.1/clean", "kafka-4.3.1/killed"}) {
    const fs::path golden = fs::path(SEMEL_GOLDEN_DIR) / source;
    const fs::path copy = temp_.path() / fs::path(source).filename();
    fs::copy(golden, copy, fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(copy)) {
      if (entry.path().string().ends_with(".dump.txt")) fs::remove(entry.path());
    }
    auto config = config_for({copy.string()});
    config.cluster_id = "Z29sZGVuLWRhdGEtc2V0MA";
    config.formats_new_directories = false;
    const auto report = start(config);
    ASSERT_TRUE(report) << report.error().context;
    EXPECT_TRUE(report->refused.empty());
    EXPECT_EQ(report->logs, 54u);
    EXPECT_EQ(report->was_clean, std::string(source).ends_with("clean"));
    EXPECT_EQ(manager_->find(part("trimmed", 0))->log_start(), Offset{37});
    EXPECT_EQ(manager_->find(part("txn", 0))->log_end(), Offset{52});
    EXPECT_EQ(manager_->directories().front().id, Uuid::from_text("WwRETkZhpuHUeeusvzI0ew"));
    ASSERT_TRUE(stop());
    EXPECT_TRUE(fs::exists(copy / kCleanShutdownName));
  }
  auto config = config_for({temp_.at("clean")});
  EXPECT_EQ(start(config).error().code, ErrorCode::kInconsistentClusterId);
  kill();
  config.cluster_id = "Z29sZGVuLWRhdGEtc2V0MA";
  config.node_id = BrokerId{2};
  EXPECT_EQ(start(config).error().code, ErrorCode::kInvalidConfig);
  kill();
}

TEST_F(LogManagerTest, ALockedOrUnformattedDirectoryIsRefused) {
  auto config = config_for({temp_.at("a")});
  config.formats_new_directories = false;
  EXPECT_EQ(start(config).error().code, ErrorCode::kInvalidConfig);
  kill();
  config.formats_new_directories = true;
  ASSERT_TRUE(start(config));
  const auto held = std::move(manager_);
  EXPECT_EQ(start(config).error().cause, Cause::kLocked);
  kill();
  manager_ = nullptr;
  runtime_.on(0, [&] { const_cast<std::unique_ptr<LogManager>&>(held).reset(); });
}

TEST_F(LogManagerTest, RemovesAndSetsAside) {
  auto config = config_for({temp_.at("a")});
  config.flush_interval_ms = 20;
  config.config_of = [](const std::string&) { return LogConfig{.file_delete_delay_ms = 300}; };
  ASSERT_TRUE(start(config));
  const auto gone = create(part("gone", 0));
  create(part("odd", 1));
  ASSERT_TRUE(lead(*gone, maker_.make(2, 10, kNow)));
  runtime_.on(0, [&] {
    ASSERT_TRUE(manager_->remove(part("gone", 0)));
    ASSERT_TRUE(manager_->set_stray(part("odd", 1)));
    EXPECT_EQ(manager_->remove(part("never", 0)).error().code, ErrorCode::kUnknownTopicOrPartition);
  });
  EXPECT_EQ(manager_->find(part("gone", 0)), nullptr);
  EXPECT_FALSE(lead(*gone, maker_.make(2, 10, kNow))) << "a removed log takes no appends";
  const auto count = [&](FolderKind kind) {
    size_t found = 0;
    for (const auto& entry : fs::directory_iterator(temp_.at("a")))
      found += parse_folder_name(entry.path().filename().string()).kind == kind ? 1 : 0;
    return found;
  };
  EXPECT_EQ(count(FolderKind::kDelete), 1u);
  EXPECT_EQ(count(FolderKind::kStray), 1u);
  create(part("gone", 0));
  for (int i = 0; i < 500 && count(FolderKind::kDelete) > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(count(FolderKind::kDelete), 0u);
  EXPECT_EQ(count(FolderKind::kPartition), 1u);
  EXPECT_TRUE(listener_.failed.empty());
  ASSERT_TRUE(stop());
}

TEST_F(LogManagerTest, WhatAKilledProcessLeftIsFlushedWhileLoadingUnlessItMayWait) {
  auto config = config_for({temp_.at("a")});
  config.config_of = [](const std::string& topic) {
    return LogConfig{.flush_messages = topic == "each" ? 1 : kNoLimit};
  };
  ASSERT_TRUE(start(config));
  for (const char* topic : {"each", "t"}) {
    const auto log = create(part(topic, 0));
    ASSERT_TRUE(lead(*log, maker_.make(2, 100, kNow)));
  }
  for (const bool flushes : {false, true}) {
    kill();
    while (!runtime_->disk->lock(temp_.at("a/.lock")))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    config.flushes_while_loading = flushes;
    ASSERT_TRUE(start(config));
    EXPECT_EQ(manager_->find(part("each", 0))->flushed_end(), Offset{2});
    EXPECT_EQ(manager_->find(part("t", 0))->flushed_end(), Offset{flushes ? 2 : 0});
  }
  ASSERT_TRUE(stop());
}

TEST_F(LogManagerTest, FlushMsIsKept) {
  auto config = config_for({temp_.at("a")});
  config.flush_interval_ms = 600'000;
  config.config_of = [](const std::string& topic) {
    return LogConfig{.flush_ms = topic == "soon" ? 100 : kNoLimit};
  };
  ASSERT_TRUE(start(config));
  const auto soon = create(part("soon", 0));
  const auto never = create(part("never", 0));
  for (const auto& log : {soon, never}) ASSERT_TRUE(lead(*log, maker_.make(2, 100, kNow)));
  for (int i = 0; i < 1000 && soon->flushed_end() < soon->log_end(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(soon->flushed_end(), Offset{2});
  EXPECT_EQ(never->flushed_end(), Offset{0});
  ASSERT_TRUE(stop());
}

struct FlushCounter final : LogListener {
  void on_flushed(Offset end) override {
    reached = end.value;
    ++calls;
  }
  std::atomic<int64_t> reached{0};
  std::atomic<int> calls{0};
};

TEST_F(LogManagerTest, GroupCommitsTellEachLog) {
  ASSERT_TRUE(start(config_for({temp_.at("a")})));
  std::vector<std::shared_ptr<Log>> logs;
  std::vector<std::shared_ptr<FlushCounter>> counters;
  for (int i = 0; i < 12; ++i) {
    logs.push_back(create(part("t", i)));
    counters.push_back(std::make_shared<FlushCounter>());
    logs.back()->set_listener(counters.back());
  }
  Flusher& flusher = manager_->flusher_of(*logs.front());
  for (int round = 1; round <= 20; ++round) {
    for (size_t i = 0; i < (round % 2 == 0 ? logs.size() : 2); ++i) {
      ASSERT_TRUE(lead(*logs[i], maker_.make(1, 100, kNow)));
      flusher.request(logs[i]);
    }
    std::promise<void> idle;
    flusher.when_idle([&] { idle.set_value(); });
    idle.get_future().wait();
    for (size_t i = 0; i < logs.size(); ++i) {
      EXPECT_EQ(logs[i]->flushed_end(), logs[i]->log_end());
      EXPECT_EQ(counters[i]->reached, logs[i]->log_end().value);
    }
  }
  EXPECT_EQ(logs.front()->recovery_point(), Offset{0}) << "moved by the background flush only";
  const FlusherCounters counted = flusher.counters();
  EXPECT_GE(counted.commits, 20u);
  EXPECT_GT(counted.file_syncs, 0u);
  EXPECT_GT(counted.filesystem_syncs, 0u);
  ASSERT_TRUE(stop());
}

TEST(LogManagerInSim, AFailedSyncTakesOneDirectoryOfTwoOffline) {
  rt::sim::World world(11);
  rt::sim::Node& node = world.add_node("n");
  rt::sim::Process& process = node.boot();
  Listener listener;
  BatchMaker maker;
  bool is_started = false;
  auto config = config_for({"/a", "/b"});
  auto manager = std::make_unique<LogManager>(process.runtime(), config, listener);
  const auto on_home = [&](rt::UniqueFunction<void()> work) {
    process.executor().post(std::move(work));
  };
  on_home(
      [&] { manager->start([&](Result<LoadReport> report) { is_started = report.has_value(); }); });
  ASSERT_TRUE(world.run_until([&] { return is_started; }, std::chrono::seconds(5)));
  std::vector<std::shared_ptr<Log>> logs;
  on_home([&] {
    for (int i = 0; i < 4; ++i) logs.push_back(*manager->create(part("t", i), kTopic));
    for (const auto& log : logs) ASSERT_TRUE(lead(*log, maker.make(2, 100, kNow)));
  });
  world.run_for(std::chrono::milliseconds(100));
  ASSERT_EQ(logs.size(), 4u);
  node.file_system().fail_next(rt::sim::DiskOp::kSync, "/b/", Cause::kIo);
  world.run_for(std::chrono::seconds(12));
  EXPECT_EQ(listener.failed, std::vector<std::string>{"/b"});
  EXPECT_EQ(listener.lost.size(), 2u);
  EXPECT_FALSE(listener.was_last);
  EXPECT_EQ(manager->logs().size(), 2u);
  for (const auto& log : manager->logs()) EXPECT_EQ(log->recovery_point(), Offset{2});
  node.file_system().fail_next(rt::sim::DiskOp::kSync, "/a/", Cause::kIo);
  on_home([&] { manager->flusher_of(*manager->logs().front()).request(manager->logs().front()); });
  on_home([&] { std::ignore = lead(*manager->logs().front(), maker.make(2, 100, kNow)); });
  world.run_for(std::chrono::seconds(12));
  EXPECT_TRUE(listener.was_last);
  on_home([&] { manager.reset(); });
  world.run_for(std::chrono::seconds(1));
  logs.clear();
}

TEST(LogManagerInSim, RetentionAndCheckpointsRunByTheClock) {
  rt::sim::World world(12);
  rt::sim::Node& node = world.add_node("n");
  rt::sim::Process& process = node.boot();
  Listener listener;
  BatchMaker maker;
  auto config = config_for({"/a"});
  config.config_of = [](const std::string&) {
    return LogConfig{.segment_bytes = 1000, .retention_ms = 60'000};
  };
  auto manager = std::make_unique<LogManager>(process.runtime(), config, listener);
  bool is_started = false;
  process.executor().post([&] { manager->start([&](Result<LoadReport>) { is_started = true; }); });
  ASSERT_TRUE(world.run_until([&] { return is_started; }, std::chrono::seconds(5)));
  std::shared_ptr<Log> log;
  const int64_t now_ms = node.unix_ms();
  process.executor().post([&] {
    log = *manager->create(part("t", 0), kTopic);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(lead(*log, maker.make(1, 900, now_ms)));
    log->set_high_watermark(Offset{4});
  });
  world.run_for(std::chrono::seconds(35));
  EXPECT_EQ(log->log_start(), Offset{0});
  node.jump_wall_clock(3'600'000'000);
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(log->log_start(), Offset{0});
  const auto checkpoint = [&](const char* name) {
    auto content = rt::read_file(*process.runtime().disk, std::string("/a/") + name, 10'000);
    return content ? std::string(content->text()) : std::string();
  };
  EXPECT_EQ(checkpoint("replication-offset-checkpoint"), "0\n1\nt 0 4\n");
  EXPECT_EQ(checkpoint("recovery-point-offset-checkpoint"), "0\n1\nt 0 4\n");
  world.run_for(std::chrono::minutes(6));
  EXPECT_EQ(log->log_start(), Offset{4}) << "aged by the clock that does not jump";
  const auto entries = *process.runtime().disk->list("/a/t-0");
  for (const auto& entry : entries) EXPECT_FALSE(entry.name.ends_with(".deleted")) << entry.name;
  bool is_stopped = false;
  process.executor().post(
      [&] { manager->stop(3, [&](Result<void> done) { is_stopped = done.has_value(); }); });
  EXPECT_TRUE(world.run_until([&] { return is_stopped; }, std::chrono::seconds(10)));
  process.executor().post([&] { manager.reset(); });
  world.run_for(std::chrono::seconds(1));
  log.reset();
}

}  // namespace
}  // namespace semel::log
