// Genuine metadata logs and snapshots of Kafka 4.3.1: what the log says up to a snapshot's offset
// is what the snapshot says.
#include "cluster/testing.h"

namespace semel::cluster {
namespace {

using namespace testing;

const std::string kClean = golden("kafka-4.3.1/clean/__cluster_metadata-0/");

bytes::Buffer clean_log() {
  bytes::Writer whole;
  whole.put_bytes(load(kClean + "00000000000000000000.log").span());
  whole.put_bytes(load(kClean + "00000000000000000428.log").span());
  return whole.take();
}

/// The batches of `log` whose offsets are below `end`.
bytes::ByteSpan below(bytes::ByteSpan log, Offset end) {
  record::BatchIterator batches(log);
  size_t size = 0;
  while (const auto batch = batches.next()) {
    if (batch->base_offset() >= end) break;
    size = batches.position();
  }
  return log.first(size);
}

TEST(GoldenLog, ReplayGivesWhatEachSnapshotSays) {
  const bytes::Buffer log = clean_log();
  for (const char* name :
       {"00000000000000000143-0000000001.checkpoint", "00000000000000000256-0000000001.checkpoint",
        "00000000000000000369-0000000001.checkpoint", "00000000000000000488-0000000001.checkpoint",
        "00000000000000000689-0000000002.checkpoint"}) {
    const auto point = parse_snapshot_name(name);
    ASSERT_TRUE(point.has_value());
    Replayer replayer(empty_image());
    const auto end = read_batches(below(log.span(), point->end), Offset{0}, replayer);
    ASSERT_TRUE(end.has_value()) << end.error().context;
    EXPECT_EQ(*end, point->end);
    const ImagePtr expected = image_of_snapshot(kClean + name);
    EXPECT_EQ(lines(*replayer.finish().after), lines(*expected)) << name;
    EXPECT_GT(expected->topics->by_name.size(), 0u);
  }
}

TEST(GoldenLog, SnapshotThenLogGivesTheSameAsTheWholeLog) {
  const bytes::Buffer log = clean_log();
  Replayer whole(empty_image());
  ASSERT_TRUE(read_batches(log.span(), Offset{0}, whole).has_value());
  Replayer rest(image_of_snapshot(kClean + "00000000000000000369-0000000001.checkpoint"));
  const auto end = read_batches(log.span(), Offset{369}, rest);
  ASSERT_TRUE(end.has_value()) << end.error().context;
  EXPECT_EQ(*end, Offset{792});
  EXPECT_EQ(lines(*rest.finish().after), lines(*whole.finish().after));
}

TEST(GoldenLog, TellsTopicsBrokersAndLeaders) {
  const bytes::Buffer log = clean_log();
  Replayer replayer(empty_image());
  ASSERT_TRUE(read_batches(log.span(), Offset{0}, replayer).has_value());
  const ImageChange change = replayer.finish();
  const MetadataImage& image = *change.after;
  EXPECT_EQ(image.last_offset, Offset{791});
  EXPECT_EQ(image.metadata_version(), 30);
  EXPECT_EQ(image.feature_level("transaction.version"), 2);
  EXPECT_EQ(image.next_producer_id, 2000);
  const TopicPtr idem = image.topic("idem");
  ASSERT_NE(idem, nullptr);
  EXPECT_EQ(idem->id.to_text(), "XWuiidqyQR-3lG1EgIGkvg");
  ASSERT_EQ(idem->partitions.size(), 2u);
  // Closed in order: no leader, and with eligible leader replicas no ISR.
  EXPECT_FALSE(idem->partitions[0]->has_leader());
  EXPECT_EQ(idem->partitions[0]->elr, std::vector<BrokerId>{BrokerId{1}});
  EXPECT_EQ(image.topic(idem->id), idem);
  const BrokerRegistration* broker = image.broker(BrokerId{1});
  ASSERT_NE(broker, nullptr);
  EXPECT_TRUE(broker->fenced);
  EXPECT_TRUE(broker->in_controlled_shutdown);
  EXPECT_EQ(broker->epoch, BrokerEpoch{578});
  ASSERT_NE(broker->endpoint("PLAINTEXT"), nullptr);
  EXPECT_EQ(broker->endpoint("PLAINTEXT")->port, 19171);
  EXPECT_EQ(image.config(ConfigResourceType::kTopic, "idem")->at("internal.segment.bytes"), "4096");
  EXPECT_EQ(image.access->scram.size(), 1u);
  EXPECT_EQ(change.topics_created.size(), image.topics->by_name.size());
  EXPECT_TRUE(change.topics_changed.empty());
}

TEST(GoldenLog, DynamicQuorumHasVotersInLogAndSnapshots) {
  const std::string folder =
      golden("kafka-4.3.1/cluster/controller-101-other-run/__cluster_metadata-0/");
  size_t logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".checkpoint") {
      const bytes::Buffer file = load(entry.path());
      const auto facts =
          read_snapshot(file.span(), [](const VersionedRecord&) { return Result<void>(); });
      ASSERT_TRUE(facts.has_value()) << entry.path() << facts.error().context;
      EXPECT_EQ(facts->kraft_version, 1);
      ASSERT_TRUE(facts->voters.has_value());
      EXPECT_EQ(facts->voters->size(), 3u);
      EXPECT_EQ(facts->voters->front().directory.to_text(), "AAAAAAAAAAAAAAAAAAAA1Q");
      EXPECT_EQ(facts->voters->front().endpoints.front().port, 19121);
    }
    logs += entry.path().extension() == ".log" ? 1 : 0;
  }
  EXPECT_GT(logs, 0u);
}

TEST(GoldenSnapshot, RecordsAreWrittenByteForByte) {
  for (const char* path :
       {"kafka-4.3.1/formatted/bootstrap.checkpoint",
        "kafka-4.3.1/clean/__cluster_metadata-0/00000000000000000689-0000000002.checkpoint"}) {
    const bytes::Buffer file = load(golden(path));
    record::BatchIterator batches(file.span());
    size_t count = 0;
    while (const auto batch = batches.next()) {
      if (batch->is_control()) continue;
      record::RecordScratch scratch;
      record::RecordIterator records(*batch, scratch);
      Records decoded;
      for (record::RecordView record; records.next(record);) {
        const auto one = decode_record(*record.value);
        ASSERT_TRUE(one.has_value()) << one.error().context;
        decoded.push_back(*one);
      }
      MetadataBatchBuilder builder;
      const bytes::Buffer again = builder.records(batch->base_offset(), batch->leader_epoch(),
                                                  batch->base_timestamp(), decoded);
      EXPECT_EQ(bytes::as_text(again.span()), bytes::as_text(batch->span()));
      count += decoded.size();
    }
    EXPECT_GT(count, 0u);
  }
}

TEST(GoldenSnapshot, ControlBatchesAreWrittenByteForByte) {
  const bytes::Buffer log = load(kClean + "00000000000000000000.log");
  record::BatchIterator batches(log.span());
  const auto first = batches.next();
  ASSERT_TRUE(first && first->is_control());
  MetadataBatchBuilder builder;
  const quorum::LeaderBatch leader{.epoch = LeaderEpoch{1},
                                   .leader_id = 1,
                                   .voters = {1},
                                   .granting_voters = {1},
                                   .kraft_version = {},
                                   .voter_set = {}};
  EXPECT_EQ(bytes::as_text(builder.leader(Offset{0}, leader, first->base_timestamp()).span()),
            bytes::as_text(first->span()));
}

TEST(GoldenSnapshot, BuiltSnapshotsAreReadBack) {
  const ImagePtr image = image_of_snapshot(kClean + "00000000000000000689-0000000002.checkpoint");
  const bytes::Buffer file = build_snapshot({.epoch = LeaderEpoch{2},
                                             .last_contained_log_timestamp = 5,
                                             .kraft_version = {},
                                             .voters = {},
                                             .records = to_records(*image)},
                                            1000);
  ImageDelta delta(empty_image());
  const auto facts = read_snapshot(
      file.span(), [&](const VersionedRecord& record) { return delta.replay(record); });
  ASSERT_TRUE(facts.has_value()) << facts.error().context;
  EXPECT_EQ(facts->last_contained_log_timestamp, 5);
  EXPECT_EQ(lines(*delta.image()), lines(*image));
  for (size_t size : {size_t{0}, size_t{60}, file.size() - 1}) {
    ImageDelta cut(empty_image());
    EXPECT_FALSE(read_snapshot(file.span().first(size), [&](const VersionedRecord& record) {
                   return cut.replay(record);
                 }).has_value());
  }
}

}  // namespace
}  // namespace semel::cluster
