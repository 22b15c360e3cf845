#include "replica/topic_settings.h"

#include <gtest/gtest.h>

namespace semel::replica {
namespace {

TEST(TopicSettings, DefaultsAreKafkas) {
  const TopicSettings settings = read_topic_settings({});
  EXPECT_EQ(settings, TopicSettings());
}

TEST(TopicSettings, TheTopicSpeaksBeforeTheBroker) {
  const cluster::ConfigMap topic = {{"retention.ms", "5"},
                                    {"compression.type", "zstd"},
                                    {"compression.zstd.level", "7"},
                                    {"cleanup.policy", "compact"}};
  const cluster::ConfigMap broker = {{"log.retention.hours", "2"},
                                     {"message.max.bytes", "4096"},
                                     {"log.flush.interval.messages", "1"},
                                     {"min.insync.replicas", "2"}};
  const TopicSettings settings = read_topic_settings({&topic, nullptr, nullptr, &broker});
  EXPECT_EQ(settings.log.retention_ms, 5);
  EXPECT_EQ(settings.batch_size_max, 4096);
  EXPECT_EQ(settings.log.flush_messages, 1);
  EXPECT_EQ(settings.isr_min, 2);
  EXPECT_EQ(settings.codec, record::CodecId::kZstd);
  EXPECT_EQ(settings.level, 7);
  EXPECT_TRUE(settings.log.compacts);
  EXPECT_FALSE(settings.log.deletes);
}

TEST(TopicSettings, InternalSegmentBytesWins) {
  const cluster::ConfigMap topic = {{"segment.bytes", "1048576"},
                                    {"internal.segment.bytes", "4096"}};
  EXPECT_EQ(read_topic_settings({&topic}).log.segment_bytes, 4096);
  const cluster::ConfigMap plain = {{"segment.bytes", "1048576"}};
  EXPECT_EQ(read_topic_settings({&plain}).log.segment_bytes, 1'048'576);
}

TEST(TopicSettings, CompressionOfTheProducerIsKept) {
  const cluster::ConfigMap topic = {{"compression.type", "producer"}};
  EXPECT_FALSE(read_topic_settings({&topic}).codec.has_value());
  const cluster::ConfigMap plain = {{"compression.type", "uncompressed"}};
  EXPECT_EQ(read_topic_settings({&plain}).codec, record::CodecId::kNone);
}

}  // namespace
}  // namespace semel::replica
