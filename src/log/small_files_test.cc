// The text files of a log directory, against Kafka's bytes and against hostile ones.
#include "log/small_files.h"

#include <set>

#include <gtest/gtest.h>

#include "log/checkpoint_file.h"
#include "log/file_names.h"
#include "log/meta_properties.h"
#include "log/test_support.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

using testing::text_of;

std::filesystem::path golden(std::string_view path) {
  return std::filesystem::path(SEMEL_GOLDEN_DIR) / path;
}

TEST(CheckpointFile, ReadsKafkasAndKeepsEveryLine) {
  for (const char* path : {"kafka-4.3.1/clean/recovery-point-offset-checkpoint",
                           "kafka-4.3.1/clean/log-start-offset-checkpoint",
                           "kafka-4.3.1/killed/replication-offset-checkpoint",
                           "kafka-4.3.1/clean/cleaner-offset-checkpoint",
                           "kafka-2.6.0/kafka-logs-1/replication-offset-checkpoint"}) {
    const std::string text = text_of(golden(path));
    const auto offsets = parse_offset_checkpoint(text);
    ASSERT_TRUE(offsets) << path << ": " << offsets.error().context;
    const std::string own = format_offset_checkpoint(*offsets);
    std::multiset<char> kafka_bytes(text.begin(), text.end());
    EXPECT_EQ(std::multiset<char>(own.begin(), own.end()), kafka_bytes) << path;
    EXPECT_EQ(*parse_offset_checkpoint(own), *offsets) << path;
  }
  EXPECT_EQ(format_offset_checkpoint(
                {{{"u", PartitionIndex{3}}, Offset{7}}, {{"t", PartitionIndex{0}}, Offset{42}}}),
            "0\n2\nt 0 42\nu 3 7\n");
}

TEST(CheckpointFile, EpochsAreBitExact) {
  const std::string text =
      text_of(golden("kafka-4.3.1/clean-again/epochs-0/leader-epoch-checkpoint"));
  const auto epochs = parse_epoch_checkpoint(text);
  ASSERT_TRUE(epochs) << epochs.error().context;
  EXPECT_EQ(epochs->size(), 3u);
  EXPECT_EQ(format_epoch_checkpoint(*epochs), text);
  EXPECT_EQ(format_epoch_checkpoint({}), "0\n0\n");
}

TEST(CheckpointFile, RefusesWhatDoesNotFit) {
  EXPECT_EQ(parse_offset_checkpoint("")->size(), 0u);
  for (const char* text :
       {"1\n0\n", "0\n", "x\n0\n", "0\n-1\n", "0\n1\n", "0\n0\nt 0 1\n", "0\n1\nt 0\n",
        "0\n1\nt -1 5\n", "0\n1\nt 0 5 6\n", "0\n1\nt 0 99999999999999999999\n", "0\n99999999999\n",
        "0\n2\nt 0 1\n"}) {
    EXPECT_FALSE(parse_offset_checkpoint(text)) << text;
  }
  for (const char* text : {"0\n1\n-1 0\n", "0\n1\n0 -1\n", "0\n1\n1 2 3\n", "0\n1\na 2\n"})
    EXPECT_FALSE(parse_epoch_checkpoint(text)) << text;
}

TEST(PartitionMetadata, IsBitExact) {
  const std::string text = text_of(golden("kafka-4.3.1/clean/idem-0/partition.metadata"));
  const auto id = parse_partition_metadata(text);
  ASSERT_TRUE(id) << id.error().context;
  EXPECT_EQ(format_partition_metadata(*id), text);
  EXPECT_EQ(*parse_partition_metadata(text + "\n"), *id);
  for (const char* bad :
       {"", "version: 0\n", "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAg", "topic_id: x",
        "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "version 0\ntopic_id: x"})
    EXPECT_FALSE(parse_partition_metadata(bad)) << bad;
}

TEST(PartitionMetadata, TornCountsAsMissing) {
  const std::string whole = format_partition_metadata(Uuid::from_halves(1, 2));
  rt::sim::World world(1);
  rt::Disk& disk = *world.add_node("n").boot().runtime().disk;
  for (const std::string& text :
       {std::string(), whole.substr(0, 5), whole.substr(0, 30), std::string(whole.size(), '\0'),
        whole.substr(0, 20) + std::string(23, '\0')}) {
    ASSERT_TRUE(rt::replace_file(disk, "/partition.metadata", bytes::as_bytes(text)));
    const auto id = read_partition_metadata(disk, "");
    ASSERT_TRUE(id) << id.error().context;
    EXPECT_FALSE(*id) << text;
  }
  ASSERT_TRUE(
      rt::replace_file(disk, "/partition.metadata", bytes::as_bytes("version: 1\ntopic_id: x")));
  EXPECT_FALSE(read_partition_metadata(disk, "")) << "damage that no power cut makes";
}

TEST(CleanShutdown, IsBitExact) {
  const std::string text = text_of(golden("kafka-4.3.1/clean/.kafka_cleanshutdown"));
  const int64_t epoch = parse_clean_shutdown(text);
  EXPECT_GE(epoch, 0);
  EXPECT_EQ(format_clean_shutdown(epoch), text);
  EXPECT_EQ(parse_clean_shutdown(""), -1);
  EXPECT_EQ(parse_clean_shutdown("{\"brokerEpoch\" : 12 , \"x\":1}"), 12);
  for (const char* bad : {"{", "{}", "brokerEpoch: 3", "{\"brokerEpoch\":\"3\"}",
                          "{\"brokerEpoch\":9999999999999999999999}"})
    EXPECT_EQ(parse_clean_shutdown(bad), -1) << bad;
}

TEST(MetaProperties, IsBitExact) {
  for (const char* path :
       {"kafka-4.3.1/clean/meta.properties", "kafka-2.6.0/kafka-logs-1/meta.properties"}) {
    const std::string text = text_of(golden(path));
    const auto meta = parse_meta_properties(text);
    ASSERT_TRUE(meta) << meta.error().context;
    const std::string date = text.substr(3, text.find('\n', 3) - 3);
    EXPECT_EQ(format_meta_properties(*meta, date), text) << path;
  }
  EXPECT_EQ(java_date(1795385767000), "Sun Nov 22 22:16:07 UTC 2026");
}

TEST(MetaProperties, ReadsWhatJavaReads) {
  const auto meta = parse_meta_properties(
      "! comment\n  version : 1\r\nnode.id\t=\t7\ncluster.id=a\\:b\\\n   "
      "c\\u0041\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAg");
  ASSERT_TRUE(meta) << meta.error().context;
  EXPECT_EQ(meta->node_id, BrokerId{7});
  EXPECT_EQ(meta->cluster_id, "a:bcA");
  for (const char* bad :
       {"", "version=2\n", "version=1\nnode.id=1\n", "version=1\ncluster.id=x\n",
        "version=1\ncluster.id=x\nnode.id=-1\n", "version=1\ncluster.id=\nnode.id=1\n",
        "version=0\nbroker.id=x\n", "version=1\ncluster.id=x\nnode.id=1\ndirectory.id=short\n",
        "version=\\u12"})
    EXPECT_FALSE(parse_meta_properties(bad)) << bad;
}

TEST(FileNames, AreReadAndWritten) {
  EXPECT_EQ(file_name(Offset{42}, kLogSuffix), "00000000000000000042.log");
  EXPECT_EQ(offset_of_name("00000000000000000042.log.deleted"), Offset{42});
  EXPECT_EQ(offset_of_name("leader-epoch-checkpoint"), std::nullopt);
  EXPECT_EQ(offset_of_name("99999999999999999999.log"), std::nullopt);
  const TopicPartition name{"a-b", PartitionIndex{12}};
  const Uuid id = Uuid::from_halves(0x0123456789abcdef, 0xfedcba9876543210);
  const std::string retired = retired_folder_name(name, id, "-delete");
  EXPECT_EQ(retired, "a-b-12.0123456789abcdeffedcba9876543210-delete");
  EXPECT_EQ(parse_folder_name(retired).kind, FolderKind::kDelete);
  EXPECT_EQ(parse_folder_name(retired_folder_name(name, id, "-stray")).partition, name);
  EXPECT_EQ(parse_folder_name("a-b-12").kind, FolderKind::kPartition);
  EXPECT_EQ(parse_folder_name("a-b-12").partition, name);
  for (const char* other :
       {"remote-log-index-cache", "x", "-1", "a-", "a-x", "a--", "a-99999999999"})
    EXPECT_EQ(parse_folder_name(other).kind, FolderKind::kOther) << other;
  const TopicPartition longest{std::string(249, 't'), PartitionIndex{1}};
  EXPECT_EQ(retired_folder_name(longest, id, "-delete").size(), 255u);
  EXPECT_EQ(parse_folder_name(retired_folder_name(longest, id, "-delete")).kind,
            FolderKind::kDelete);
}

TEST(EpochCache, AnswersAsKafka) {
  EpochCache cache;
  EXPECT_EQ(cache.end_offset_for(LeaderEpoch{0}, Offset{9}), (EpochEndOffset{}));
  EXPECT_TRUE(cache.assign(LeaderEpoch{2}, Offset{5}));
  EXPECT_TRUE(cache.assign(LeaderEpoch{4}, Offset{8}));
  EXPECT_FALSE(cache.assign(LeaderEpoch{4}, Offset{9}));
  EXPECT_FALSE(cache.assign(LeaderEpoch{-1}, Offset{9}));
  EXPECT_EQ(cache.end_offset_for(LeaderEpoch{1}, Offset{11}),
            (EpochEndOffset{LeaderEpoch{1}, Offset{5}}));
  EXPECT_EQ(cache.end_offset_for(LeaderEpoch{2}, Offset{11}),
            (EpochEndOffset{LeaderEpoch{2}, Offset{8}}));
  EXPECT_EQ(cache.end_offset_for(LeaderEpoch{3}, Offset{11}),
            (EpochEndOffset{LeaderEpoch{2}, Offset{8}}));
  EXPECT_EQ(cache.end_offset_for(LeaderEpoch{4}, Offset{11}),
            (EpochEndOffset{LeaderEpoch{4}, Offset{11}}));
  EXPECT_EQ(cache.end_offset_for(LeaderEpoch{5}, Offset{11}), (EpochEndOffset{}));
  EXPECT_EQ(cache.end_offset_for(kNoLeaderEpoch, Offset{11}), (EpochEndOffset{}));
  EXPECT_EQ(cache.epoch_of(Offset{4}), kNoLeaderEpoch);
  EXPECT_EQ(cache.epoch_of(Offset{7}), LeaderEpoch{2});
  EXPECT_TRUE(cache.truncate_from_start(Offset{6}));
  EXPECT_EQ(cache.entries().front(), (EpochStart{LeaderEpoch{2}, Offset{6}}));
  EXPECT_TRUE(cache.assign(LeaderEpoch{5}, Offset{8}));
  EXPECT_EQ(cache.entries().size(), 2u) << "epoch 4 began where 5 begins";
  EXPECT_TRUE(cache.truncate_from_end(Offset{8}));
  EXPECT_EQ(cache.latest(), LeaderEpoch{2});
}

}  // namespace
}  // namespace semel::log
