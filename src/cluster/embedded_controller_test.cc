// The controller node over real files: new directories, restarts, directories of real Kafka.
#include "cluster/embedded_controller.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "cluster/format.h"
#include "cluster/testing.h"
#include "cluster/topic_decisions.h"
#include "rt/linux/test_runtime.h"

namespace semel::cluster {
namespace {

using namespace testing;
namespace fs = std::filesystem;

constexpr const char* kClusterId = "Z29sZGVuLWRhdGEtc2V0MA";

VersionedRecord config_record(const std::string& name, const std::string& value) {
  gen::ConfigRecord record;
  record.resource_type = 4;
  record.name = name;
  record.value = value;
  return {record, 0};
}

class NodeTest : public ::testing::Test {
 protected:
  NodeTest()
      : directory_(fs::temp_directory_path() /
                   fs::path(fmt::format("semel-node-{}-{}", getpid(), ++count_))) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~NodeTest() override { fs::remove_all(directory_); }

  /// A copy of a golden controller's folder, writable.
  void take_golden(const std::string& path) {
    fs::copy(golden(path) + "/__cluster_metadata-0", directory_ / "__cluster_metadata-0",
             fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(directory_))
      fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add);
  }

  ControllerNodeConfig config(int32_t node, std::optional<BrokerId> own = BrokerId{1}) {
    ControllerNodeConfig result;
    result.directory = directory_;
    result.directory_id = Uuid::from_halves(3, 4);
    result.own_broker = own;
    result.settings.node_id = node;
    result.settings.cluster_id = kClusterId;
    result.settings.incarnation_id = runtime_->random->uuid();
    result.settings.bootstrap = bootstrap_records(default_feature_levels(), {});
    return result;
  }

  void start(ControllerNodeConfig node_config) {
    runtime_.on(0, [&] {
      node_ = std::make_unique<EmbeddedController>(
          *runtime_, std::move(node_config), [this](const Error& why) { fatal_ = why.context; });
    });
    runtime_.run([this] { return started(); });
    ASSERT_EQ(failure_, "");
  }
  void stop() {
    runtime_.run([this] { return node_->stop(); });
    runtime_.on(0, [&] { node_.reset(); });
  }
  void commit(Records records) {
    runtime_.run([&] { return committed(std::move(records)); });
    ASSERT_EQ(failure_, "");
  }
  EmbeddedController::Fetched fetch(Offset offset, LeaderEpoch last, int64_t wait_ms = 2000) {
    EmbeddedController::Fetched result;
    runtime_.run([&] { return fetched(offset, last, wait_ms, result); });
    return result;
  }

  rt::Task<void> pause_a_little() {
    co_await rt::sleep_for(runtime_.executor(), std::chrono::milliseconds(1));
  }
  rt::Task<void> counted(VersionedRecord record, int& done) {
    Records records{std::move(record)};
    auto result = co_await node_->commit(std::move(records));
    if (result) ++done;
  }
  rt::Task<void> started() {
    auto result = co_await node_->start();
    failure_ = result ? "" : result.error().context;
  }
  rt::Task<void> committed(Records records) {
    auto result = co_await node_->commit(std::move(records));
    failure_ = result ? "" : result.error().context;
  }
  rt::Task<void> fetched(Offset offset, LeaderEpoch last, int64_t wait_ms,
                         EmbeddedController::Fetched& result) {
    quorum::FetchAsk ask;
    ask.replica_id = 7;
    ask.current_leader_epoch = node_->quorum().epoch();
    ask.fetch_offset = offset;
    ask.last_fetched_epoch = last;
    EmbeddedController::FetchLimits limits;
    limits.max_wait = std::chrono::milliseconds(wait_ms);
    auto got = co_await node_->fetch(ask, limits);
    result = std::move(got);
  }

  /// Names in the metadata folder that end so, ascending.
  std::vector<std::string> files(const std::string& suffix) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_ / "__cluster_metadata-0"))
      if (entry.path().string().ends_with(suffix)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  /// A node that writes a snapshot every 1,000 bytes and a segment every 2,000.
  ControllerNodeConfig busy_config() {
    ControllerNodeConfig result = config(1001);
    result.log.segment_bytes = 2000;
    result.log.snapshot_bytes = 1000;
    return result;
  }
  void commit_many(int from, int count) {
    for (int i = from; i < from + count; ++i) commit({config_record("k" + std::to_string(i), "v")});
  }
  bool wait_until(auto is_true) {
    for (int i = 0; i < 5000; ++i) {
      if (is_true()) return true;
      runtime_.run([this] { return pause_a_little(); });
    }
    return false;
  }
  /// The newest snapshot, once it is the only one and stays that.
  quorum::LogPoint only_snapshot() {
    std::vector<std::string> names;
    int rounds = 0;
    EXPECT_TRUE(wait_until([&] {
      const std::vector<std::string> now = files(".checkpoint");
      rounds = now == names && now.size() == 1 ? rounds + 1 : 0;
      names = now;
      return rounds > 100;
    })) << ::testing::PrintToString(names);
    return names.empty() ? quorum::LogPoint{} : *parse_snapshot_name(names.back());
  }
  size_t settings() {
    return node_->controller().image()->config(ConfigResourceType::kBroker, "")->size();
  }

  static inline int count_ = 0;
  fs::path directory_;
  rt::StartedRuntime runtime_{1, 2};
  std::unique_ptr<EmbeddedController> node_;
  std::string failure_;
  std::string fatal_;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_F(NodeTest, ANewDirectoryBecomesALogThatKafkaKnows) {
  start(config(1001));
  commit({});
  EXPECT_EQ(
      text_of(directory_ / "__cluster_metadata-0/quorum-state"),
      R"({"clusterId":"","leaderId":1001,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1001}],"data_version":0})");
  EXPECT_EQ(text_of(directory_ / "__cluster_metadata-0/partition.metadata"),
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
  const auto all = fetch(Offset{0}, LeaderEpoch{0});
  Replayer replayer(empty_image());
  ASSERT_TRUE(read_batches(all.records.span(), Offset{0}, replayer).has_value());
  ASSERT_EQ(replayer.controls.size(), 1u);
  EXPECT_EQ(std::get<LeaderChange>(replayer.controls[0]).leader_id, 1001);
  EXPECT_EQ(replayer.types["BEGIN_TRANSACTION_RECORD"], 1);
  EXPECT_EQ(replayer.types["FEATURE_LEVEL_RECORD"], 2);
  EXPECT_EQ(replayer.types["REGISTER_CONTROLLER_RECORD"], 1);
  EXPECT_EQ(replayer.finish().after->metadata_version(), 25);
  EXPECT_EQ(all.high_watermark, Offset{6});
  stop();
}

TEST_F(NodeTest, ARestartTakesANewEpochAndKeepsWhatWasCommitted) {
  start(config(1001));
  commit({config_record("log.retention.ms", "5")});
  const Offset end = node_->quorum().high_watermark();
  stop();
  start(config(1001));
  EXPECT_EQ(node_->quorum().epoch(), LeaderEpoch{2});
  EXPECT_EQ(
      node_->controller().image()->config(ConfigResourceType::kBroker, "")->at("log.retention.ms"),
      "5");
  commit({});
  EXPECT_GE(node_->quorum().high_watermark(), end + 2);
  EXPECT_EQ(fetch(end, LeaderEpoch{1}).verdict.kind, quorum::FetchVerdict::Kind::kRecords);
  EXPECT_EQ(fetch(end + 5, LeaderEpoch{1}).verdict.kind, quorum::FetchVerdict::Kind::kDiverging);
  stop();
}

TEST_F(NodeTest, AFetchWaitsForNews) {
  start(config(1001));
  commit({});
  const Offset end = node_->quorum().high_watermark();
  const auto begun = std::chrono::milliseconds(20);
  const auto nothing = fetch(end, LeaderEpoch{1}, begun.count());
  EXPECT_EQ(nothing.records.size(), 0u);
  EmbeddedController::Fetched late;
  runtime_.on(0, [&] {
    rt::spawn(fetched(end, LeaderEpoch{1}, 60'000, late));
    rt::spawn(committed({config_record("a", "b")}));
  });
  for (int i = 0; i < 1000 && late.records.empty(); ++i) {
    runtime_.run([this] { return pause_a_little(); });
  }
  EXPECT_GT(late.records.size(), 0u);
  EXPECT_EQ(late.high_watermark, end + 1);
  stop();
}

TEST_F(NodeTest, ManyCommitsShareFlushes) {
  start(config(1001));
  commit({});
  int done = 0;
  runtime_.on(0, [&] {
    for (int i = 0; i < 200; ++i)
      rt::spawn(counted(config_record("k" + std::to_string(i), "v"), done));
  });
  for (int i = 0; i < 1000 && done < 200; ++i) runtime_.run([this] { return pause_a_little(); });
  EXPECT_EQ(done, 200);
  EXPECT_EQ(node_->controller().image()->config(ConfigResourceType::kBroker, "")->size(), 200u);
  stop();
}

TEST_F(NodeTest, ADirectoryOfKafkasGoesOn) {
  take_golden("kafka-4.3.1/clean");
  start(config(1));
  EXPECT_EQ(node_->quorum().epoch(), LeaderEpoch{3});
  const MetadataImage& image = *node_->controller().image();
  EXPECT_EQ(image.metadata_version(), 30);
  ASSERT_NE(image.topic("idem"), nullptr);
  EXPECT_EQ(image.next_producer_id, 2000);
  commit({});
  EXPECT_EQ(node_->quorum().high_watermark(), Offset{792 + 2})
      << "LeaderChange and this node's registration";
  EXPECT_EQ(fetch(Offset{0}, LeaderEpoch{0}).verdict.kind, quorum::FetchVerdict::Kind::kSnapshot);
  const auto verdict = fetch(Offset{0}, LeaderEpoch{0}).verdict;
  EXPECT_EQ(verdict.point, (quorum::LogPoint{Offset{689}, LeaderEpoch{2}}));
  runtime_.on(0, [&] {
    const auto piece = node_->fetch_snapshot(node_->quorum().epoch(), verdict.point, 0, 100);
    ASSERT_TRUE(piece.has_value());
    EXPECT_EQ(piece->file_size, 8618);
    EXPECT_EQ(piece->bytes.size(), 100u);
    EXPECT_EQ(node_->fetch_snapshot(node_->quorum().epoch(), verdict.point, 8618, 100).error().code,
              ErrorCode::kPositionOutOfRange);
    EXPECT_EQ(node_->fetch_snapshot(node_->quorum().epoch(), {Offset{5}, LeaderEpoch{1}}, 0, 100)
                  .error()
                  .code,
              ErrorCode::kSnapshotNotFound);
    EXPECT_EQ(node_->fetch_snapshot(LeaderEpoch{2}, verdict.point, 0, 100).error().code,
              ErrorCode::kFencedLeaderEpoch);
  });
  EXPECT_GT(fetch(Offset{689}, LeaderEpoch{2}).records.size(), 0u);
  stop();
  start(config(1));
  EXPECT_EQ(node_->quorum().epoch(), LeaderEpoch{4});
  stop();
}

TEST_F(NodeTest, AKilledDirectoryOfKafkasIsRecoveredAndItsBrokerFenced) {
  take_golden("kafka-4.3.1/killed");
  for (const char* name : {"00000000000000000428.index", "00000000000000000428.timeindex"})
    fs::resize_file(directory_ / "__cluster_metadata-0" / name, 10'485'756 / 24 * 24);
  start(config(1));
  EXPECT_EQ(node_->quorum().epoch(), LeaderEpoch{2});
  const MetadataImage& image = *node_->controller().image();
  ASSERT_NE(image.broker(BrokerId{1}), nullptr);
  EXPECT_TRUE(image.broker(BrokerId{1})->fenced) << "the old registration of this process's broker";
  EXPECT_FALSE(image.partition("idem", PartitionIndex{0})->has_leader());
  EXPECT_EQ(image.partition("idem", PartitionIndex{0})->elr, std::vector<BrokerId>{BrokerId{1}});
  commit({});
  stop();
}

TEST_F(NodeTest, ADynamicQuorumOfSeveralVotersIsRefused) {
  take_golden("kafka-4.3.1/cluster/controller-103");
  runtime_.on(0, [&] {
    node_ = std::make_unique<EmbeddedController>(*runtime_, config(103, std::nullopt),
                                                 [](const Error&) {});
  });
  runtime_.run([this] { return started(); });
  EXPECT_THAT(failure_, ::testing::HasSubstr("only voter"));
  stop();
}

TEST_F(NodeTest, AStandaloneDirectoryWritesItsVotersIntoTheLog) {
  FormatPlan plan;
  plan.cluster_id = kClusterId;
  plan.node_id = BrokerId{1};
  plan.directories = {directory_};
  plan.metadata_directory = directory_;
  plan.features = default_feature_levels();
  plan.standalone = std::vector<quorum::VoterEndpoint>{{"CONTROLLER", "localhost", 9093}};
  ASSERT_TRUE(format_directories(*runtime_, plan).has_value());
  ControllerNodeConfig node_config = config(1);
  node_config.settings.endpoints = {
      {"CONTROLLER", "localhost", 9193, SecurityProtocol::kPlaintext}};
  start(node_config);
  commit({});
  const auto all = fetch(Offset{0}, LeaderEpoch{0});
  Replayer replayer(empty_image());
  ASSERT_TRUE(read_batches(all.records.span(), Offset{0}, replayer).has_value());
  ASSERT_EQ(replayer.controls.size(), 3u);
  EXPECT_EQ(std::get<KraftVersion>(replayer.controls[1]).version, 1);
  EXPECT_EQ(std::get<KraftVoters>(replayer.controls[2]).voters.front().endpoints.front().port,
            9193);
  EXPECT_EQ(
      text_of(directory_ / "__cluster_metadata-0/quorum-state"),
      R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})");
  stop();
}

TEST_F(NodeTest, SnapshotsAreWrittenServedAndStartedFrom) {
  ControllerNodeConfig node_config = config(1001);
  node_config.log.snapshot_bytes = 2000;
  start(node_config);
  for (int i = 0; i < 40; ++i) commit({config_record("k" + std::to_string(i), "v")});
  for (int i = 0; i < 1000 && fetch(Offset{0}, LeaderEpoch{0}).verdict.kind !=
                                  quorum::FetchVerdict::Kind::kSnapshot;
       ++i)
    runtime_.run([this] { return pause_a_little(); });
  const quorum::LogPoint point = fetch(Offset{0}, LeaderEpoch{0}).verdict.point;
  EXPECT_GT(point.end, Offset{6});
  const ImagePtr image =
      image_of_snapshot(directory_ / "__cluster_metadata-0" / snapshot_name(point));
  EXPECT_EQ(image->metadata_version(), 25);
  EXPECT_GT(image->config(ConfigResourceType::kBroker, "")->size(), 5u);
  const auto before = lines(*node_->controller().image());
  stop();
  start(config(1001));
  const auto after = lines(*node_->controller().image());
  EXPECT_EQ(std::vector(after.begin(), after.begin() + 2),
            std::vector(before.begin(), before.begin() + 2));
  EXPECT_EQ(node_->controller().image()->config(ConfigResourceType::kBroker, "")->size(), 40u);
  EXPECT_EQ(fetch(Offset{0}, LeaderEpoch{0}).verdict.kind, quorum::FetchVerdict::Kind::kSnapshot);
  stop();
}

TEST_F(NodeTest, OldSnapshotsGoWithTheLogBeforeTheNextOne) {
  ControllerNodeConfig node_config = busy_config();
  node_config.log.retention_bytes = 0;
  node_config.log.delete_delay_ms = 0;
  start(node_config);
  commit_many(0, 150);
  const quorum::LogPoint newest = only_snapshot();
  EXPECT_EQ(fetch(Offset{0}, LeaderEpoch{0}).verdict.point, newest);
  EXPECT_GT(files(".log").front(), "00000000000000000000.log") << "the first segment is gone";
  EXPECT_EQ(fetch(newest.end, newest.epoch).verdict.kind, quorum::FetchVerdict::Kind::kRecords);
  const auto behind = fetch(newest.end - 1, LeaderEpoch{1}).verdict;
  EXPECT_EQ(behind.kind, quorum::FetchVerdict::Kind::kSnapshot) << "its records are deleted";
  EXPECT_EQ(behind.point, newest);
  runtime_.on(0, [&] {
    const auto piece = node_->fetch_snapshot(node_->quorum().epoch(), newest, 0, 1 << 20);
    ASSERT_TRUE(piece.has_value());
    EXPECT_EQ(piece->file_size, static_cast<int64_t>(piece->bytes.size()));
  });
  stop();
  start(config(1001));
  EXPECT_EQ(settings(), 150u);
  commit_many(150, 1);
  stop();
}

TEST_F(NodeTest, ASnapshotAloneIsEnoughToStartFrom) {
  ControllerNodeConfig node_config = busy_config();
  node_config.log.retention_bytes = 0;
  start(node_config);
  commit_many(0, 60);
  const quorum::LogPoint newest = only_snapshot();
  const size_t known =
      image_of_snapshot(directory_ / "__cluster_metadata-0" / snapshot_name(newest))
          ->config(ConfigResourceType::kBroker, "")
          ->size();
  stop();
  for (const char* suffix :
       {".log", ".index", ".timeindex", ".snapshot", "leader-epoch-checkpoint"})
    for (const std::string& name : files(suffix))
      fs::remove(directory_ / "__cluster_metadata-0" / name);
  start(config(1001));
  EXPECT_EQ(settings(), known);
  EXPECT_GT(node_->quorum().epoch(), newest.epoch);
  commit_many(100, 1);
  EXPECT_EQ(files(".log").front(), fmt::format("{:020}.log", newest.end.value));
  EXPECT_EQ(fetch(newest.end, newest.epoch).verdict.kind, quorum::FetchVerdict::Kind::kRecords);
  stop();
}

TEST_F(NodeTest, SnapshotsAreKeptWithinTheirLimits) {
  ControllerNodeConfig node_config = busy_config();
  node_config.log.retention_bytes = -1;
  node_config.log.retention_ms = -1;
  start(node_config);
  commit_many(0, 100);
  EXPECT_TRUE(wait_until([this] { return files(".checkpoint").size() >= 3; }));
  stop();
  EXPECT_EQ(files(".log").front(), "00000000000000000000.log");
  // The same directory, with records that have outlived their time.
  node_config = busy_config();
  node_config.log.snapshot_bytes = 1 << 20;
  node_config.log.retention_ms = 0;
  start(node_config);
  EXPECT_TRUE(wait_until([this] { return files(".checkpoint").size() == 1; }));
  EXPECT_EQ(settings(), 100u);
  stop();
}

TEST_F(NodeTest, ASnapshotIsWrittenAfterItsInterval) {
  ControllerNodeConfig node_config = config(1001);
  node_config.log.snapshot_interval_ms = 1;
  start(node_config);
  runtime_.run([this] { return pause_a_little(); });
  runtime_.run([this] { return pause_a_little(); });
  commit_many(0, 1);
  EXPECT_TRUE(wait_until([this] { return !files(".checkpoint").empty(); }));
  stop();
}

TEST_F(NodeTest, AfterTheStopNothingIsPromised) {
  start(config(1001));
  runtime_.run([this] { return node_->stop(); });
  runtime_.run([this] { return committed({config_record("a", "b")}); });
  EXPECT_THAT(failure_, ::testing::HasSubstr("not the active controller"));
  EXPECT_EQ(fetch(Offset{0}, LeaderEpoch{0}).verdict.error, ErrorCode::kNotLeaderOrFollower);
  runtime_.on(0, [&] { node_.reset(); });
}

}  // namespace
}  // namespace semel::cluster
