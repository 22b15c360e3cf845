// Partitions written by real Kafka brokers: opened, compared with what kafka-dump-log said of them,
// and written again byte for byte.
#include <algorithm>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/test_support.h"

namespace semel::log {
namespace {

using testing::LogBench;
using testing::TempFolder;
using testing::text_of;
namespace fs = std::filesystem;

struct DumpedBatch {
  int64_t base = 0;
  int64_t last = 0;
  int64_t position = 0;
  int64_t size = 0;
};

int64_t number_behind(const std::string& line, std::string_view key) {
  const size_t at = line.find(key);
  return at == std::string::npos ? -1 : std::stoll(line.substr(at + key.size()));
}

/// The batch lines of a .log.dump.txt.
std::vector<DumpedBatch> read_dump(const fs::path& path) {
  std::vector<DumpedBatch> batches;
  std::istringstream lines(text_of(path));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("$ ") && !batches.empty()) break;
    const bool is_legacy = line.starts_with("offset: ");
    if (!line.starts_with("baseOffset: ") && !is_legacy) continue;
    batches.push_back({number_behind(line, is_legacy ? "offset: " : "baseOffset: "),
                       number_behind(line, is_legacy ? "offset: " : "lastOffset: "),
                       number_behind(line, " position: "), number_behind(line, " size: ")});
  }
  return batches;
}

std::vector<std::pair<int64_t, DumpedBatch>> read_dumps(const fs::path& folder) {
  std::vector<std::pair<int64_t, DumpedBatch>> all;
  std::set<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().string().ends_with(".log.dump.txt")) paths.insert(entry.path());
  }
  for (const fs::path& path : paths) {
    for (const DumpedBatch& batch : read_dump(path))
      all.emplace_back(std::stoll(path.filename().string()), batch);
  }
  return all;
}

void copy_folder(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    if (!entry.path().string().ends_with(".dump.txt"))
      fs::copy_file(entry.path(), to / entry.path().filename());
  }
}

class GoldenLog : public ::testing::TestWithParam<std::string> {
 protected:
  static fs::path source() { return fs::path(SEMEL_GOLDEN_DIR) / GetParam(); }
  LoadHints hints_of(const std::string& partition) {
    const TopicPartition name = name_of(partition);
    const auto offset = [&](std::string_view file) {
      const auto all = *read_offset_checkpoint(*runtime_->disk, (source() / file).string());
      return all.contains(name) ? all.at(name) : Offset{0};
    };
    return {.was_clean = fs::exists(source() / kCleanShutdownName),
            .recovery_point = offset(kRecoveryPointName),
            .log_start = offset(kLogStartName),
            .high_watermark = offset(kHighWatermarkName)};
  }
  static TopicPartition name_of(const std::string& partition) {
    const size_t dash = partition.rfind('-');
    return {partition.substr(0, dash), PartitionIndex{std::stoi(partition.substr(dash + 1))}};
  }
  std::vector<std::string> partitions() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(source())) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && !name.starts_with("__cluster_metadata")) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

  rt::StartedRuntime runtime_;
  TempFolder temp_;
  LogBench bench_{*runtime_->disk, *runtime_->random};
};

TEST_P(GoldenLog, EveryBatchIsFoundWhereKafkaPutIt) {
  size_t batches = 0;
  for (const std::string& partition : partitions()) {
    SCOPED_TRACE(partition);
    copy_folder(source() / partition, temp_.path() / partition);
    const LoadHints hints = hints_of(partition);
    auto log = bench_.open(temp_.at(partition), {}, hints);
    ASSERT_TRUE(log) << log.error().context;
    const auto dumped = read_dumps(source() / partition);
    const int64_t end = dumped.empty() ? (*log)->log_start().value : dumped.back().second.last + 1;
    EXPECT_EQ((*log)->log_end().value, end);
    EXPECT_TRUE((*log)->cuts().empty());
    for (const auto& [segment, batch] : dumped) {
      const Offset base{batch.base};
      if (base < (*log)->log_start()) continue;
      auto slice = (*log)->read(base, static_cast<size_t>(batch.size), (*log)->log_end(), true);
      ASSERT_TRUE(slice) << slice.error().context;
      EXPECT_EQ(slice->range.at, static_cast<uint64_t>(batch.position)) << "offset " << batch.base;
      EXPECT_EQ(slice->range.size, static_cast<uint64_t>(batch.size));
      EXPECT_FALSE(slice->first_is_cut);
      ++batches;
    }
  }
  EXPECT_GT(batches, 20u);
}

std::vector<ProducerSnapshotEntry> sorted(std::vector<ProducerSnapshotEntry> entries) {
  std::ranges::sort(entries, {}, &ProducerSnapshotEntry::producer_id);
  return entries;
}

std::vector<ProducerSnapshotEntry> state_of(const Log& log) {
  return sorted(log.inspect_producers([](const ProducerState& state) { return state.snapshot(); }));
}

TEST_P(GoldenLog, ProducerStateIsThatOfTheSnapshotAndOfTheWholeLog) {
  for (const std::string& partition : partitions()) {
    SCOPED_TRACE(partition);
    copy_folder(source() / partition, temp_.path() / partition);
    const LoadHints hints = hints_of(partition);
    auto log = bench_.open(temp_.at(partition), {}, hints);
    ASSERT_TRUE(log) << log.error().context;
    const auto own = state_of(**log);
    const fs::path at_end = source() / partition / file_name((*log)->log_end(), kSnapshotSuffix);
    if (fs::exists(at_end)) {
      const std::string text = text_of(at_end);
      EXPECT_EQ(own, sorted(*decode_producer_snapshot(bytes::as_bytes(text))));
    }
    if (partition.starts_with("compact") || partition.starts_with("trimmed")) continue;
    fs::create_directories(temp_.path() / "replayed");
    const fs::path again = temp_.path() / "replayed" / partition;
    copy_folder(source() / partition, again);
    for (const auto& entry : fs::directory_iterator(again)) {
      if (entry.path().extension() == ".snapshot") fs::remove(entry.path());
    }
    auto replayed = bench_.open(again.string(), {}, {.high_watermark = hints.high_watermark});
    ASSERT_TRUE(replayed) << replayed.error().context;
    EXPECT_EQ(state_of(**replayed), own);
    EXPECT_EQ((*replayed)->first_unstable(), (*log)->first_unstable());
  }
}

INSTANTIATE_TEST_SUITE_P(Kafka, GoldenLog,
                         ::testing::Values("kafka-4.3.1/clean", "kafka-4.3.1/killed",
                                           "kafka-4.3.1/clean-again", "kafka-2.6.0/kafka-logs-1",
                                           "kafka-2.6.0/kafka-logs-2", "kafka-2.6.0/kafka-logs-3"));

struct Written {
  std::string partition;
  LogConfig config;
};

/// Segments that Kafka's leader rolled while it ran, made again from their batches.
class RewrittenLog : public ::testing::TestWithParam<Written> {
 protected:
  rt::StartedRuntime runtime_;
  TempFolder temp_;
  LogBench bench_{*runtime_->disk, *runtime_->random};
};

TEST_P(RewrittenLog, HasTheSameFilesByteForByte) {
  const fs::path source = fs::path(SEMEL_GOLDEN_DIR) / "kafka-4.3.1/killed" / GetParam().partition;
  auto log = bench_.open(temp_.at(GetParam().partition), GetParam().config);
  ASSERT_TRUE(log) << log.error().context;
  std::set<fs::path> segments;
  for (const auto& entry : fs::directory_iterator(source)) {
    if (entry.path().extension() == ".log") segments.insert(entry.path());
  }
  for (const fs::path& segment : segments) {
    const std::string content = text_of(segment);
    record::BatchIterator batches(bytes::as_bytes(content));
    while (const auto batch = batches.next()) {
      std::vector<std::byte> bytes(batch->span().begin(), batch->span().end());
      ASSERT_TRUE((*log)->append_as_follower(bytes));
    }
  }
  ASSERT_TRUE((*log)->flush());
  const fs::path written = temp_.path() / GetParam().partition;
  size_t compared = 0;
  for (const fs::path& segment : segments) {
    const bool is_last = segment == *segments.rbegin();
    for (const char* suffix : {".log", ".index", ".timeindex", ".txnindex"}) {
      const fs::path name = segment.stem().string() + suffix;
      if (!fs::exists(source / name) || (is_last && std::string(suffix) != ".txnindex")) continue;
      EXPECT_EQ(text_of(written / name), text_of(source / name)) << name;
      ++compared;
    }
    const fs::path snapshot = segment.stem().string() + ".snapshot";
    if (!fs::exists(source / snapshot)) continue;
    const std::string expected = text_of(source / snapshot);
    const std::string own = text_of(written / snapshot);
    EXPECT_EQ(sorted(*decode_producer_snapshot(bytes::as_bytes(own))),
              sorted(*decode_producer_snapshot(bytes::as_bytes(expected))))
        << snapshot;
  }
  EXPECT_GE(compared, 3u);
}

INSTANTIATE_TEST_SUITE_P(
    Kafka, RewrittenLog,
    ::testing::Values(Written{"idem-0", {.segment_bytes = 4096, .index_interval_bytes = 512}},
                      Written{"idem-1", {.segment_bytes = 4096, .index_interval_bytes = 512}},
                      Written{"txn-0", {.segment_bytes = 3000, .index_interval_bytes = 256}},
                      Written{"txn-1", {.segment_bytes = 3000, .index_interval_bytes = 256}},
                      Written{"trimmed-0", {.segment_bytes = 2000}}),
    [](const auto& param_info) {
      std::string name = param_info.param.partition;
      std::ranges::replace(name, '-', '_');
      return name;
    });

}  // namespace
}  // namespace semel::log
