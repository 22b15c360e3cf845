// What is read from golden segments, compared with what kafka-dump-log printed for them.
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "record/batch_iterator.h"
#include "record/legacy.h"
#include "record/record_iterator.h"
#include "record/test_support.h"

namespace semel::record {
namespace {

using namespace testing;

/// Lines of the first deep iteration that tell of a batch or a record.
std::vector<std::string> printed_lines(const std::filesystem::path& segment,
                                       std::string_view batch_prefix) {
  std::istringstream dump(read_text(segment.string() + ".dump.txt"));
  std::vector<std::string> lines;
  bool is_inside = false;
  for (std::string line; std::getline(dump, line);) {
    if (line.starts_with("$ ")) {
      if (is_inside) break;
      is_inside = line.find("--deep-iteration") != std::string::npos;
    }
    if (is_inside && (line.starts_with(batch_prefix) || line.starts_with("| offset:")))
      lines.push_back(line);
  }
  return lines;
}

std::string_view type_name(const BatchView& batch) {
  return batch.timestamp_type() == TimestampType::kLogAppendTime ? "LogAppendTime" : "CreateTime";
}

std::string batch_line(const BatchView& batch, size_t position) {
  const auto horizon = batch.delete_horizon();
  return fmt::format(
      "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
      "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} "
      "deleteHorizonMs: {} position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} "
      "isvalid: {}",
      batch.base_offset().value, batch.last_offset().value, batch.records_count(),
      batch.base_sequence().value, batch.last_sequence().value, batch.producer_id().value,
      batch.producer_epoch().value, batch.leader_epoch().value, batch.is_transactional(),
      batch.is_control(),
      horizon ? fmt::format("OptionalLong[{}]", *horizon) : "OptionalLong.empty", position,
      type_name(batch), batch.max_timestamp(), batch.size(), batch.magic(),
      bytes::codec_name(*batch.codec()), batch.crc(), batch.crc_is_right());
}

std::string record_line(const BatchView& batch, const RecordView& record) {
  std::string keys;
  for (auto headers = record.headers(); const auto header = headers.next();)
    keys += (keys.empty() ? "" : ",") + std::string(header->key);
  return fmt::format("| offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [{}]",
                     record.offset.value, type_name(batch), record.timestamp,
                     record.key ? static_cast<int>(record.key->size()) : -1,
                     record.value ? static_cast<int>(record.value->size()) : -1,
                     record.sequence.value, keys);
}

class DumpText : public ::testing::TestWithParam<const char*> {};

TEST_P(DumpText, OfBatchesIsKafkas) {
  const auto segment = golden(std::string("kafka-4.3.1/clean/") + GetParam() + ".log");
  const auto bytes = read_file(segment);
  std::vector<std::string> lines;
  RecordScratch scratch;
  BatchIterator batches(bytes);
  for (size_t position = 0; const auto batch = batches.next(); position = batches.position()) {
    lines.push_back(batch_line(*batch, position));
    RecordIterator records(*batch, scratch);
    for (RecordView record; records.next(record);) lines.push_back(record_line(*batch, record));
    EXPECT_TRUE(records.status());
  }
  const auto printed = printed_lines(segment, "baseOffset:");
  ASSERT_FALSE(printed.empty());
  ASSERT_EQ(lines.size(), printed.size());
  for (size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(printed[i].substr(0, lines[i].size()), lines[i]);
}

INSTANTIATE_TEST_SUITE_P(
    Golden, DumpText,
    ::testing::Values("odd-0/00000000000000000000", "txn-0/00000000000000000000",
                      "compact-0/00000000000000000100", "compact-0/00000000000000000150",
                      "compact-txn-0/00000000000000000000", "compact-txn-0/00000000000000000102",
                      "broker-gzip-0/00000000000000000000", "broker-lz4-0/00000000000000000000",
                      "broker-zstd-0/00000000000000000000", "codec-snappy-0/00000000000000000000",
                      "codec-zstd-0/00000000000000000000", "append-time-0/00000000000000000000",
                      "idem-0/00000000000000000000", "epochs-0/00000000000000000000"));

class LegacyDumpText : public ::testing::TestWithParam<const char*> {};

TEST_P(LegacyDumpText, OfMessagesIsKafkas) {
  const auto segment =
      golden(std::string("kafka-2.6.0/kafka-logs-1/") + GetParam() + "/00000000000000000000.log");
  const auto bytes = read_file(segment);
  std::vector<std::string> wanted;
  BatchIterator batches(bytes);
  int wrappers = 0;
  while (const auto batch = batches.next()) {
    EXPECT_TRUE(batch->crc_is_right());
    wrappers += batch->is_compressed() ? 1 : 0;
    LegacyRecordIterator records(*batch);
    for (RecordView record; records.next(record);) {
      const std::string time = batch->magic() == kMagicV0
                                   ? "NoTimestampType: -1"
                                   : fmt::format("CreateTime: {}", record.timestamp);
      wanted.push_back(fmt::format("| offset: {} {} keysize: {} valuesize: {}", record.offset.value,
                                   time, record.key ? static_cast<int>(record.key->size()) : -1,
                                   record.value ? static_cast<int>(record.value->size()) : -1));
      wanted.push_back(fmt::format("key: {} payload: {}",
                                   record.key ? bytes::as_text(*record.key) : "",
                                   record.value ? bytes::as_text(*record.value) : ""));
    }
    EXPECT_TRUE(records.status()) << records.status().error().context;
  }
  EXPECT_EQ(batches.stop(), BatchStop::kEnd);
  EXPECT_EQ(wrappers, 3) << "gzip, snappy and lz4";
  const auto printed = printed_lines(segment, "nothing");
  ASSERT_EQ(wanted.size(), printed.size() * 2);
  for (size_t i = 0; i < printed.size(); ++i) {
    EXPECT_TRUE(printed[i].starts_with(wanted[2 * i])) << printed[i] << "\n" << wanted[2 * i];
    EXPECT_TRUE(printed[i].ends_with(wanted[2 * i + 1])) << printed[i] << "\n" << wanted[2 * i + 1];
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, LegacyDumpText,
                         ::testing::Values("format-0.9.0-0", "format-0.10.2-0"));

TEST(Legacy, ReadsThePublishedMessages) {
  const auto v0 = from_hex("0000000000000000000000101fecd70a0000000000016b0000000176");
  const auto v1 =
      from_hex("00000000000000000000001839268c3301000000018bcfe56800000000016b0000000176");
  const auto wrapper = from_hex(
      "000000000000000b0000005113e9e91101010000018bcfe56801ffffffff0000003b1f8b08000000000002036360"
      "80"
      "038902d6ea34462083b1fbfcd30c90086322883084ca83a424d689b56f82ab01339240841100203e5bf54800000"
      "0");
  for (const auto& bytes : {v0, v1}) {
    const BatchView message(bytes);
    EXPECT_TRUE(message.crc_is_right());
    LegacyRecordIterator records(message);
    RecordView record;
    ASSERT_TRUE(records.next(record));
    EXPECT_EQ(bytes::as_text(*record.key), "k");
    EXPECT_EQ(bytes::as_text(*record.value), "v");
    EXPECT_FALSE(records.next(record));
    EXPECT_TRUE(records.status());
  }
  const BatchView entry(wrapper);
  EXPECT_TRUE(entry.crc_is_right());
  LegacyRecordIterator records(entry);
  RecordView record;
  std::vector<int64_t> offsets;
  while (records.next(record)) offsets.push_back(record.offset.value);
  EXPECT_TRUE(records.status()) << records.status().error().context;
  EXPECT_EQ(offsets, (std::vector<int64_t>{10, 11}));
}

TEST(Legacy, HostileMessagesAreErrors) {
  const auto reject = [](std::vector<std::byte> bytes) {
    const BatchView entry(bytes);
    LegacyRecordIterator records(entry);
    for (RecordView record; records.next(record);) {
    }
    return !records.status().has_value();
  };
  auto key_too_long = from_hex("0000000000000000000000101fecd70a0000000000026b0000000176");
  EXPECT_TRUE(reject(key_too_long));
  auto zstd = key_too_long;
  zstd[17] = std::byte{4};
  EXPECT_TRUE(reject(zstd));
  auto gzip_of_nothing = key_too_long;
  gzip_of_nothing[17] = std::byte{1};
  EXPECT_TRUE(reject(gzip_of_nothing));
}

}  // namespace
}  // namespace semel::record
