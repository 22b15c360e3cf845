#include <algorithm>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>
#include <malloc.h>

#include "gen/fetch.h"
#include "gen/metadata.h"
#include "gen/offset_commit.h"
#include "gen/produce.h"
#include "wire/decoder.h"

namespace {
thread_local size_t allocation_count = 0;
thread_local size_t bytes_held = 0;
thread_local size_t bytes_held_max = 0;

void give_back(void* memory) {
  bytes_held -= malloc_usable_size(memory);
  std::free(memory);
}
}  // namespace

void* operator new(size_t size) {
  ++allocation_count;
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  bytes_held += malloc_usable_size(memory);
  bytes_held_max = std::max(bytes_held_max, bytes_held);
  return memory;
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, size_t) noexcept { give_back(memory); }

namespace semel::gen {
namespace {

constexpr int kTopics = 3;
constexpr int kPartitions = 5;

std::string long_name(int i) {
  return "a-topic-name-that-needs-memory-of-its-own-" + std::to_string(i);
}

bytes::Buffer produce_frame(int16_t version, const bytes::Buffer& batch) {
  ProduceRequest request;
  request.transactional_id = "a-transactional-id-longer-than-a-short-string";
  request.acks = -1;
  request.timeout_ms = 30000;
  for (int t = 0; t < kTopics; ++t) {
    auto& topic = request.topic_data.append();
    if (version >= 13) topic.topic_id.bytes[0] = static_cast<uint8_t>(t + 1);
    if (version < 13) topic.name = long_name(t);
    for (int p = 0; p < kPartitions; ++p) {
      auto& partition = topic.partition_data.append();
      partition.index = p;
      partition.records = batch;
    }
  }
  bytes::Writer writer;
  EXPECT_TRUE(request.encode(writer, version));
  return writer.take();
}

void fill(FetchResponse& response, int16_t version) {
  static constexpr std::string_view kName = "a-topic-name-that-needs-memory-of-its-own";
  response.reset();
  for (int t = 0; t < kTopics; ++t) {
    auto& topic = response.responses.append();
    if (version >= 13) topic.topic_id.bytes[0] = static_cast<uint8_t>(t + 1);
    if (version < 13) topic.topic.assign(kName);
    for (int p = 0; p < kPartitions; ++p) {
      auto& partition = topic.partitions.append();
      partition.partition_index = p;
      partition.high_watermark = 77;
      partition.aborted_transactions.append().producer_id = 9;
      partition.records = wire::Records::external(static_cast<uint32_t>(p), 4096);
    }
  }
}

template <class Work>
size_t allocations_of(Work work) {
  for (int warm_up = 0; warm_up < 3; ++warm_up) work();
  const size_t before = allocation_count;
  for (int i = 0; i < 10; ++i) work();
  return allocation_count - before;
}

TEST(Allocations, TheCounterCounts) {
  EXPECT_EQ(allocations_of([] { delete new int(1); }), 10u);
}

TEST(Allocations, DecodingAProduceRequestAgainTakesNone) {
  const bytes::Buffer batch = bytes::Buffer::copy_of(std::string(200, 'b'));
  for (int16_t version = ProduceRequest::kMinVersion; version <= ProduceRequest::kMaxVersion;
       ++version) {
    const bytes::Buffer frame = produce_frame(version, batch);
    ProduceRequest request;
    EXPECT_EQ(allocations_of([&] {
                bytes::Reader reader(frame);
                ASSERT_TRUE(request.decode(reader, version));
                ASSERT_EQ(reader.remaining(), 0u);
              }),
              0u)
        << version;
    EXPECT_EQ(request.topic_data.size(), static_cast<size_t>(kTopics));
    const bytes::Buffer& last = request.topic_data.back().partition_data.back().records.buffer();
    EXPECT_EQ(last, batch);
    EXPECT_GE(last.data(), frame.data());
    EXPECT_LT(last.data(), frame.data() + frame.size());
  }
}

TEST(Allocations, EncodingAProduceResponseAgainTakesNone) {
  for (int16_t version = ProduceResponse::kMinVersion; version <= ProduceResponse::kMaxVersion;
       ++version) {
    ProduceResponse response;
    bytes::Writer writer;
    EXPECT_EQ(allocations_of([&] {
                response.reset();
                for (int t = 0; t < kTopics; ++t) {
                  auto& topic = response.responses.append();
                  if (version < 13) topic.name.assign("a-topic-name-that-needs-memory-of-its-own");
                  for (int p = 0; p < kPartitions; ++p) {
                    auto& partition = topic.partition_responses.append();
                    partition.index = p;
                    if (version >= 10) partition.current_leader.leader_id = p;
                  }
                }
                writer.clear();
                ASSERT_TRUE(response.encode(writer, version));
              }),
              0u)
        << version;
    EXPECT_GT(writer.size(), 0u);
  }
}

TEST(Allocations, EncodingAFetchResponseAgainTakesNone) {
  for (int16_t version = FetchResponse::kMinVersion; version <= FetchResponse::kMaxVersion;
       ++version) {
    FetchResponse response;
    bytes::Writer writer;
    EXPECT_EQ(allocations_of([&] {
                fill(response, version);
                writer.clear();
                ASSERT_TRUE(response.encode(writer, version));
              }),
              0u)
        << version;
    EXPECT_EQ(writer.splices().size(), static_cast<size_t>(kTopics * kPartitions));
    EXPECT_EQ(writer.total_size(), writer.size() + size_t{4096} * kTopics * kPartitions);
  }
}

TEST(Allocations, DecodingAFetchRequestAgainTakesNone) {
  for (int16_t version = FetchRequest::kMinVersion; version <= FetchRequest::kMaxVersion;
       ++version) {
    FetchRequest source;
    auto& topic = source.topics.append();
    if (version < 13) topic.topic = long_name(0);
    for (int p = 0; p < kPartitions; ++p) topic.partitions.append().partition = p;
    bytes::Writer writer;
    ASSERT_TRUE(source.encode(writer, version));
    const bytes::Buffer frame = writer.take();
    FetchRequest request;
    EXPECT_EQ(allocations_of([&] {
                bytes::Reader reader(frame);
                ASSERT_TRUE(request.decode(reader, version));
              }),
              0u)
        << version;
    EXPECT_EQ(request, source);
  }
}

TEST(Allocations, ResetLetsGoOfTheFrame) {
  const int16_t version = 9;
  const bytes::Buffer frame = produce_frame(version, bytes::Buffer::copy_of("batch"));
  ProduceRequest request;
  bytes::Reader reader(frame);
  ASSERT_TRUE(request.decode(reader, version));
  EXPECT_FALSE(frame.is_sole_owner());
  request.reset();
  EXPECT_TRUE(frame.is_sole_owner());

  const bytes::Buffer small = [&] {
    ProduceRequest one;
    one.topic_data.append().name = "t";
    bytes::Writer writer;
    EXPECT_TRUE(one.encode(writer, version));
    return writer.take();
  }();
  bytes::Reader first(frame);
  ASSERT_TRUE(request.decode(first, version));
  bytes::Reader second(small);
  ASSERT_TRUE(request.decode(second, version));
  EXPECT_TRUE(frame.is_sole_owner()) << "elements of the larger message still hold its frame";
}

/// What decoding `frame` took at its highest point, besides the frame.
template <class Message>
size_t peak_of(const bytes::Buffer& frame, int16_t version, Result<void>& outcome) {
  const size_t before = bytes_held;
  bytes_held_max = bytes_held;
  Message message;
  bytes::Reader reader(frame);
  outcome = message.decode(reader, version);
  return bytes_held_max - before;
}

/// `size` bytes that begin with an array of `count` empty elements.
bytes::Buffer hostile_metadata_request(size_t size, size_t count) {
  bytes::Writer writer;
  writer.put_i32(static_cast<int32_t>(count));
  std::string filler(size - sizeof(int32_t), '\0');
  writer.put_bytes(bytes::as_bytes(filler));
  return writer.take();
}

TEST(Allocations, AHostileRequestIsRefusedBeforeItsMemoryIsTaken) {
  constexpr size_t kFrame = 64u << 20;
  const size_t per_element = sizeof(MetadataRequest::MetadataRequestTopic);
  for (const size_t wanted : {7 * kFrame, 4 * kFrame, 2 * kFrame}) {
    const bytes::Buffer frame = hostile_metadata_request(kFrame, wanted / per_element);
    Result<void> outcome;
    EXPECT_LT((peak_of<MetadataRequest>(frame, 1, outcome)), size_t{1} << 16);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().context,
              "MetadataRequest.Topics: its elements need more memory than the message may take");
  }
}

TEST(Allocations, WhatIsAdmittedTakesNoMoreThanItsBound) {
  constexpr size_t kFrame = 64u << 20;
  const size_t per_element = sizeof(MetadataRequest::MetadataRequestTopic);
  const size_t count = wire::Decoder::kRequestMemoryMax / per_element;
  const bytes::Buffer frame = hostile_metadata_request(kFrame, count);
  Result<void> outcome;
  EXPECT_LE((peak_of<MetadataRequest>(frame, 1, outcome)), wire::Decoder::kRequestMemoryMax + 4096);
  EXPECT_TRUE(outcome);
}

TEST(Allocations, NestedElementsShareOneBound) {
  // Topics of one partition each, whose partitions are the larger part.
  constexpr int16_t kVersion = 8;
  constexpr int kMany = 1 << 20;
  bytes::Writer writer;
  writer.put_uvarint(2);  // group "g"
  writer.put_i8('g');
  writer.put_i32(0);
  writer.put_uvarint(1);  // member ""
  writer.put_uvarint(0);  // no instance
  writer.put_uvarint(kMany + 1);
  for (int t = 0; t < kMany; ++t) {
    writer.put_uvarint(1);  // topic ""
    writer.put_uvarint(2);
    writer.put_bytes(bytes::as_bytes(std::string(4 + 8 + 4, '\0')));
    writer.put_uvarint(1);  // metadata ""
    writer.put_uvarint(0);
    writer.put_uvarint(0);
  }
  writer.put_uvarint(0);
  Result<void> outcome;
  EXPECT_LE((peak_of<OffsetCommitRequest>(writer.take(), kVersion, outcome)),
            wire::Decoder::kRequestMemoryMax * 5 / 4);
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().context.starts_with("OffsetCommitRequest.Topics"))
      << outcome.error().context;
}

}  // namespace
}  // namespace semel::gen
