#include "cli/audit_command.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bytes/compressor.h"
#include "record/control_batch.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"

namespace semel::cli {
namespace {

namespace fs = std::filesystem;
using Rows = std::vector<nlohmann::json>;

struct Tool {
  explicit Tool(std::string directory = SEMEL_GOLDEN_DIR) : paths{disk, std::move(directory)} {}
  int run(const std::vector<std::string>& arguments) {
    output = CapturedOutput();
    return run_audit_command(arguments, paths, output);
  }
  /// Type and place of every finding: "repeated 3-3".
  std::vector<std::string> findings(const std::string& folder) {
    run({"-o", "json", folder});
    std::vector<std::string> all;
    for (const auto& row : rows())
      if (row["kind"] == "finding")
        all.push_back(row["type"].get<std::string>() +
                      (row.contains("firstOffset")
                           ? " " + row["firstOffset"].dump() + "-" + row["lastOffset"].dump()
                           : ""));
    return all;
  }
  Rows rows() const {
    Rows all;
    std::istringstream lines(output.stdout_text);
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  rt::linux_os::IoPool pool{1};
  rt::linux_os::SystemDisk disk{pool};
  DumpPaths paths;
  CapturedOutput output;
};

using Findings = std::vector<std::string>;

/// A partition folder that a test fills batch by batch, removed at the end.
class Partition {
 public:
  explicit Partition(const std::string& name = "t-0")
      : root_(fs::temp_directory_path() / ("semel-audit-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / name);
    folder_ = root_ / name;
    roll(0);
  }
  ~Partition() { fs::remove_all(root_); }

  std::string path() const { return folder_; }
  fs::path segment() const { return segment_; }
  void roll(int64_t base) {
    segment_ = folder_ /
               (std::string(20 - std::to_string(base).size(), '0') + std::to_string(base) + ".log");
    std::ofstream(segment_, std::ios::app);
  }
  /// Appends `count` records at the next offset.
  void add(int64_t producer, int16_t epoch, int32_t sequence, int count = 1,
           const char* value = "v") {
    record::BatchOptions options;
    options.producer_id = ProducerId{producer};
    options.producer_epoch = ProducerEpoch{epoch};
    options.base_sequence = Sequence{sequence};
    add(options, count, value);
  }
  void add(record::BatchOptions options, int count, const char* value = "v") {
    options.base_offset = Offset{next};
    builder_.start(options);
    for (int i = 0; i < count; ++i) {
      const std::string text = value + std::to_string(options.base_sequence.value + i);
      builder_.append({.timestamp = 1000 + next, .value = bytes::as_bytes(text)});
    }
    write(builder_.finish(compressor_).value());
    next += count;
  }
  void add_marker(int64_t producer, int16_t epoch, bool is_commit) {
    auto batch =
        record::build_txn_marker(builder_, compressor_,
                                 {ProducerId{producer}, ProducerEpoch{epoch}, is_commit, 0}, 1000)
            .value();
    record::stamp_base_offset(batch, Offset{next});
    write(batch);
    ++next;
  }
  void write(bytes::ByteSpan bytes) {
    std::ofstream(segment_, std::ios::binary | std::ios::app)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  void change_byte(uint64_t at) {
    std::fstream file(segment_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 0x20));
  }

  int64_t next = 0;

 private:
  fs::path root_;
  fs::path folder_;
  fs::path segment_;
  record::BatchBuilder builder_;
  bytes::Compressor compressor_;
};

/// Kafka forgot a producer of old event times at its restart and stored its re-sent batches again.
TEST(Audit, KafkasDuplicatesOfOldEventTimes) {
  Tool tool;
  const Findings thrice = {"repeated 3-3", "repeated 4-4", "repeated 5-5"};
  for (const char* folder : {"kafka-4.3.1/clean-again/dd-a-10", "kafka-4.3.1/clean/du-a-10",
                             "kafka-2.6.0/kafka-logs-1/dd-a-10"}) {
    EXPECT_EQ(tool.findings(folder), thrice) << folder;
    EXPECT_EQ(tool.run({folder}), kFailed);
  }
  ASSERT_EQ(tool.run({"kafka-4.3.1/clean-again/dd-a-10"}), kFailed);
  EXPECT_TRUE(
      tool.output.stdout_text.starts_with("kafka-4.3.1/clean-again/dd-a-10\n"
                                          "  repeated: offset 3: producer 1012 epoch 0 sequence 0: "
                                          "the same records as offset 0, stored "
                                          "again (00000000000000000000.log at byte 231)\n"))
      << tool.output.stdout_text;
  EXPECT_TRUE(tool.output.stdout_text.ends_with(
      "1 partition, 1 segment, 6 batches, 6 records, 1 producer state: 3 findings\n"));
}

TEST(Audit, KafkasWholeDirectory) {
  Tool tool;
  tool.run({"-o", "json", "kafka-4.3.1/clean"});
  std::map<std::string, int> types;
  nlohmann::json total;
  for (const auto& row : tool.rows()) {
    if (row["kind"] == "finding") ++types[row["type"]];
    if (row["kind"] == "total") total = row;
  }
  // dd-a-3, -5, -6 and du-a-3, -5, -6 begin late on purpose; txn-open-0 has an open transaction.
  const std::map<std::string, int> expected = {
      {"missing", 6}, {"repeated", 3}, {"open-transaction", 1}};
  EXPECT_EQ(types, expected);
  EXPECT_EQ(total["partitions"], 55);
  EXPECT_EQ(total["findings"], 10);
  EXPECT_EQ(tool.run({"kafka-4.3.1/clean/compact-0", "kafka-4.3.1/clean/txn-0",
                      "kafka-4.3.1/clean/idem-0", "kafka-4.3.1/clean/prealloc-0",
                      "kafka-4.3.1/clean/trimmed-0", "kafka-4.3.1/clean/compact-txn-0"}),
            kOk)
      << tool.output.stdout_text;
  EXPECT_EQ(tool.run({"kafka-4.3.1/clean/txn-open-0", "--ignore", "open-transaction"}), kOk);
}

TEST(Audit, ACleanPartition) {
  Partition partition;
  partition.add(7, 0, 0, 3);
  partition.add(8, 0, 0);
  partition.add(7, 0, 3, 2);
  partition.roll(partition.next);
  partition.add(7, 1, 0, 2);
  partition.add({}, 5);
  Tool tool;
  EXPECT_EQ(tool.run({partition.path()}), kOk) << tool.output.stdout_text;
  EXPECT_EQ(tool.output.stdout_text,
            "1 partition, 2 segments, 5 batches, 13 records, 2 producer states: nothing found\n");
}

TEST(Audit, RepeatsAcrossSegmentsReusedAndOverlapping) {
  Partition partition;
  partition.add(7, 0, 0, 3);
  partition.add(7, 0, 3, 3);
  partition.roll(partition.next);
  partition.add(7, 0, 0, 3);
  partition.add(7, 0, 3, 3, "other");
  partition.add(7, 0, 4, 3);
  partition.add(7, 0, 7);
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()),
            (Findings{"repeated 6-8", "reused 9-11", "overlap 12-14"}));
  const Rows rows = tool.rows();
  EXPECT_EQ(rows[0]["earlier"]["firstOffset"], 0);
  EXPECT_EQ(rows[0]["earlier"]["file"], "00000000000000000000.log");
  EXPECT_EQ(rows[1]["earlier"]["lastOffset"], 5);
}

/// kafkajs encodes a batch anew for each retry, so other bytes may be the same records.
TEST(Audit, ReencodedIsRepeated) {
  Partition partition;
  record::BatchOptions options;
  options.producer_id = ProducerId{7};
  options.producer_epoch = ProducerEpoch{0};
  options.base_sequence = Sequence{0};
  partition.add(options, 3);
  options.codec = bytes::CodecId::kZstd;
  partition.add(options, 3);
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()), (Findings{"repeated 3-5"}));
}

TEST(Audit, SequencesMissingAndOldEpochs) {
  Partition partition;
  partition.add(7, 0, 0);
  partition.add(7, 0, 5);
  partition.add(7, 0, 3);
  partition.add(7, 2, 4);
  partition.add(7, 1, 0);
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()),
            (Findings{"missing 1-1", "out-of-order 2-2", "missing 3-3", "old-epoch 4-4"}));
  EXPECT_EQ(tool.rows()[0]["firstSequence"], 1);
  EXPECT_EQ(tool.rows()[0]["lastSequence"], 4);
}

TEST(Audit, Transactions) {
  Partition partition;
  record::BatchOptions options;
  options.is_transactional = true;
  options.producer_epoch = ProducerEpoch{0};
  options.base_sequence = Sequence{0};
  for (const int64_t id : {7, 8, 9}) {
    options.producer_id = ProducerId{id};
    partition.add(options, 2);
  }
  partition.add_marker(7, 0, true);
  partition.add_marker(9, 1, false);
  options.base_sequence = Sequence{2};
  options.producer_id = ProducerId{8};
  partition.add(options, 1);
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()), (Findings{"open-transaction 2-3"}));
  EXPECT_NE(tool.rows()[0]["text"].get<std::string>().find("2 batches"), std::string::npos);
}

TEST(Audit, OffsetsThatAreMissingOrGoBack) {
  Partition partition;
  partition.add(7, 0, 0);
  partition.next = 5;
  partition.add(7, 0, 1);
  partition.next = 3;
  partition.add(7, 0, 2);
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()), (Findings{"offsets 3-3", "offsets 5-5"}));
}

/// What the cleaner removed is not lost.
TEST(Audit, HolesOfACompactedPartition) {
  Partition partition;
  partition.add(7, 0, 0);
  partition.next = 5;
  record::BatchOptions options;
  options.producer_id = ProducerId{7};
  options.producer_epoch = ProducerEpoch{0};
  options.base_sequence = Sequence{5};
  options.last_offset_delta = 3;
  partition.add(options, 1);
  partition.next = 9;
  partition.add(7, 0, 9);
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()), Findings{}) << tool.output.stdout_text;
  partition.add(7, 0, 11);
  EXPECT_EQ(tool.findings(partition.path()), Findings{"missing 10-10"});
}

TEST(Audit, Damage) {
  {
    Partition partition;
    partition.add(7, 0, 0);
    const uint64_t second = fs::file_size(partition.segment());
    partition.add(7, 0, 1);
    partition.add(7, 0, 2);
    partition.change_byte(second + 65);
    Tool tool;
    EXPECT_EQ(tool.findings(partition.path()), Findings{"checksum 1-1"});
    partition.change_byte(second + 16);
    EXPECT_EQ(tool.findings(partition.path()), Findings{"damaged"});
    fs::resize_file(partition.segment(), second + 30);
    partition.change_byte(second + 16);
    EXPECT_EQ(tool.findings(partition.path()), Findings{"damaged"});
    EXPECT_EQ(tool.rows()[0]["position"], second);
  }
  Partition blank;
  blank.add(7, 0, 0);
  fs::resize_file(blank.segment(), 3 << 20);
  Tool tool;
  EXPECT_EQ(tool.findings(blank.path()), Findings{}) << "a preallocated tail";
  blank.roll(1);
  blank.next = 1;
  blank.add(7, 0, 1);
  EXPECT_EQ(tool.findings(blank.path()), Findings{"damaged"});
}

TEST(Audit, ABatchGreaterThanTheWindow) {
  Partition partition;
  const std::string large(3 << 20, 'x');
  for (int i = 0; i < 3; ++i) partition.add(7, 0, i % 2, 1, large.c_str());
  Tool tool;
  EXPECT_EQ(tool.findings(partition.path()), Findings{"repeated 2-2"});
}

TEST(Audit, EveryFlippedByteEndsInAnAnswer) {
  Partition partition;
  partition.add(7, 0, 0, 2);
  partition.add(7, 0, 2, 2);
  partition.add(7, 0, 2, 2);
  const uint64_t size = fs::file_size(partition.segment());
  Tool tool;
  for (uint64_t at = 0; at < size; ++at) {
    partition.change_byte(at);
    EXPECT_EQ(tool.run({partition.path()}), kFailed) << at;
    partition.change_byte(at);
  }
  EXPECT_EQ(tool.findings(partition.path()), Findings{"repeated 4-5"});
}

TEST(Audit, UsageAndBounds) {
  Tool tool;
  EXPECT_EQ(tool.run({"--help"}), kOk);
  EXPECT_TRUE(tool.output.stdout_text.contains("Examples:"));
  EXPECT_EQ(tool.run({}), kUsage);
  EXPECT_EQ(tool.run({"kafka-4.3.1/clean", "--ignore", "nonsense"}), kUsage);
  EXPECT_EQ(tool.run({"no/such/folder"}), kNotFound);
  EXPECT_EQ(tool.run({"kafka-4.3.1/formatted"}), kNotFound);
  EXPECT_TRUE(tool.output.stderr_text.contains("no partition folder")) << tool.output.stderr_text;
  EXPECT_EQ(tool.run({"kafka-4.3.1/clean-again/dd-a-10", "--findings", "1"}), kFailed);
  EXPECT_TRUE(tool.output.stdout_text.ends_with("3 findings, 2 of them not shown\n"))
      << tool.output.stdout_text;
}

}  // namespace
}  // namespace semel::cli
