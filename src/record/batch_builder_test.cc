#include "record/batch_builder.h"

#include <random>

#include <gtest/gtest.h>

#include "record/batch_iterator.h"
#include "record/content.h"
#include "record/control_batch.h"
#include "record/record_iterator.h"
#include "record/test_support.h"

namespace semel::record {
namespace {

using namespace testing;
using bytes::as_bytes;

RecordInput record_of(int64_t timestamp, std::optional<std::string_view> key,
                      std::optional<std::string_view> value,
                      std::span<const HeaderView> headers = {}) {
  RecordInput record{.timestamp = timestamp, .headers = headers};
  if (key) record.key = as_bytes(*key);
  if (value) record.value = as_bytes(*value);
  return record;
}

struct Maker {
  BatchBuilder builder;
  bytes::Compressor compressor;

  std::vector<std::byte> finish() {
    const auto batch = builder.finish(compressor);
    EXPECT_TRUE(batch.has_value());
    return {batch->begin(), batch->end()};
  }
};

TEST(BatchBuilder, WritesThePublishedBatches) {
  Maker maker;
  maker.builder.start({.producer_id = ProducerId{1000},
                       .producer_epoch = ProducerEpoch{0},
                       .base_sequence = Sequence{0}});
  maker.builder.append(record_of(kTs, "k", "v"));
  EXPECT_EQ(hex_of(maker.finish()), kB1);

  const HeaderView headers[] = {{"h1", as_bytes("x")}, {"h2", std::nullopt}};
  const auto append_r2 = [&] {
    maker.builder.append(record_of(kTs, std::nullopt, "hello"));
    maker.builder.append(record_of(kTs - 3, "k", std::nullopt, headers));
  };
  maker.builder.start({});
  append_r2();
  EXPECT_EQ(maker.builder.size(), 90u);
  EXPECT_EQ(hex_of(maker.finish()), kB2);

  const std::tuple<CodecId, size_t, uint32_t> compressed[] = {{CodecId::kSnappy, 112, 0xaa7de932},
                                                              {CodecId::kLz4, 105, 0xac2ae971},
                                                              {CodecId::kZstd, 99, 0x038acfc5}};
  for (const auto& [codec, size, crc] : compressed) {
    maker.builder.start({.codec = codec});
    append_r2();
    const auto bytes = maker.finish();
    EXPECT_EQ(bytes.size(), size);
    EXPECT_EQ(BatchView(bytes).crc(), crc);
  }

  maker.builder.start({.base_offset = Offset{42},
                       .leader_epoch = LeaderEpoch{5},
                       .producer_id = ProducerId{1000},
                       .producer_epoch = ProducerEpoch{0},
                       .base_sequence = Sequence{0},
                       .last_offset_delta = 4,
                       .max_timestamp = kTs});
  EXPECT_EQ(hex_of(maker.finish()), kB4);
}

TEST(BatchBuilder, WritesAndReadsTransactionMarkers) {
  Maker maker;
  const auto batch = build_txn_marker(maker.builder, maker.compressor,
                                      {.producer_id = ProducerId{1000},
                                       .producer_epoch = ProducerEpoch{3},
                                       .is_commit = true,
                                       .coordinator_epoch = 7},
                                      kTs);
  ASSERT_TRUE(batch);
  stamp_base_offset(*batch, Offset{100});
  stamp_leader_epoch(*batch, LeaderEpoch{5});
  EXPECT_EQ(hex_of(*batch), kB3);
  RecordScratch scratch;
  const auto marker = read_txn_marker(BatchView(*batch), scratch);
  ASSERT_TRUE(marker && *marker);
  EXPECT_EQ((*marker)->producer_id, ProducerId{1000});
  EXPECT_EQ((*marker)->producer_epoch, ProducerEpoch{3});
  EXPECT_TRUE((*marker)->is_commit);
  EXPECT_EQ((*marker)->coordinator_epoch, 7);
}

TEST(BatchBuilder, ReadsTheMarkersOfGoldenTransactions) {
  const auto bytes = read_file(golden("kafka-4.3.1/clean/txn-0/00000000000000000000.log"));
  RecordScratch scratch;
  int commits = 0;
  int aborts = 0;
  BatchIterator batches(bytes);
  while (const auto batch = batches.next()) {
    if (!batch->is_control()) continue;
    const auto marker = read_txn_marker(*batch, scratch);
    ASSERT_TRUE(marker && *marker);
    ++((*marker)->is_commit ? commits : aborts);
    EXPECT_EQ((*marker)->coordinator_epoch, 0);
  }
  EXPECT_GT(commits, 0);
  EXPECT_GT(aborts, 0);
}

TEST(BatchBuilder, HostileControlKeysAreErrors) {
  EXPECT_FALSE(read_control_key(std::nullopt));
  EXPECT_FALSE(read_control_key(as_bytes(std::string_view("\0\0\0", 3))));
  EXPECT_FALSE(read_control_key(as_bytes(std::string_view("\xff\xff\0\1", 4))));
  const auto newer = read_control_key(as_bytes(std::string_view("\0\1\0\1\0\0", 6)));
  ASSERT_TRUE(newer);
  EXPECT_EQ(*newer, ControlType::kCommit);
  Maker maker;
  maker.builder.start({.is_control = true});
  maker.builder.append(record_of(0, std::string_view("\0\0\0\1", 4), std::string_view("\0\0", 2)));
  const auto bytes = maker.finish();
  RecordScratch scratch;
  EXPECT_FALSE(read_txn_marker(BatchView(bytes), scratch));
}

struct PlainRecord {
  int32_t delta;
  int64_t timestamp;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  bool operator==(const PlainRecord&) const = default;
};

std::string some_text(std::mt19937_64& random, size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>(random() % 8 == 0 ? random() : 'a' + random() % 4);
  return text;
}

std::vector<PlainRecord> some_records(std::mt19937_64& random, bool with_gaps) {
  std::vector<PlainRecord> records(1 + random() % 40);
  int32_t delta = -1;
  for (auto& record : records) {
    delta += with_gaps ? 1 + static_cast<int32_t>(random() % 3) : 1;
    record.delta = delta;
    record.timestamp = kTs + static_cast<int64_t>(random() % 2000) - 1000;
    if (random() % 3 != 0) record.key = some_text(random, 30);
    if (random() % 5 != 0) record.value = some_text(random, random() % 20 == 0 ? 150'000 : 300);
    for (uint64_t n = random() % 4; n > 0; --n) {
      std::optional<std::string> value;
      if (random() % 3 != 0) value = some_text(random, 20);
      record.headers.emplace_back(some_text(random, 10), value);
    }
  }
  return records;
}

std::vector<std::byte> build(Maker& maker, const BatchOptions& options,
                             const std::vector<PlainRecord>& records) {
  maker.builder.start(options);
  for (const auto& record : records) {
    std::vector<HeaderView> headers;
    for (const auto& [key, value] : record.headers) {
      headers.push_back({key, std::nullopt});
      if (value) headers.back().value = as_bytes(*value);
    }
    const auto input = record_of(record.timestamp, record.key, record.value, headers);
    const size_t before = maker.builder.size();
    maker.builder.append_at(record.delta, input);
    EXPECT_LE(maker.builder.size() - before, BatchBuilder::size_bound(input));
  }
  return maker.finish();
}

std::vector<PlainRecord> parse(const BatchView& batch) {
  std::vector<PlainRecord> records;
  RecordScratch scratch;
  RecordIterator iterator(batch, scratch);
  const auto copy = [](const std::optional<ByteSpan>& span) {
    return span ? std::optional<std::string>(bytes::as_text(*span)) : std::nullopt;
  };
  for (RecordView view; iterator.next(view);) {
    PlainRecord record{view.offset_delta, view.timestamp, copy(view.key), copy(view.value), {}};
    for (auto headers = view.headers(); const auto header = headers.next();)
      record.headers.emplace_back(header->key, copy(header->value));
    records.push_back(std::move(record));
  }
  EXPECT_TRUE(iterator.status()) << iterator.status().error().context;
  return records;
}

TEST(BatchBuilder, WhatIsBuiltIsRead) {
  std::mt19937_64 random(31);
  Maker maker;
  for (int round = 0; round < 150; ++round) {
    const auto records = some_records(random, random() % 2 == 0);
    BatchOptions options{.codec = static_cast<CodecId>(random() % bytes::kCodecCount),
                         .base_offset = Offset{static_cast<int64_t>(random() % 100'000)},
                         .producer_id = ProducerId{static_cast<int64_t>(random() % 1000)},
                         .producer_epoch = ProducerEpoch{7},
                         .base_sequence = Sequence{static_cast<int32_t>(random() & 0x7fffffff)},
                         .is_transactional = random() % 2 == 0};
    const bool has_horizon = random() % 4 == 0;
    if (has_horizon) options.delete_horizon = kTs + 86'400'000;
    const auto bytes = build(maker, options, records);
    BatchIterator batches(bytes);
    const auto batch = batches.next();
    ASSERT_TRUE(batch);
    EXPECT_FALSE(batches.next());
    EXPECT_EQ(batches.stop(), BatchStop::kEnd);
    EXPECT_TRUE(batch->crc_is_right());
    EXPECT_EQ(batch->codec(), options.codec);
    EXPECT_EQ(batch->base_offset(), options.base_offset);
    EXPECT_EQ(batch->last_offset_delta(), records.back().delta);
    EXPECT_EQ(batch->base_sequence(), options.base_sequence);
    EXPECT_EQ(batch->delete_horizon(), options.delete_horizon);
    EXPECT_EQ(static_cast<size_t>(batch->records_count()), records.size());
    EXPECT_TRUE(parse(*batch) == records);
  }
}

TEST(SameContent, IgnoresTimestampsCodecAndWhatCompactionRemoved) {
  std::mt19937_64 random(32);
  Maker maker;
  RecordScratch a;
  RecordScratch b;
  for (int round = 0; round < 100; ++round) {
    const auto sent = some_records(random, false);
    auto stored = sent;
    for (auto& record : stored) record.timestamp += static_cast<int64_t>(random() % 50);
    std::erase_if(stored, [&](const auto&) { return random() % 4 == 0; });
    const BatchOptions rewritten{.codec = static_cast<CodecId>(random() % bytes::kCodecCount),
                                 .base_offset = Offset{5000},
                                 .last_offset_delta = sent.back().delta};
    const auto sent_bytes =
        build(maker, {.codec = static_cast<CodecId>(random() % bytes::kCodecCount)}, sent);
    const auto stored_bytes = build(maker, rewritten, stored);
    const auto same = same_content(BatchView(stored_bytes), BatchView(sent_bytes), a, b);
    ASSERT_TRUE(same);
    EXPECT_TRUE(*same);
    if (stored.empty()) continue;
    auto& victim = stored[random() % stored.size()];
    switch (random() % 4) {
      case 0:
        victim.key = victim.key ? std::nullopt : std::optional<std::string>("");
        break;
      case 1:
        victim.value = victim.value.value_or("") + "x";
        break;
      case 2:
        victim.headers.emplace_back("extra", std::nullopt);
        break;
      default:
        victim.headers.emplace_back("", "");
        break;
    }
    const auto other_bytes = build(maker, rewritten, stored);
    const auto other = same_content(BatchView(other_bytes), BatchView(sent_bytes), a, b);
    ASSERT_TRUE(other);
    EXPECT_FALSE(*other);
  }
}

TEST(SameContent, CountsAndDamageMatter) {
  Maker maker;
  RecordScratch a;
  RecordScratch b;
  maker.builder.start({});
  maker.builder.append(record_of(1, "k", "v"));
  const auto one = maker.finish();
  maker.builder.append(record_of(1, "k", "v"));
  const auto two = maker.finish();
  EXPECT_FALSE(*same_content(BatchView(one), BatchView(two), a, b));
  EXPECT_FALSE(*same_content(BatchView(two), BatchView(one), a, b));
  EXPECT_TRUE(*same_content(BatchView(two), BatchView(two), a, b));
  auto damaged = two;
  damaged[kBatchHeaderSize] = std::byte{0x7e};
  EXPECT_FALSE(same_content(BatchView(damaged), BatchView(two), a, b));
  EXPECT_FALSE(*same_content(BatchView(two), BatchView(damaged), a, b));
}

}  // namespace
}  // namespace semel::record
