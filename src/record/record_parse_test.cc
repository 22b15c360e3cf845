#include "record/record_parse.h"

#include <random>

#include <gtest/gtest.h>

#include "record/batch_builder.h"
#include "record/record_feed.h"

namespace semel::record {
namespace {

using bytes::as_bytes;

/// The body of the only record of `batch`, with room behind it.
std::vector<std::byte> body_with_slack(MutableByteSpan batch, size_t& size) {
  bool malformed = false;
  SpanCursor cursor(batch.data() + kBatchHeaderSize, batch.data() + batch.size());
  size = static_cast<size_t>(take_varint(cursor, malformed));
  std::vector<std::byte> body(cursor.at(), cursor.at() + size);
  body.resize(size + kPlainRecordSlack);
  return body;
}

bool equal(const RecordFields& a, const RecordFields& b) {
  return a.timestamp_delta == b.timestamp_delta && a.offset_delta == b.offset_delta &&
         (a.key_size == b.key_size) && (a.value_size == b.value_size) &&
         a.header_count == b.header_count;
}

TEST(RecordParse, TheQuickWayAgreesWithTheStrictOne) {
  std::mt19937_64 random(51);
  BatchBuilder builder;
  bytes::Compressor compressor;
  int quick = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string key(random() % 3 == 0 ? 0 : random() % 200, 'k');
    const std::string value(random() % 20 == 0 ? random() % 20'000 : random() % 100, 'v');
    const HeaderView header{"h", std::nullopt};
    RecordInput record{.timestamp = static_cast<int64_t>(random() % (1ull << (random() % 40)))};
    if (random() % 4 != 0) record.key = as_bytes(key);
    if (random() % 4 != 0) record.value = as_bytes(value);
    if (random() % 6 == 0) record.headers = {&header, 1};
    builder.start({.delete_horizon = 1000});
    builder.append_at(static_cast<int32_t>(random() % (1u << (random() % 30))), record);
    size_t size = 0;
    auto body = body_with_slack(*builder.finish(compressor), size);
    if (random() % 3 == 0) body[random() % size] ^= static_cast<std::byte>(1 << (random() % 8));
    RecordFields strict;
    SpanCursor cursor(body.data(), body.data() + size);
    const char* failure = parse_record_body(cursor, strict);
    RecordFields fields;
    if (!parse_plain_record(body.data(), body.data() + size, fields)) continue;
    ++quick;
    EXPECT_EQ(failure, nullptr);
    EXPECT_TRUE(equal(fields, strict))
        << fields.timestamp_delta << " " << strict.timestamp_delta << ", " << fields.offset_delta
        << " " << strict.offset_delta << ", " << fields.key_size << " " << strict.key_size << ", "
        << fields.value_size << " " << strict.value_size;
  }
  EXPECT_GT(quick, 5000);
}

TEST(RecordParse, NumbersMayNotBeTooLong) {
  const auto too_long = [](std::string_view digits, bool is_long) {
    const auto span = as_bytes(digits);
    SpanCursor cursor(span.data(), span.data() + span.size());
    bool malformed = false;
    if (is_long)
      (void)take_varlong(cursor, malformed);
    else
      (void)take_varint(cursor, malformed);
    return malformed;
  };
  EXPECT_FALSE(too_long("\xff\xff\xff\xff\x0f", false));
  EXPECT_TRUE(too_long("\xff\xff\xff\xff\x8f\x01", false));
  EXPECT_FALSE(too_long("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", true));
  EXPECT_TRUE(too_long("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", true));
}

TEST(RecordParse, RecordsAcrossChunksAreSkippedLikeOthers) {
  BatchBuilder builder;
  bytes::Compressor compressor;
  RecordScratch scratch;
  const std::string value(200'000, 'x');
  const HeaderView header{"name", as_bytes("value")};
  builder.start({.codec = CodecId::kLz4});
  for (int i = 0; i < 10; ++i)
    builder.append({.timestamp = i, .value = as_bytes(value), .headers = {&header, 1}});
  const auto built = builder.finish(compressor);
  const BatchView batch(*built);
  RecordFeed feed(batch, scratch, {});
  for (int i = 0; i < 10; ++i) {
    const int32_t length = feed.take_length();
    ASSERT_GT(length, 200'000);
    FeedCursor cursor(feed, static_cast<size_t>(length));
    RecordFields fields;
    EXPECT_EQ(parse_record_body(cursor, fields), nullptr);
    EXPECT_EQ(fields.offset_delta, i);
    EXPECT_EQ(fields.value_size, 200'000);
    EXPECT_EQ(fields.header_count, 1);
  }
  EXPECT_TRUE(feed.at_end());
  EXPECT_FALSE(feed.failed());
}

}  // namespace
}  // namespace semel::record
