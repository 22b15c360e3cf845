#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "record/batch_iterator.h"
#include "record/record_iterator.h"
#include "record/test_support.h"

namespace semel::record {
namespace {

using namespace testing;

TEST(BatchView, ReadsEveryFieldOfAProducersBatch) {
  const auto bytes = from_hex(kB1);
  BatchIterator batches(bytes);
  const auto batch = batches.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->size(), 70u);
  EXPECT_EQ(batch->base_offset(), Offset{0});
  EXPECT_EQ(batch->last_offset(), Offset{0});
  EXPECT_EQ(batch->next_offset(), Offset{1});
  EXPECT_EQ(batch->batch_length(), 58);
  EXPECT_EQ(batch->leader_epoch(), kNoLeaderEpoch);
  EXPECT_EQ(batch->magic(), kMagicV2);
  EXPECT_EQ(batch->crc(), 0x5fc9226au);
  EXPECT_TRUE(batch->crc_is_right());
  EXPECT_EQ(batch->codec(), CodecId::kNone);
  EXPECT_EQ(batch->timestamp_type(), TimestampType::kCreateTime);
  EXPECT_FALSE(batch->is_transactional());
  EXPECT_FALSE(batch->is_control());
  EXPECT_FALSE(batch->delete_horizon());
  EXPECT_EQ(batch->base_timestamp(), kTs);
  EXPECT_EQ(batch->max_timestamp(), kTs);
  EXPECT_EQ(batch->producer_id(), ProducerId{1000});
  EXPECT_EQ(batch->producer_epoch(), ProducerEpoch{0});
  EXPECT_EQ(batch->base_sequence(), Sequence{0});
  EXPECT_EQ(batch->last_sequence(), Sequence{0});
  EXPECT_EQ(batch->records_count(), 1);
  EXPECT_FALSE(batches.next());
  EXPECT_EQ(batches.stop(), BatchStop::kEnd);
  EXPECT_EQ(batches.position(), 70u);
}

TEST(BatchView, ReadsMarkerAndEmptyBatch) {
  const auto marker_bytes = from_hex(kB3);
  const BatchView marker(marker_bytes);
  EXPECT_TRUE(marker.is_control());
  EXPECT_TRUE(marker.is_transactional());
  EXPECT_TRUE(marker.crc_is_right());
  EXPECT_EQ(marker.base_sequence(), kNoSequence);
  EXPECT_EQ(marker.last_sequence(), kNoSequence);
  const auto empty_bytes = from_hex(kB4);
  const BatchView empty(empty_bytes);
  EXPECT_TRUE(empty.crc_is_right());
  EXPECT_EQ(empty.base_offset(), Offset{42});
  EXPECT_EQ(empty.last_offset(), Offset{46});
  EXPECT_EQ(empty.last_sequence(), Sequence{4});
  EXPECT_EQ(empty.base_timestamp(), kNoTimestamp);
  RecordScratch scratch;
  RecordIterator records(empty, scratch);
  RecordView record;
  EXPECT_FALSE(records.next(record));
  EXPECT_TRUE(records.status());
}

TEST(BatchView, SequencesWrap) {
  auto bytes = from_hex(kB2);
  bytes::store_be(bytes.data() + SEMEL_BATCH_FIELD(base_sequence), int32_t{2147483647});
  EXPECT_EQ(BatchView(bytes).last_sequence(), Sequence{0});
}

TEST(BatchStamp, OffsetAndEpochLeaveTheCrcAlone) {
  auto bytes = from_hex(kB1);
  stamp_base_offset(bytes, Offset{42});
  stamp_leader_epoch(bytes, LeaderEpoch{5});
  EXPECT_EQ(hex_of(bytes), kB1Stamped);
  auto empty = from_hex(kB4);
  stamp_last_offset(empty, Offset{100});
  EXPECT_EQ(BatchView(empty).base_offset(), Offset{96});
}

TEST(BatchStamp, AppendTimeMendsTheCrc) {
  auto bytes = from_hex(kB1Stamped);
  EXPECT_TRUE(stamp_timestamps(bytes, TimestampType::kLogAppendTime, kTs + 5));
  EXPECT_EQ(hex_of(bytes), kB1LogAppendTime);
  EXPECT_FALSE(stamp_timestamps(bytes, TimestampType::kLogAppendTime, kTs + 5));
  EXPECT_TRUE(stamp_timestamps(bytes, TimestampType::kCreateTime, kTs));
  EXPECT_EQ(hex_of(bytes), kB1Stamped);
  bytes.back() = std::byte{1};
  EXPECT_FALSE(BatchView(bytes).crc_is_right());
  stamp_crc(bytes);
  EXPECT_TRUE(BatchView(bytes).crc_is_right());
}

TEST(RecordIterator, ReadsKeysValuesAndHeaders) {
  const auto bytes = from_hex(kB2);
  const BatchView batch(bytes);
  RecordScratch scratch;
  RecordIterator records(batch, scratch);
  RecordView record;
  ASSERT_TRUE(records.next(record));
  EXPECT_FALSE(record.key);
  EXPECT_EQ(bytes::as_text(record.value.value()), "hello");
  EXPECT_EQ(record.timestamp, kTs);
  EXPECT_EQ(record.header_count, 0);
  EXPECT_FALSE(record.headers().next());
  EXPECT_EQ(record.size, 12);
  ASSERT_TRUE(records.next(record));
  EXPECT_EQ(bytes::as_text(record.key.value()), "k");
  EXPECT_FALSE(record.value);
  EXPECT_EQ(record.timestamp, kTs - 3);
  EXPECT_EQ(record.offset, Offset{1});
  EXPECT_EQ(record.sequence, kNoSequence);
  EXPECT_EQ(record.size, 17);
  auto headers = record.headers();
  const auto first = headers.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->key, "h1");
  EXPECT_EQ(bytes::as_text(first->value.value()), "x");
  const auto second = headers.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->key, "h2");
  EXPECT_FALSE(second->value);
  EXPECT_FALSE(headers.next());
  EXPECT_FALSE(records.next(record));
  EXPECT_TRUE(records.status());
}

TEST(RecordIterator, ReadsThePublishedCompressedBatches) {
  const std::map<std::string, std::string> crc_and_payload = {
      {"6c3de43c",
       "011f8b08000000000002031363606060e4ca48cdc9c9675060606562ca666461c93064aa60c9306204"
       "004d2173b61d000000"},
      {"aa7de932", "0282534e415050590000000001000000010000001f1d70" + std::string(kR2)},
      {"ac2ae971", "0304224d186040821d000080" + std::string(kR2) + "00000000"},
      {"038acfc5", "0428b52ffd201de90000" + std::string(kR2)}};
  const std::vector<size_t> sizes{99, 110, 112, 105};
  size_t at = 0;
  for (const auto& [crc, codec_and_payload] : crc_and_payload) {
    auto bytes = from_hex(kB2);
    bytes.resize(kBatchHeaderSize);
    const auto packed = from_hex(codec_and_payload);
    bytes[SEMEL_BATCH_FIELD(attributes) + 1] = packed[0];
    bytes.insert(bytes.end(), packed.begin() + 1, packed.end());
    bytes::store_be(bytes.data() + SEMEL_BATCH_FIELD(batch_length),
                    static_cast<int32_t>(bytes.size() - kLogOverhead));
    stamp_crc(bytes);
    const BatchView batch(bytes);
    EXPECT_EQ(batch.size(), sizes[at++]);
    EXPECT_EQ(batch.crc(), bytes::load_be<uint32_t>(from_hex(crc).data()));
    RecordScratch scratch;
    RecordIterator records(batch, scratch);
    RecordView record;
    int count = 0;
    while (records.next(record)) ++count;
    EXPECT_EQ(count, 2);
    EXPECT_TRUE(records.status()) << records.status().error().context;
  }
}

TEST(RecordIterator, NamesWhatIsWrong) {
  struct Case {
    size_t at;
    int value;
    std::string_view why;
  };
  const size_t r = kBatchHeaderSize;
  const Case cases[] = {
      {r, 0x18, "bytes are left over inside a record"},
      {r, 0x14, "a field passes the end of its record"},
      {r, 0x01, "a record has a negative length"},
      {r, 0x7e, "the records end early"},
      {r + 5, 0x0c, "a field passes the end of its record"},
      {r + 5, 0x08, "a record has a negative number of headers"},
      {r + 11, 0x02, "a record has more headers than bytes"},
      {r + 19, 0x02, "bytes are left over inside a record"},
      {r + 20, 0x03, "a header key has a negative length"},
      {SEMEL_BATCH_FIELD(records_count) + 3, 1, "bytes are left over behind the last record"},
      {SEMEL_BATCH_FIELD(records_count) + 3, 3, "the records end early"},
      {SEMEL_BATCH_FIELD(records_count), 0xff, "the number of records is negative"},
      {SEMEL_BATCH_FIELD(attributes) + 1, 5, "unknown compression codec"},
  };
  for (const Case& c : cases) {
    auto bytes = from_hex(kB2);
    bytes[c.at] = static_cast<std::byte>(c.value);
    const BatchView batch(bytes);
    RecordScratch scratch;
    RecordIterator records(batch, scratch);
    for (RecordView record; records.next(record);) {
    }
    ASSERT_FALSE(records.status()) << c.why;
    EXPECT_EQ(records.status().error().code, ErrorCode::kCorruptMessage);
    EXPECT_TRUE(records.status().error().context.ends_with(c.why))
        << c.why << " / " << records.status().error().context;
  }
}

TEST(BatchIterator, TellsEndTornBlankAndCorrupt) {
  const auto one = from_hex(kB1);
  for (size_t size = 0; size < one.size(); ++size) {
    BatchIterator batches(ByteSpan(one).first(size));
    EXPECT_FALSE(batches.next());
    EXPECT_EQ(batches.stop(), size == 0 ? BatchStop::kEnd : BatchStop::kTorn);
    EXPECT_EQ(batches.position(), 0u);
    if (size > 0) EXPECT_EQ(batches.bytes_wanted(), size < 17 ? 17u : 70u);
  }
  auto two = one;
  two.resize(one.size() + 500);
  BatchIterator blank(two);
  EXPECT_TRUE(blank.next());
  EXPECT_FALSE(blank.next());
  EXPECT_EQ(blank.stop(), BatchStop::kBlank);
  EXPECT_EQ(blank.position(), one.size());

  const auto stop_of = [&](size_t at, int32_t length, int magic) {
    auto bytes = one;
    bytes::store_be(bytes.data() + at, length);
    if (magic >= 0) bytes[SEMEL_BATCH_FIELD(magic)] = static_cast<std::byte>(magic);
    BatchIterator batches(bytes);
    EXPECT_FALSE(batches.next());
    return batches.stop();
  };
  const size_t length_at = SEMEL_BATCH_FIELD(batch_length);
  EXPECT_EQ(stop_of(length_at, 13, -1), BatchStop::kCorrupt);
  EXPECT_EQ(stop_of(length_at, -1, -1), BatchStop::kCorrupt);
  EXPECT_EQ(stop_of(length_at, 48, 2), BatchStop::kCorrupt);
  EXPECT_EQ(stop_of(length_at, 21, 1), BatchStop::kCorrupt);
  EXPECT_EQ(stop_of(length_at, 58, 3), BatchStop::kCorrupt);
  EXPECT_EQ(stop_of(length_at, 58, 0xff), BatchStop::kCorrupt);
  EXPECT_EQ(stop_of(length_at, 0x7ffffff0, 2), BatchStop::kTorn);
  EXPECT_EQ(stop_of(length_at, 0x7fffffff, 2), BatchStop::kCorrupt);
  BatchIterator bounded(one, 69);
  EXPECT_FALSE(bounded.next());
  EXPECT_EQ(bounded.stop(), BatchStop::kCorrupt);
}

/// What every v2 batch that Kafka wrote must satisfy; returns its records as "key=value headers"
/// lines.
void read_segment(const std::filesystem::path& path, std::vector<std::string>& lines) {
  const auto bytes = read_file(path);
  BatchIterator batches(bytes);
  RecordScratch scratch;
  while (const auto batch = batches.next()) {
    ASSERT_TRUE(batch->crc_is_right()) << path;
    if (batch->is_legacy()) continue;
    RecordIterator records(*batch, scratch);
    int32_t count = 0;
    RecordView record;
    int64_t last_delta = -1;
    while (records.next(record)) {
      ++count;
      EXPECT_GT(record.offset_delta, last_delta);
      last_delta = record.offset_delta;
      std::string line = record.key ? std::string(bytes::as_text(*record.key)) : "null";
      line += "=" + (record.value ? std::string(bytes::as_text(*record.value)) : "null");
      for (auto headers = record.headers(); auto header = headers.next();)
        line += " " + std::string(header->key);
      lines.push_back(std::move(line));
    }
    ASSERT_TRUE(records.status()) << path << " " << records.status().error().context;
    EXPECT_EQ(count, batch->records_count());
    EXPECT_LE(last_delta, batch->last_offset_delta());
  }
  const bool has_blank_tail = path.string().find("killed/prealloc") != std::string::npos;
  EXPECT_EQ(batches.stop(), has_blank_tail ? BatchStop::kBlank : BatchStop::kEnd) << path;
}

TEST(GoldenSegments, EveryBatchParses) {
  size_t segments = 0;
  std::vector<std::string> lines;
  for (const auto folder : {"kafka-4.3.1/clean", "kafka-4.3.1/killed", "kafka-2.6.0"})
    for (const auto& path : golden_segments(folder)) {
      read_segment(path, lines);
      ++segments;
    }
  EXPECT_GE(segments, 85u);
  EXPECT_GT(lines.size(), 1000u);
}

TEST(GoldenSegments, AllCodecsHoldTheSameRecords) {
  std::vector<std::string> plain;
  read_segment(golden("kafka-4.3.1/clean/codec-none-0/00000000000000000000.log"), plain);
  EXPECT_EQ(plain.size(), 23u);
  for (const std::string codec : {"gzip", "snappy", "lz4", "zstd"}) {
    std::vector<std::string> lines;
    read_segment(golden("kafka-4.3.1/clean/codec-" + codec + "-0/00000000000000000000.log"), lines);
    EXPECT_TRUE(lines == plain) << codec;
  }
}

TEST(GoldenSegments, FlippedBitsNeverCrash) {
  std::mt19937_64 random(21);
  RecordScratch scratch;
  for (const std::string topic :
       {"codec-none", "broker-gzip", "broker-lz4", "broker-zstd", "odd"}) {
    const auto bytes =
        read_file(golden("kafka-4.3.1/clean/" + topic + "-0/00000000000000000000.log"));
    for (int round = 0; round < 1000; ++round) {
      auto broken = bytes;
      broken.resize(std::min<size_t>(broken.size(), 1 + random() % 2000));
      for (int flips = 0; flips < 3; ++flips)
        broken[random() % broken.size()] ^= static_cast<std::byte>(1 << (random() % 8));
      BatchIterator batches(broken);
      while (const auto batch = batches.next()) {
        if (batch->is_legacy()) continue;
        RecordIterator records(*batch, scratch, {.output_bytes_max = 1 << 20});
        for (RecordView record; records.next(record);)
          for (auto headers = record.headers(); headers.next();) {
          }
      }
    }
  }
}

}  // namespace
}  // namespace semel::record
