#include "cli/dump_command.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/dump_log_command.h"
#include "log/producer_sidecar.h"
#include "log/producer_snapshot.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"

namespace semel::cli {
namespace {

namespace fs = std::filesystem;

struct Tool {
  explicit Tool(std::string directory = SEMEL_GOLDEN_DIR) : paths{disk, std::move(directory)} {}
  int run(const std::vector<std::string>& arguments) {
    output = CapturedOutput();
    return run_dump_command(arguments, paths, output);
  }
  std::vector<nlohmann::json> rows() const {
    std::vector<nlohmann::json> all;
    std::istringstream lines(output.stdout_text);
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  rt::linux_os::IoPool pool{1};
  rt::linux_os::SystemDisk disk{pool};
  DumpPaths paths;
  CapturedOutput output;
};

/// A folder of its own, removed at the end.
struct Scratch {
  Scratch() : path(fs::temp_directory_path() / ("semel-dump-" + std::to_string(::getpid()))) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Scratch() { fs::remove_all(path); }
  fs::path path;
};

TEST(Dump, HelpAndUsage) {
  Tool tool;
  EXPECT_EQ(tool.run({"--help"}), kOk);
  EXPECT_NE(tool.output.stdout_text.find("Examples:"), std::string::npos);
  EXPECT_EQ(tool.run({}), kUsage);
  EXPECT_EQ(tool.run({"-o", "xml", "x"}), kUsage);
  EXPECT_EQ(tool.run({"no/such/file.log"}), kNotFound);
  EXPECT_EQ(tool.output.stderr_text, "no/such/file.log: no such file\n");
  EXPECT_EQ(tool.run({"dump-extra/several"}), kFailed);
}

TEST(Dump, EveryFileOfKafkasDirectories) {
  Tool tool;
  std::set<std::string> kinds;
  int files = 0;
  for (const char* folder : {"kafka-4.3.1/clean", "kafka-4.3.1/clean-again",
                             "kafka-4.3.1/formatted", "kafka-4.3.1/cluster", "kafka-2.6.0"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(std::string(SEMEL_GOLDEN_DIR) + "/" + folder)) {
      if (!entry.is_directory()) continue;
      ASSERT_EQ(tool.run({"-o", "json", "--records", entry.path()}), kOk)
          << entry.path() << "\n"
          << tool.output.stderr_text;
      for (const auto& row : tool.rows()) {
        if (row["kind"] != "file") continue;
        kinds.insert(row["type"]);
        ++files;
      }
      ASSERT_EQ(tool.run({"--records", entry.path()}), kOk) << entry.path();
      EXPECT_TRUE(tool.output.stderr_text.empty());
    }
  }
  EXPECT_GT(files, 800);
  EXPECT_EQ(kinds.size(), 15u) << ::testing::PrintToString(kinds);
}

TEST(Dump, TextIsForPeople) {
  Tool tool;
  ASSERT_EQ(tool.run({"--records", "kafka-4.3.1/clean/txn-0/00000000000000000000.log"}), kOk);
  EXPECT_TRUE(tool.output.stdout_text.starts_with(
      "kafka-4.3.1/clean/txn-0/00000000000000000000.log: segment from offset 0, 2888 bytes\n"
      "  0 to 0  1 record  producer 5 epoch 0 sequences 0 to 0  transactional  "))
      << tool.output.stdout_text.substr(0, 400);
  EXPECT_NE(tool.output.stdout_text.find("  endTxnMarker: ABORT coordinatorEpoch: 0\n"),
            std::string::npos);
}

TEST(Dump, DamageIsToldAndFails) {
  Tool tool;
  EXPECT_EQ(tool.run({"dump-extra/damaged-0/00000000000000000000.log"}), kFailed);
  EXPECT_NE(tool.output.stdout_text.find("CHECKSUM IS WRONG"), std::string::npos);
  EXPECT_NE(tool.output.stderr_text.find("the checksum of 1 batch is wrong"), std::string::npos);
  EXPECT_EQ(tool.run({"dump-extra/torn-0/00000000000000000000.log"}), kFailed);
  EXPECT_NE(tool.output.stderr_text.find("22 bytes from byte 978 on are no whole batch"),
            std::string::npos)
      << tool.output.stderr_text;
  EXPECT_EQ(tool.run({"dump-extra/torn-0/00000000000000000100.log"}), kFailed);
  for (const char* name : {"11", "12", "13", "14"})
    EXPECT_EQ(tool.run({std::string("dump-extra/snap-0/000000000000000000") + name + ".snapshot"}),
              kFailed);
}

std::map<int64_t, std::string> producers_in(const std::vector<nlohmann::json>& rows) {
  std::map<int64_t, std::string> producers;
  for (const auto& row : rows) {
    if (row["kind"] != "producer") continue;
    nlohmann::json newest =
        row["batches"].empty() ? nlohmann::json(nullptr) : row["batches"].back();
    if (!newest.is_null()) {
      newest.erase("crc");
      newest.erase(
          "timestamp");  // Kafka's file has one timestamp, of the batch or of a later marker
    }
    producers[row["producerId"]] = newest.dump() + row["epoch"].dump() +
                                   row["coordinatorEpoch"].dump() + row["timestamp"].dump() +
                                   row["transactionSince"].dump();
  }
  return producers;
}

/// Genuine snapshots say what the state at their offset must be; it is found without them.
TEST(Dump, StateAtAnOffsetIsWhatKafkaWroteThere) {
  const Scratch scratch;
  Tool tool(scratch.path);
  int compared = 0;
  for (const char* folder :
       {"kafka-4.3.1/clean", "kafka-4.3.1/clean-again", "kafka-2.6.0/kafka-logs-1"}) {
    for (const auto& entry : fs::directory_iterator(std::string(SEMEL_GOLDEN_DIR) + "/" + folder)) {
      if (!entry.is_directory() || !fs::exists(entry.path() / "00000000000000000000.log")) continue;
      if (entry.path().string().contains("/compact"))
        continue;  // the log no longer has what came before
      std::vector<fs::path> snapshots;
      for (const auto& file : fs::directory_iterator(entry.path()))
        if (file.path().extension() == ".snapshot") snapshots.push_back(file.path());
      for (const fs::path& snapshot : snapshots) {
        ASSERT_EQ(tool.run({"-o", "json", snapshot}), kOk);
        const auto expected = producers_in(tool.rows());
        const fs::path copy = scratch.path / "t-0";
        fs::remove_all(copy);
        fs::create_directory(copy);
        for (const auto& file : fs::directory_iterator(entry.path()))
          if (file.path().extension() == ".log")
            fs::copy(file.path(), copy / file.path().filename());
        const std::string offset = std::to_string(std::stoll(snapshot.stem().string()));
        ASSERT_EQ(tool.run({"-o", "json", "--at-offset", offset, "t-0"}), kOk)
            << tool.output.stderr_text;
        EXPECT_EQ(producers_in(tool.rows()), expected) << snapshot;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 40);
}

/// Whatever lies in a directory, both commands end with an exit code and a text.
TEST(Dump, MutatedFilesDoNoHarm) {
  const Scratch scratch;
  Tool tool(scratch.path);
  std::mt19937 random(11);
  const std::string clean = std::string(SEMEL_GOLDEN_DIR) + "/kafka-4.3.1/clean/";
  const std::string old =
      std::string(SEMEL_GOLDEN_DIR) + "/kafka-2.6.0/kafka-logs-1/format-0.10.2-0/";
  const std::string zeros = "00000000000000000000";
  for (const std::string& file :
       {clean + "txn-0/" + zeros + ".log", clean + "odd-0/" + zeros + ".log",
        clean + "codec-gzip-0/" + zeros + ".log", clean + "codec-snappy-0/" + zeros + ".log",
        clean + "codec-lz4-0/" + zeros + ".log", clean + "codec-zstd-0/" + zeros + ".log",
        clean + "__consumer_offsets-0/" + zeros + ".log",
        clean + "__transaction_state-0/" + zeros + ".log",
        clean + "idem-1/00000000000000000022.index",
        clean + "idem-1/00000000000000000022.timeindex", clean + "bootstrap.checkpoint",
        clean + "meta.properties", clean + "recovery-point-offset-checkpoint",
        old + zeros + ".log"}) {
    std::ifstream in(file, std::ios::binary);
    const std::string good{std::istreambuf_iterator<char>(in), {}};
    ASSERT_FALSE(good.empty()) << file;
    const std::string name = fs::path(file).filename();
    const std::string folder = fs::path(file).parent_path().filename();
    fs::create_directories(scratch.path / folder);
    if (const fs::path log = fs::path(file).replace_extension(".log"); fs::exists(log))
      fs::copy(log, scratch.path / folder, fs::copy_options::skip_existing);
    for (int round = 0; round < 40; ++round) {
      std::string bad = good;
      for (int change = 0; change <= round % 5; ++change)
        bad[random() % bad.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
      if (round % 7 == 0) bad.resize(random() % bad.size());
      std::ofstream(scratch.path / folder / name, std::ios::binary) << bad;
      const std::string path = folder + "/" + name;
      tool.run({"--records", path});
      tool.run({"--at-offset", "1000", folder});
      CapturedOutput output;
      for (const char* decoder :
           {"--print-data-log", "--offsets-decoder", "--cluster-metadata-decoder"})
        run_dump_log(std::vector<std::string>{decoder, "--files", path}, tool.paths,
                     DumpStyle::kKafka43, output);
      run_dump_log(std::vector<std::string>{"--offsets-decoder", "--files", path}, tool.paths,
                   DumpStyle::kKafka26, output);
      EXPECT_FALSE(output.stdout_text.empty());
    }
  }
}

TEST(Dump, StateAtAnOffsetUsesTheSidecar) {
  const Scratch scratch;
  const fs::path folder = scratch.path / "t-0";
  fs::create_directory(folder);
  fs::copy(std::string(SEMEL_GOLDEN_DIR) + "/kafka-4.3.1/clean/idem-0/00000000000000000000.log",
           folder / "00000000000000000000.log");
  log::ProducerSnapshotEntry entry{
      ProducerId{77}, ProducerEpoch{0}, Sequence{4}, Offset{4}, 0, 1, -1, kNoOffset};
  const bytes::Buffer snapshot = log::encode_producer_snapshot({{entry}});
  log::Sidecar sidecar;
  sidecar.tie = {*log::producer_snapshot_checksum(snapshot.span()), Offset{5}, LeaderEpoch{0}};
  log::ProducerView& view = sidecar.producers.emplace_back();
  view.producer_id = ProducerId{77};
  view.epoch = ProducerEpoch{0};
  view.last_append_ms = 1000;
  view.first_known = Sequence{0};
  view.batches = {{Sequence{3}, 0, Offset{3}, 1, 9, true}, {Sequence{4}, 0, Offset{4}, 1, 8, true}};
  view.counters.duplicates = 2;
  std::ofstream(folder / "00000000000000000005.snapshot", std::ios::binary) << snapshot.text();
  std::ofstream(folder / log::sidecar_name(Offset{5}), std::ios::binary)
      << log::encode_sidecar(sidecar).text();
  Tool tool(scratch.path);
  ASSERT_EQ(tool.run({"--at-offset", "5", "t-0"}), kOk) << tool.output.stderr_text;
  EXPECT_NE(tool.output.stdout_text.find("sequences 3 to 3  offsets 3 to 3"), std::string::npos);
  EXPECT_NE(tool.output.stdout_text.find("counted: 2 duplicates suppressed"), std::string::npos);
  ASSERT_EQ(tool.run({"t-0/" + log::sidecar_name(Offset{5})}), kOk);
  EXPECT_NE(tool.output.stdout_text.find("producer sidecar before offset 5"), std::string::npos);
}

}  // namespace
}  // namespace semel::cli
