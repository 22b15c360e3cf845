#include <gtest/gtest.h>

#include "gen/api_versions.h"
#include "gen/create_topics.h"
#include "gen/describe_topic_partitions.h"
#include "gen/fetch.h"
#include "gen/golden.h"
#include "gen/init_producer_id.h"
#include "gen/json.h"
#include "gen/metadata.h"
#include "gen/produce.h"
#include "wire/frame.h"

namespace semel::gen {
namespace {

template <class Message>
std::string encoded(const Message& message, int16_t version) {
  bytes::Writer writer;
  const auto done = message.encode(writer, version);
  return done ? hex(writer.written()) : done.error().context;
}

template <class Message>
std::string decode_error(std::string_view hex_text, int16_t version) {
  const auto body = unhex(hex_text);
  bytes::Reader reader{bytes::ByteSpan(body)};
  Message message;
  const auto done = message.decode(reader, version);
  return done ? "" : done.error().context;
}

// Vectors of reference notes on Kafka's wire format, body only.
TEST(Message, EqualsPublishedBytes) {
  ApiVersionsRequest versions;
  versions.client_software_name = "semel";
  versions.client_software_version = "0.1.0";
  EXPECT_EQ(encoded(versions, 3), "0673656d656c06302e312e3000");

  ApiVersionsResponse refusal;
  refusal.error_code = 35;
  refusal.api_keys.append() = {.api_key = 18, .min_version = 0, .max_version = 4};
  EXPECT_EQ(encoded(refusal, 0), "002300000001001200000004");

  InitProducerIdRequest init;
  init.transactional_id.reset();
  init.transaction_timeout_ms = 60000;
  EXPECT_EQ(encoded(init, 1), "ffff0000ea60");
  EXPECT_EQ(encoded(init, 4), "000000ea60ffffffffffffffffffff00");

  ProduceResponse response;
  auto& topic = response.responses.append();
  topic.name = "t";
  auto& partition = topic.partition_responses.append();
  partition.base_offset = 42;
  partition.log_start_offset = 0;
  EXPECT_EQ(encoded(response, 8),
            "000000010001740000000100000000"
            "0000000000000000002a"
            "ffffffffffffffff"
            "0000000000000000"
            "00000000"
            "ffff"
            "00000000");
  partition.error_code = 6;
  partition.base_offset = -1;
  partition.log_start_offset = -1;
  partition.current_leader = {.leader_id = 2, .leader_epoch = 7};
  response.node_endpoints.append() = {
      .node_id = 2, .host = "h", .port = 9092, .rack = std::nullopt};
  EXPECT_EQ(
      encoded(response, 10),
      "02027402000000000006ffffffffffffffffffffffffffffffffffffffffffffffff0100010009000000020000"
      "000700000000000001000d0200000002026800002384"
      "0000");
}

TEST(Message, ErrorsNameThePathOfTheField) {
  EXPECT_EQ(decode_error<ProduceRequest>("00ffff00007530020274020000000047aabb", 9),
            "ProduceRequest.TopicData[0].PartitionData[0].Records: "
            "a length is greater than the bytes that are left");
  EXPECT_EQ(decode_error<ProduceRequest>("00ffff0000753002027403"
                                         "000000000000"
                                         "0000000105aa",
                                         9),
            "ProduceRequest.TopicData[0].PartitionData[1].Records: "
            "a length is greater than the bytes that are left");
  EXPECT_EQ(decode_error<ProduceRequest>("00ff", 9), "ProduceRequest.Acks: the bytes end early");
  EXPECT_EQ(decode_error<ProduceRequest>("00ffff0000753000", 9),
            "ProduceRequest.TopicData: null is not allowed here");
  EXPECT_EQ(decode_error<ProduceRequest>("00ffff00007530010205000500", 9),
            "ProduceRequest.tagged fields: tags are not in ascending order");
  EXPECT_EQ(decode_error<ProduceRequest>("", 14), "ProduceRequest has no version 14");
}

TEST(Message, ACountAloneTakesNoMemory) {
  // 2^31 − 1 topics in 20 bytes.
  EXPECT_EQ(decode_error<ProduceRequest>("00ffff00007530ffffffff0700000000000000", 9),
            "ProduceRequest.TopicData: a count is greater than the bytes that are left can hold");
}

TEST(Message, ManySmallElementsAreBoundedInMemory) {
  // Empty topic names of two bytes each become strings of 32 bytes.
  bytes::Writer writer;
  writer.put_i32(1 << 20);
  for (int i = 0; i < 1 << 20; ++i) writer.put_i16(0);
  bytes::Reader reader(writer.written());
  MetadataRequest request;
  const auto done = request.decode(reader, 0);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().context,
            "MetadataRequest.Topics: its elements need more memory than the message may take");
}

TEST(Message, AFieldThatTheVersionLacks) {
  CreateTopicsResponse response;
  auto& topic = response.topics.append();
  topic.name = "t";
  topic.num_partitions = 3;  // ignorable: dropped before version 5
  EXPECT_TRUE(encoded(response, 4)
                  .starts_with("00000000"
                               "00000001"
                               "000174"));

  InitProducerIdRequest init;
  init.producer_id = 5;  // ignorable is not said: refused before version 3
  EXPECT_EQ(encoded(init, 2),
            "InitProducerIdRequest.ProducerId, version 2: the version has no such field");
  EXPECT_TRUE(encoded(init, 3).starts_with("010000000000000000000000"));

  ProduceResponse produce;
  produce.responses.append().partition_responses.append().current_leader.leader_id = 1;
  EXPECT_EQ(encoded(produce, 9),
            "ProduceResponse.PartitionProduceResponse.CurrentLeader, version 9: the version has no "
            "such field");
  FetchRequest fetch;
  fetch.unknown_tags.set(9, bytes::Buffer::copy_of("x"));
  EXPECT_EQ(encoded(fetch, 11),
            "FetchRequest.unknown_tags, version 11: the version has no such field");
}

TEST(Message, NullWhereTheVersionHasNone) {
  MetadataRequest request;
  request.topics.set_null();
  EXPECT_EQ(encoded(request, 0), "MetadataRequest.Topics, version 0: null is not allowed here");
  EXPECT_TRUE(encoded(request, 1).starts_with("ffffffff"));
  EXPECT_EQ(decode_error<MetadataRequest>("ffffffff", 0),
            "MetadataRequest.Topics: null is not allowed here");
  EXPECT_EQ(decode_error<MetadataRequest>("ffffffff", 1), "");
}

TEST(Message, UnknownTagsGoBackBetweenKnownOnes) {
  // FetchRequest v15 knows tags 0 (ClusterId) and 1 (ReplicaState); 7 and 500 are not known.
  FetchRequest request;
  request.cluster_id = "c";
  request.replica_state.replica_id = 3;
  request.unknown_tags.set(500, bytes::Buffer::copy_of("z"));
  request.unknown_tags.set(7, bytes::Buffer::copy_of("a"));
  const std::string text = encoded(request, 15);
  EXPECT_TRUE(
      text.ends_with("04"
                     "00020263"
                     "010d"
                     "00000003ffffffffffffffff00"
                     "070161"
                     "f403017a"))
      << text;
  const auto body = unhex(text);
  bytes::Reader reader{bytes::ByteSpan(body)};
  FetchRequest again;
  ASSERT_TRUE(again.decode(reader, 15));
  EXPECT_EQ(again, request);
  EXPECT_EQ(to_json(again, 15).find("unknown"), std::string::npos);
}

TEST(Message, AKnownTagInAVersionWithoutItIsRefused) {
  FetchRequest request;
  std::string text = encoded(request, 12);
  ASSERT_TRUE(text.ends_with("00"));
  text.replace(text.size() - 2, 2,
               "01"
               "01"
               "0100");  // tag 1 came with version 15
  EXPECT_EQ(decode_error<FetchRequest>(text, 12),
            "FetchRequest.ReplicaState: a tagged field is not valid in this version");
}

TEST(Message, NullableStructs) {
  DescribeTopicPartitionsRequest request;
  EXPECT_FALSE(request.cursor.has_value());
  const std::string without = encoded(request, 0);
  EXPECT_EQ(without, "01000007d0ff00");
  request.cursor = DescribeTopicPartitionsRequest::Cursor{.topic_name = "t", .partition_index = 4};
  EXPECT_EQ(encoded(request, 0),
            "01000007d00102740000000400"
            "00");
}

TEST(Message, DecodingAgainLeavesNothingBehind) {
  FetchRequest full;
  full.cluster_id = "cluster";
  full.rack_id = "rack";
  full.replica_state.replica_epoch = 9;
  for (int t = 0; t < 3; ++t) {
    auto& topic = full.topics.append();
    topic.topic_id.bytes[3] = 1;
    for (int p = 0; p < 4; ++p) topic.partitions.append().high_watermark = 1;
  }
  full.forgotten_topics_data.append().partitions = {1, 2};
  full.unknown_tags.set(77, bytes::Buffer::copy_of("tag"));
  const auto full_body = unhex(encoded(full, 18));
  const auto empty_body = unhex(encoded(FetchRequest(), 4));
  FetchRequest request;
  bytes::Reader first{bytes::ByteSpan(full_body)};
  ASSERT_TRUE(request.decode(first, 18));
  EXPECT_EQ(request, full);
  bytes::Reader second{bytes::ByteSpan(empty_body)};
  ASSERT_TRUE(request.decode(second, 4));
  EXPECT_EQ(request, FetchRequest());
  bytes::Reader third{bytes::ByteSpan(full_body)};
  ASSERT_TRUE(request.decode(third, 18));
  EXPECT_EQ(request, full);
  request.reset();
  EXPECT_EQ(request, FetchRequest());
}

TEST(Message, RecordsAreSlicesOfTheFrame) {
  ProduceRequest request;
  request.topic_data.append().partition_data.append().records = bytes::Buffer::copy_of("batch");
  bytes::Writer writer;
  ASSERT_TRUE(request.encode(writer, 9));
  const bytes::Buffer frame = writer.take();
  bytes::Reader reader(frame);
  ProduceRequest decoded;
  ASSERT_TRUE(decoded.decode(reader, 9));
  const bytes::Buffer records = decoded.topic_data[0].partition_data[0].records.take();
  EXPECT_EQ(records.text(), "batch");
  EXPECT_GE(records.data(), frame.data());
  EXPECT_LE(records.data() + records.size(), frame.data() + frame.size());
}

}  // namespace
}  // namespace semel::gen
