// Requests of a client over loopback through the real handlers, logs and disk.
#include "gen/api_versions.h"
#include "gen/fetch.h"
#include "gen/init_producer_id.h"
#include "gen/list_offsets.h"
#include "gen/metadata.h"
#include "gen/produce.h"
#include "net/test_broker.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

TEST(RoundTrip, FirstStepsOfAClient) {
  TempDir dir;
  TestBroker broker(dir.path());
  TestClient client(broker);

  gen::ApiVersionsRequest hello;
  hello.client_software_name = "test";
  hello.client_software_version = "1.0";
  const auto versions = client.call<gen::ApiVersionsResponse>(hello, 4);
  EXPECT_EQ(versions.error_code, 0);
  EXPECT_EQ(versions.api_keys[0].api_key, 0);
  EXPECT_EQ(versions.api_keys[0].min_version, 0);
  EXPECT_EQ(versions.api_keys[0].max_version, 13);
  ASSERT_EQ(versions.finalized_features.size(), 1u);
  EXPECT_EQ(versions.finalized_features[0].max_version_level, 25);

  gen::CreateTopicsRequest create;
  auto& topic = create.topics.append();
  topic.name = "first";
  topic.num_partitions = 2;
  topic.replication_factor = 1;
  const auto created = client.call<gen::CreateTopicsResponse>(create, 7);
  ASSERT_EQ(created.topics.size(), 1u);
  EXPECT_EQ(created.topics[0].error_code, 0);

  gen::MetadataRequest ask;
  ask.topics.append().name = "first";
  const auto metadata = client.call<gen::MetadataResponse>(ask, 13);
  ASSERT_EQ(metadata.topics.size(), 1u);
  EXPECT_EQ(metadata.topics[0].error_code, 0);
  ASSERT_EQ(metadata.topics[0].partitions.size(), 2u);
  EXPECT_EQ(metadata.topics[0].partitions[0].leader_id, 1);
  ASSERT_EQ(metadata.brokers.size(), 1u);
  EXPECT_EQ(metadata.brokers[0].port, broker.address().port);

  const auto id = client.call<gen::InitProducerIdResponse>(idempotent_id_request(), 5);
  EXPECT_EQ(id.error_code, 0);
  EXPECT_EQ(id.producer_id, 1000);

  for (int32_t i = 0; i < 3; ++i) {
    const auto produced = client.call<gen::ProduceResponse>(
        produce_request("first", 1, batch_of({"a", "b"}, {id.producer_id, 0, 2 * i})), 12);
    const auto& answer = produced.responses[0].partition_responses[0];
    EXPECT_EQ(answer.error_code, 0) << answer.error_message.value_or("");
    EXPECT_EQ(answer.base_offset, 2 * i);
    EXPECT_EQ(answer.log_start_offset, 0);
    EXPECT_EQ(answer.log_append_time_ms, -1);
  }

  const auto fetched = client.call<gen::FetchResponse>(fetch_request("first", 1, 2), 12);
  ASSERT_EQ(fetched.responses.size(), 1u);
  const auto& data = fetched.responses[0].partitions[0];
  EXPECT_EQ(data.error_code, 0);
  EXPECT_EQ(data.high_watermark, 6);
  EXPECT_EQ(values_in(data.records.buffer()), (std::vector<std::string>{"a", "b", "a", "b"}));

  gen::ListOffsetsRequest offsets;
  auto& asked = offsets.topics.append();
  asked.name = "first";
  for (const int64_t timestamp : {-1, -2, -3}) {
    auto& partition = asked.partitions.append();
    partition.partition_index = 1;
    partition.timestamp = timestamp;
  }
  offsets.replica_id = -1;
  const auto listed = client.call<gen::ListOffsetsResponse>(offsets, 10);
  EXPECT_EQ(listed.topics[0].partitions[0].offset, 6);
  EXPECT_EQ(listed.topics[0].partitions[1].offset, 0);
  EXPECT_EQ(listed.topics[0].partitions[2].error_code, 0);
}

}  // namespace
}  // namespace semel::net
