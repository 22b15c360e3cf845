#include "base/ids.h"

#include <gtest/gtest.h>

namespace semel {
namespace {

TEST(Sequence, WrapsAfterTheLargestInt) {
  EXPECT_EQ(Sequence{2147483647}.plus(1), Sequence{0});
  EXPECT_EQ(Sequence{2147483646}.plus(3), Sequence{1});
  EXPECT_EQ(Sequence{0}.minus(1), Sequence{2147483647});
  EXPECT_EQ(Sequence{5}.minus(5), Sequence{0});
}

TEST(Uuid, TextIsUrlSafeBase64WithoutPadding) {
  Uuid id;
  for (uint8_t i = 0; i < 16; ++i) id.bytes[i] = static_cast<uint8_t>(i + 1);
  EXPECT_EQ(id.to_text(), "AQIDBAUGBwgJCgsMDQ4PEA");
  EXPECT_EQ(Uuid::from_text("AQIDBAUGBwgJCgsMDQ4PEA"), id);
  EXPECT_EQ(kMetadataTopicId.to_text(), "AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_EQ(Uuid{}.to_text(), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_FALSE(Uuid::from_text("AQIDBAUGBwgJCgsMDQ4PE+").has_value());
  EXPECT_FALSE(Uuid::from_text("short").has_value());
  EXPECT_EQ(Uuid::from_halves(id.high(), id.low()), id);
}

TEST(TopicPartition, TextIsTheFolderName) {
  EXPECT_EQ((TopicPartition{"a-b", PartitionIndex{3}}.to_text()), "a-b-3");
}

}  // namespace
}  // namespace semel
