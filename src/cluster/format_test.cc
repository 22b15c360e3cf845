#include "cluster/format.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cluster/features.h"
#include "cluster/snapshot_file.h"
#include "log/meta_properties.h"
#include "rt/linux/test_runtime.h"

namespace semel::cluster {
namespace {

class FormatTest : public testing::Test {
 protected:
  FormatTest() : root_(testing::TempDir() + "semel-format-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(root_);
  }
  ~FormatTest() override { std::filesystem::remove_all(root_); }

  FormatPlan plan() {
    FormatPlan plan;
    plan.cluster_id = "Z29sZGVuLWRhdGEtc2V0MA";
    plan.node_id = BrokerId{1001};
    plan.directories = {root_ + "/a", root_ + "/b"};
    plan.metadata_directory = root_ + "/a";
    plan.features = default_feature_levels();
    plan.standalone = std::vector<quorum::VoterEndpoint>{{"CONTROLLER", "localhost", 9093}};
    return plan;
  }

  rt::StartedRuntime os_;
  std::string root_;
};

TEST_F(FormatTest, WritesWhatAControllerStartsFrom) {
  ASSERT_TRUE(format_directories(*os_, plan()).has_value());
  const auto properties = log::read_meta_properties(*os_->disk, root_ + "/a");
  ASSERT_TRUE(properties.has_value() && properties->has_value());
  EXPECT_EQ((*properties)->node_id, BrokerId{1001});
  EXPECT_EQ((*properties)->cluster_id, "Z29sZGVuLWRhdGEtc2V0MA");
  const auto zero = load_snapshot_file(
      *os_->disk, root_ + "/a/__cluster_metadata-0/" + std::string(kZeroCheckpoint));
  ASSERT_TRUE(zero.has_value());
  const auto facts =
      read_snapshot(zero->span(), [](const VersionedRecord&) { return Result<void>{}; });
  ASSERT_TRUE(facts.has_value()) << facts.error().context;
  EXPECT_EQ(facts->kraft_version, 1);
  ASSERT_EQ(facts->voters->size(), 1u);
  EXPECT_EQ(facts->voters->front().directory, *(*properties)->directory_id);
  int levels = 0;
  const auto bootstrap = load_snapshot_file(*os_->disk, root_ + "/b/bootstrap.checkpoint");
  ASSERT_TRUE(read_snapshot(bootstrap->span(), [&](const VersionedRecord&) {
                ++levels;
                return Result<void>{};
              }).has_value());
  EXPECT_EQ(levels, 2);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/b/__cluster_metadata-0"));
}

TEST_F(FormatTest, NothingThatIsThereIsOverwritten) {
  ASSERT_TRUE(format_directories(*os_, plan()).has_value());
  EXPECT_FALSE(format_directories(*os_, plan()).has_value());
  EXPECT_EQ(directory_state(*os_->disk, root_ + "/a").value(), DirectoryState::kFormatted);
  EXPECT_EQ(directory_state(*os_->disk, root_ + "/none").value(), DirectoryState::kMissing);

  std::filesystem::create_directories(root_ + "/other");
  EXPECT_EQ(directory_state(*os_->disk, root_ + "/other").value(), DirectoryState::kEmpty);
  std::ofstream(root_ + "/other/thesis.txt") << "mine";
  EXPECT_EQ(directory_state(*os_->disk, root_ + "/other").value(), DirectoryState::kForeign);

  std::filesystem::create_directories(root_ + "/lost/__cluster_metadata-0");
  EXPECT_EQ(directory_state(*os_->disk, root_ + "/lost").value(), DirectoryState::kEmpty);
  std::ofstream(root_ + "/lost/__cluster_metadata-0/00000000000000000000.log") << "records";
  EXPECT_EQ(directory_state(*os_->disk, root_ + "/lost").value(), DirectoryState::kForeign);
}

TEST(BootstrapRecords, MetadataVersionFirstThenByNameWithoutKraftVersionAndZeros) {
  const Records records = bootstrap_records(default_feature_levels(), {});
  std::vector<std::pair<std::string, int16_t>> got;
  for (const auto& record : records) {
    const auto& level = std::get<gen::FeatureLevelRecord>(record.body);
    got.emplace_back(level.name, level.feature_level);
  }
  const std::vector<std::pair<std::string, int16_t>> wanted = {{"metadata.version", int16_t{25}},
                                                               {"transaction.version", int16_t{2}}};
  EXPECT_EQ(got, wanted);
}

}  // namespace
}  // namespace semel::cluster
