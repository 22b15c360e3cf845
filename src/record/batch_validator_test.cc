#include "record/batch_validator.h"

#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/batch_iterator.h"
#include "record/record_iterator.h"
#include "record/test_allocations.h"
#include "record/test_support.h"

namespace semel::record {
namespace {

using namespace testing;
using bytes::as_bytes;
using ::testing::HasSubstr;
using Standing = ProduceVerdict::Standing;

constexpr int64_t kNow = kTs + 1000;

ProduceRules rules_of_topic() { return {.partition = "t-0", .now_ms = kNow}; }

/// A batch of `count` records "k<i>" → "value <i>", all at kTs.
std::vector<std::byte> batch_of(int count, BatchOptions options = {}, size_t value_size = 8,
                                const std::function<RecordInput(int, RecordInput)>& change = {}) {
  BatchBuilder builder;
  bytes::Compressor compressor;
  builder.start(options);
  for (int i = 0; i < count; ++i) {
    const std::string key = "k" + std::to_string(i);
    std::string value = "value " + std::to_string(i);
    value.resize(value_size, '.');
    RecordInput record{.timestamp = kTs, .key = as_bytes(key), .value = as_bytes(value)};
    if (change) record = change(i, record);
    builder.append(record);
  }
  const auto batch = builder.finish(compressor);
  EXPECT_TRUE(batch);
  return {batch->begin(), batch->end()};
}

template <class T>
std::vector<std::byte> with_field(std::vector<std::byte> batch, size_t at, T value,
                                  bool mends_crc = true) {
  bytes::store_be(batch.data() + at, value);
  if (mends_crc) stamp_crc(batch);
  return batch;
}

void expect_malformed(std::vector<std::byte> bytes, ErrorCode code, std::string_view text,
                      const ProduceRules& rules = rules_of_topic()) {
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  EXPECT_EQ(verdict.standing, Standing::kMalformed) << text;
  EXPECT_EQ(verdict.error.code, code) << text;
  EXPECT_THAT(verdict.error.context, HasSubstr(text));
  EXPECT_TRUE(verdict.record_errors.empty());
}

TEST(BatchValidator, AcceptsAndLeavesAGoodBatchAsItIs) {
  auto bytes = from_hex(kB1);
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules_of_topic());
  EXPECT_EQ(verdict.standing, Standing::kAccepted);
  EXPECT_EQ(verdict.error.code, ErrorCode::kNone);
  EXPECT_EQ(hex_of(verdict.batch), kB1);
  EXPECT_EQ(verdict.batch.data(), bytes.data());
  EXPECT_TRUE(verdict.facts.has_producer_id());
  EXPECT_EQ(verdict.facts.producer_id, ProducerId{1000});
  EXPECT_EQ(verdict.facts.base_sequence, Sequence{0});
  EXPECT_EQ(verdict.facts.last_sequence, Sequence{0});
  EXPECT_EQ(verdict.facts.records_count, 1);
  EXPECT_EQ(verdict.facts.crc, 0x5fc9226au);
  EXPECT_EQ(verdict.max_timestamp, kTs);
}

TEST(BatchValidator, WantsExactlyOneBatchOfMagicTwo) {
  const auto one = from_hex(kB1);
  expect_malformed({}, ErrorCode::kInvalidRecord,
                   "Produce requests with version 13 must have at least one record batch per "
                   "partition");
  expect_malformed({one.begin(), one.end() - 1}, ErrorCode::kInvalidRecord, "at least one");
  auto two = one;
  two.insert(two.end(), one.begin(), one.end());
  expect_malformed(two, ErrorCode::kInvalidRecord, "exactly one record batch per partition");
  const auto v1 =
      from_hex("00000000000000000000001839268c3301000000018bcfe56800000000016b0000000176");
  expect_malformed(v1, ErrorCode::kInvalidRecord,
                   "are only allowed to contain record batches with magic version 2");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(batch_length), int32_t{13}, false),
                   ErrorCode::kCorruptMessage, "below the minimum");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(magic), int8_t{3}, false),
                   ErrorCode::kCorruptMessage, "magic");
  expect_malformed(std::vector<std::byte>(100), ErrorCode::kCorruptMessage, "zero bytes");

  auto with_torn_tail = one;
  with_torn_tail.insert(with_torn_tail.end(), one.begin(), one.end() - 1);
  BatchValidator validator;
  const auto verdict = validator.validate(with_torn_tail, rules_of_topic());
  EXPECT_EQ(verdict.standing, Standing::kAccepted);
  EXPECT_EQ(verdict.batch.size(), one.size());
}

TEST(BatchValidator, ChecksTheHeader) {
  const auto one = batch_of(3);
  expect_malformed(
      with_field(one, SEMEL_BATCH_FIELD(base_offset), int64_t{5}), ErrorCode::kInvalidRecord,
      "The baseOffset of the record batch in the append to t-0 should be 0, but it is 5");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(crc), uint32_t{7}, false),
                   ErrorCode::kCorruptMessage,
                   "Record is corrupt (stored crc = 7, computed crc = ");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(last_offset_delta), int32_t{-1}),
                   ErrorCode::kInvalidRecord, "Batch has an invalid offset range: [0, -1]");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(records_count), int32_t{0}),
                   ErrorCode::kInvalidRecord, "Invalid reported count for record batch: 0");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(records_count), int32_t{-3}),
                   ErrorCode::kInvalidRecord, "Invalid reported count for record batch: -3");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(records_count), int32_t{2}),
                   ErrorCode::kInvalidRecord,
                   "Inconsistent batch offset range [0, 2] and count of records 2");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(last_offset_delta), int32_t{0x7fffffff}),
                   ErrorCode::kInvalidRecord, "Inconsistent batch offset range");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(attributes), int16_t{0x20}),
                   ErrorCode::kInvalidRecord, "Clients are not allowed to write control records");
  expect_malformed(with_field(one, SEMEL_BATCH_FIELD(attributes), int16_t{5}),
                   ErrorCode::kUnsupportedCompressionType, "Unknown compression type id: 5");
  auto sequenced = with_field(one, SEMEL_BATCH_FIELD(producer_id), int64_t{9});
  expect_malformed(sequenced, ErrorCode::kInvalidRecord,
                   "Invalid sequence number -1 in record batch with producerId 9");
  expect_malformed(with_field(sequenced, SEMEL_BATCH_FIELD(base_sequence), int32_t{-2}),
                   ErrorCode::kInvalidRecord, "Invalid sequence number -2");
}

TEST(BatchValidator, ZstdNeedsProduceSeven) {
  auto rules = rules_of_topic();
  rules.produce_version = 6;
  const auto batch = batch_of(3, {.codec = CodecId::kZstd});
  expect_malformed(batch, ErrorCode::kUnsupportedCompressionType,
                   "Produce requests with version 6 are not allowed to use ZStandard", rules);
  rules.produce_version = 7;
  auto bytes = batch;
  BatchValidator validator;
  EXPECT_EQ(validator.validate(bytes, rules).standing, Standing::kAccepted);
}

TEST(BatchValidator, SizeIsRefusedOnlyIfDedupSaysAppend) {
  auto bytes = batch_of(3, {.producer_id = ProducerId{4},
                            .producer_epoch = ProducerEpoch{1},
                            .base_sequence = Sequence{2147483646}});
  auto rules = rules_of_topic();
  rules.batch_size_max = static_cast<int32_t>(bytes.size()) - 1;
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  EXPECT_EQ(verdict.standing, Standing::kRefused);
  EXPECT_EQ(verdict.error.code, ErrorCode::kMessageTooLarge);
  EXPECT_EQ(verdict.facts.last_sequence, Sequence{0}) << "dedup needs the facts all the same";
  EXPECT_EQ(verdict.facts.records_count, 3);
  rules.batch_size_max = static_cast<int32_t>(bytes.size());
  EXPECT_EQ(validator.validate(bytes, rules).standing, Standing::kAccepted);
}

TEST(BatchValidator, RecordsMustBeWellFormed) {
  for (const CodecId codec :
       {CodecId::kNone, CodecId::kGzip, CodecId::kSnappy, CodecId::kLz4, CodecId::kZstd}) {
    BatchBuilder builder;
    bytes::Compressor compressor;
    const auto damaged = [&](size_t at, int value, int32_t count) {
      auto plain = batch_of(3);
      plain[kBatchHeaderSize + at] = static_cast<std::byte>(value);
      bytes::Writer out;
      out.put_bytes(ByteSpan(plain).first(kBatchHeaderSize));
      EXPECT_TRUE(compressor.compress(codec, bytes::codec_levels(codec).standard,
                                      ByteSpan(plain).subspan(kBatchHeaderSize), out));
      std::vector<std::byte> batch(out.written().begin(), out.written().end());
      bytes::store_be(batch.data() + SEMEL_BATCH_FIELD(batch_length),
                      static_cast<int32_t>(batch.size() - kLogOverhead));
      bytes::store_be(batch.data() + SEMEL_BATCH_FIELD(attributes), static_cast<int16_t>(codec));
      bytes::store_be(batch.data() + SEMEL_BATCH_FIELD(records_count), count);
      bytes::store_be(batch.data() + SEMEL_BATCH_FIELD(last_offset_delta), count - 1);
      stamp_crc(batch);
      return batch;
    };
    expect_malformed(damaged(0, 0x7e, 3), ErrorCode::kInvalidRecord, "record 0");
    expect_malformed(damaged(0, 0x03, 3), ErrorCode::kInvalidRecord, "record 0");
    expect_malformed(damaged(16, 0x20, 3), ErrorCode::kInvalidRecord, "record");
    expect_malformed(damaged(1, 0, 2), ErrorCode::kInvalidRecord, "left over");
    expect_malformed(damaged(1, 0, 4), ErrorCode::kInvalidRecord, "record 3");
    BatchValidator validator;
    auto good = damaged(1, 0, 3);
    EXPECT_EQ(validator.validate(good, rules_of_topic()).standing, Standing::kAccepted);
  }
}

TEST(BatchValidator, DamagedCompressionIsAnInvalidRecord) {
  auto batch = batch_of(3, {.codec = CodecId::kGzip});
  batch[kBatchHeaderSize] = std::byte{0};
  stamp_crc(batch);
  expect_malformed(batch, ErrorCode::kInvalidRecord, "gzip");
}

TEST(BatchValidator, InnerOffsetsOutOfOrderAreRefusedPlainAndRebuiltCompressed) {
  for (const CodecId codec : {CodecId::kNone, CodecId::kLz4}) {
    BatchBuilder builder;
    bytes::Compressor compressor;
    builder.start({.codec = codec, .base_sequence = Sequence{3}});
    builder.append_at(0, {.timestamp = kTs, .key = as_bytes("a")});
    builder.append_at(5, {.timestamp = kTs, .key = as_bytes("b")});
    const auto built = builder.finish(compressor);
    std::vector<std::byte> batch(built->begin(), built->end());
    batch = with_field(batch, SEMEL_BATCH_FIELD(last_offset_delta), int32_t{1});
    BatchValidator validator;
    const auto verdict = validator.validate(batch, rules_of_topic());
    if (codec == CodecId::kNone) {
      EXPECT_EQ(verdict.standing, Standing::kMalformed);
      EXPECT_EQ(verdict.error.code, ErrorCode::kInvalidRecord);
      continue;
    }
    ASSERT_EQ(verdict.standing, Standing::kAccepted);
    const BatchView view(verdict.batch);
    EXPECT_TRUE(view.crc_is_right());
    EXPECT_EQ(view.codec(), codec);
    EXPECT_EQ(view.base_sequence(), Sequence{3});
    RecordScratch scratch;
    RecordIterator records(view, scratch);
    RecordView record;
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(records.next(record));
      EXPECT_EQ(record.offset_delta, i);
    }
  }
}

TEST(BatchValidator, CompactedTopicsWantKeys) {
  auto rules = rules_of_topic();
  rules.keys_are_required = true;
  auto bytes = batch_of(6, {}, 8, [](int i, RecordInput record) {
    if (i != 1) record.key = std::nullopt;
    return record;
  });
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  EXPECT_EQ(verdict.standing, Standing::kRefused);
  EXPECT_EQ(verdict.error.code, ErrorCode::kInvalidRecord);
  ASSERT_EQ(verdict.record_errors.size(), 5u);
  EXPECT_EQ(verdict.record_errors[0].index, 0);
  EXPECT_EQ(verdict.record_errors[1].index, 2);
  EXPECT_EQ(verdict.record_errors[0].message,
            "Compacted topic cannot accept message without key in topic partition t-0");
  EXPECT_THAT(verdict.error.context, HasSubstr("rejected due to 5 record errors in total"));
  EXPECT_THAT(verdict.error.context, HasSubstr("RecordError(batchIndex=3, message="));
  EXPECT_THAT(verdict.error.context, ::testing::Not(HasSubstr("batchIndex=4")));
}

TEST(BatchValidator, TimestampsMustLieInTheWindow) {
  auto rules = rules_of_topic();
  rules.timestamp_before_max_ms = 2000;
  rules.timestamp_after_max_ms = 500;
  const std::vector<int64_t> timestamps{kNow, kNow - 2000, kNow - 2001, kNow + 500, kNow + 501, -1};
  auto bytes = batch_of(6, {}, 8, [&](int i, RecordInput record) {
    record.timestamp = timestamps[static_cast<size_t>(i)];
    return record;
  });
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  EXPECT_EQ(verdict.standing, Standing::kRefused);
  EXPECT_EQ(verdict.error.code, ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(verdict.error.context,
            "One or more records have been rejected due to invalid timestamp");
  ASSERT_EQ(verdict.record_errors.size(), 2u);
  EXPECT_EQ(verdict.record_errors[0].index, 2);
  EXPECT_EQ(verdict.record_errors[1].index, 4);
  EXPECT_THAT(verdict.record_errors[0].message,
              HasSubstr("of message with offset 2 is out of range"));

  rules.timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
  rules.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(validator.validate(bytes, rules).standing, Standing::kAccepted);
  rules.timestamp_after_max_ms = 0;
  rules.timestamp_type = TimestampType::kLogAppendTime;
  EXPECT_EQ(validator.validate(bytes, rules).standing, Standing::kAccepted)
      << "the topic's own clock decides";
}

TEST(BatchValidator, RecordErrorsAreBounded) {
  auto rules = rules_of_topic();
  rules.keys_are_required = true;
  auto bytes = batch_of(5000, {}, 8, [](int, RecordInput record) {
    record.key = std::nullopt;
    return record;
  });
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  EXPECT_EQ(verdict.record_errors.size(), kRecordErrorsMax);
  EXPECT_THAT(verdict.error.context, HasSubstr("5000 record errors"));
}

TEST(BatchValidator, ProducersMustNotSendAppendTime) {
  const auto batch = batch_of(2, {.log_append_time = kTs + 7});
  auto rules = rules_of_topic();
  rules.timestamp_type = TimestampType::kLogAppendTime;
  BatchValidator validator;
  auto bytes = batch;
  const auto refused = validator.validate(bytes, rules);
  EXPECT_EQ(refused.standing, Standing::kRefused);
  EXPECT_EQ(refused.error.code, ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(refused.record_errors.size(), 2u);

  rules.timestamp_type = TimestampType::kCreateTime;
  const auto accepted = validator.validate(bytes, rules);
  ASSERT_EQ(accepted.standing, Standing::kAccepted);
  EXPECT_EQ(BatchView(accepted.batch).timestamp_type(), TimestampType::kCreateTime);
  EXPECT_EQ(BatchView(accepted.batch).max_timestamp(), kTs + 7);
  EXPECT_TRUE(BatchView(accepted.batch).crc_is_right());
}

TEST(BatchValidator, MendsAWrongMaximalTimestamp) {
  auto bytes = with_field(batch_of(2), SEMEL_BATCH_FIELD(max_timestamp), int64_t{12});
  const uint32_t received_crc = BatchView(bytes).crc();
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules_of_topic());
  ASSERT_EQ(verdict.standing, Standing::kAccepted);
  EXPECT_EQ(BatchView(verdict.batch).max_timestamp(), kTs);
  EXPECT_TRUE(BatchView(verdict.batch).crc_is_right());
  EXPECT_EQ(verdict.facts.crc, received_crc) << "dedup compares the bytes as they came";
}

TEST(BatchValidator, RecompressesForTheTopicsCodec) {
  BatchValidator validator;
  for (int from = 0; from < bytes::kCodecCount; ++from)
    for (int to = 0; to < bytes::kCodecCount; ++to) {
      auto bytes = batch_of(20,
                            {.codec = static_cast<CodecId>(from),
                             .producer_id = ProducerId{8},
                             .producer_epoch = ProducerEpoch{2},
                             .base_sequence = Sequence{77},
                             .is_transactional = true},
                            8000);
      const auto before = bytes;
      auto rules = rules_of_topic();
      rules.codec = static_cast<CodecId>(to);
      const auto verdict = validator.validate(bytes, rules);
      ASSERT_EQ(verdict.standing, Standing::kAccepted);
      EXPECT_EQ(verdict.rebuilt.empty(), from == to);
      EXPECT_EQ(verdict.facts.crc, BatchView(before).crc());
      const BatchView view(verdict.batch);
      EXPECT_TRUE(view.crc_is_right());
      EXPECT_EQ(view.codec(), rules.codec);
      EXPECT_EQ(view.base_sequence(), Sequence{77});
      EXPECT_EQ(view.producer_epoch(), ProducerEpoch{2});
      EXPECT_TRUE(view.is_transactional());
      EXPECT_EQ(view.max_timestamp(), kTs);
      RecordScratch scratch;
      RecordIterator records(view, scratch);
      RecordView record;
      int count = 0;
      for (; records.next(record); ++count)
        EXPECT_TRUE(bytes::as_text(*record.value).starts_with("value " + std::to_string(count)));
      EXPECT_EQ(count, 20);
    }
}

TEST(BatchValidator, SizeCountsAgainAfterRecompression) {
  auto bytes = batch_of(20, {.codec = CodecId::kZstd}, 8000);
  auto rules = rules_of_topic();
  rules.codec = CodecId::kNone;
  rules.batch_size_max = 10'000;
  BatchValidator validator;
  const auto verdict = validator.validate(bytes, rules);
  EXPECT_EQ(verdict.standing, Standing::kRefused);
  EXPECT_EQ(verdict.error.code, ErrorCode::kMessageTooLarge);
}

TEST(BatchValidator, BombsAreRefusedWithoutKeepingThem) {
  auto bytes = batch_of(1, {.codec = CodecId::kZstd}, 40 << 20);
  ASSERT_LT(bytes.size(), 10'000u);
  auto rules = rules_of_topic();
  rules.limits.output_bytes_max = 1 << 20;
  expect_malformed(bytes, ErrorCode::kInvalidRecord, "limit", rules);
}

TEST(BatchValidator, MuchWorkIsPutOffAndDoneWhenAskedAgain) {
  BatchValidator validator;
  auto rules = rules_of_topic();
  rules.work_max = 10'000;
  auto small = batch_of(90, {.codec = CodecId::kZstd}, 100);
  EXPECT_EQ(validator.validate(small, rules).standing, Standing::kAccepted);
  auto large = batch_of(110, {.codec = CodecId::kZstd}, 100);
  auto one_record = batch_of(1, {.codec = CodecId::kGzip}, 20'000);
  auto plain = batch_of(110, {}, 100);
  const auto before = large;
  EXPECT_EQ(validator.validate(large, rules).standing, Standing::kPutOff);
  EXPECT_EQ(large, before) << "nothing was changed";
  EXPECT_EQ(validator.validate(one_record, rules).standing, Standing::kPutOff);
  EXPECT_EQ(validator.validate(plain, rules).standing, Standing::kAccepted) << "nothing to unpack";
  rules.codec = CodecId::kLz4;
  EXPECT_EQ(validator.validate(plain, rules).standing, Standing::kPutOff) << "but much to encode";
  EXPECT_EQ(validator.validate(small, rules).standing, Standing::kPutOff);
  rules.work_max = 1 << 20;
  for (auto* batch : {&small, &large, &one_record, &plain})
    EXPECT_EQ(validator.validate(*batch, rules).standing, Standing::kAccepted);
}

TEST(BatchValidator, FlippedBitsNeverCrash) {
  std::mt19937_64 random(41);
  BatchValidator validator;
  for (int codec = 0; codec < bytes::kCodecCount; ++codec) {
    const auto good = batch_of(50, {.codec = static_cast<CodecId>(codec)}, 400);
    for (int round = 0; round < 1500; ++round) {
      auto broken = good;
      for (int flips = 0; flips < 2; ++flips)
        broken[random() % (random() % 2 == 0 ? broken.size() : 100)] ^=
            static_cast<std::byte>(1 << (random() % 8));
      BatchIterator whole(broken);
      if (whole.next()) stamp_crc(broken);
      auto rules = rules_of_topic();
      if (round % 3 == 0) rules.codec = static_cast<CodecId>(random() % bytes::kCodecCount);
      rules.limits.output_bytes_max = 1 << 20;
      const auto verdict = validator.validate(broken, rules);
      if (verdict.standing == Standing::kAccepted)
        EXPECT_TRUE(BatchView(verdict.batch).crc_is_right());
      else
        EXPECT_NE(verdict.error.code, ErrorCode::kNone);
    }
  }
}

TEST(BatchValidator, AcceptsEveryGoldenBatchAgain) {
  BatchValidator validator;
  auto rules = rules_of_topic();
  rules.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  for (const std::string topic :
       {"codec-none", "codec-gzip", "codec-snappy", "codec-lz4", "codec-zstd", "odd", "idem"}) {
    auto bytes = read_file(golden("kafka-4.3.1/clean/" + topic + "-0/00000000000000000000.log"));
    size_t at = 0;
    BatchIterator batches(bytes);
    while (const auto batch = batches.next()) {
      const MutableByteSpan span = MutableByteSpan(bytes).subspan(at, batch->size());
      stamp_base_offset(span, Offset{0});
      const auto before = hex_of(span);
      EXPECT_EQ(validator.validate(span, rules).standing, Standing::kAccepted) << topic;
      EXPECT_EQ(hex_of(span), before) << "nothing to mend in what Kafka stored";
      at = batches.position();
    }
  }
}

TEST(BatchValidator, SteadyStateDoesNotAllocate) {
  if (!kCountsAllocations) GTEST_SKIP() << "needs AddressSanitizer";
  EXPECT_GT(allocations_of([] { std::string(100, 'x').push_back('y'); }), 0u);
  BatchValidator validator;
  const auto rules = rules_of_topic();
  for (const CodecId codec :
       {CodecId::kNone, CodecId::kGzip, CodecId::kLz4, CodecId::kSnappy, CodecId::kZstd}) {
    auto bytes = batch_of(200,
                          {.codec = codec,
                           .producer_id = ProducerId{1},
                           .producer_epoch = ProducerEpoch{0},
                           .base_sequence = Sequence{0}},
                          1000);
    const auto validate = [&] {
      EXPECT_EQ(validator.validate(bytes, rules).standing, Standing::kAccepted);
    };
    validate();
    validate();
    EXPECT_EQ(allocations_of(validate), 0u) << bytes::codec_name(codec);
  }
}

}  // namespace
}  // namespace semel::record
