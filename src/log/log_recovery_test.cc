// Opening logs that were not closed in order: torn, blank and damaged ends, lost indexes,
// interrupted file replacements, full disks, failing disks, power cuts.
#include <random>

#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/test_support.h"
#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

using testing::batches_of;
using testing::BatchMaker;
using testing::lead;
using testing::LogBench;
using testing::TempFolder;
using testing::text_of;
using testing::write_text;
namespace fs = std::filesystem;

constexpr int64_t kNow = 1'700'000'000'000;

class RecoveryTest : public ::testing::Test {
 protected:
  static constexpr LogConfig kConfig{.segment_bytes = 3000, .index_interval_bytes = 400};

  /// Ten segments or so; batches of two records.
  void write(int batches = 30) {
    auto log = bench_.open(temp_.at("t-0"), kConfig);
    ASSERT_TRUE(log);
    for (int i = 0; i < batches; ++i)
      ASSERT_TRUE(lead(**log, maker_.make(2, 200 + static_cast<size_t>(i) * 7, kNow + i), i / 10));
    ASSERT_TRUE((*log)->flush());
    batches_ = batches_of(**log);
    bases_.clear();
    for (const auto& entry : fs::directory_iterator(folder())) {
      if (entry.path().extension() == ".log") bases_.insert(std::stoll(entry.path().stem()));
    }
  }
  Result<std::unique_ptr<Log>> open(const LoadHints& hints) {
    return bench_.open(temp_.at("t-0"), kConfig, hints);
  }
  fs::path folder() const { return temp_.path() / "t-0"; }
  fs::path segment(int64_t base, std::string_view suffix = kLogSuffix) const {
    return folder() / file_name(Offset{base}, suffix);
  }
  fs::path last_segment() const { return segment(*bases_.rbegin()); }
  std::map<std::string, std::string> contents(std::string_view suffix) const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(folder())) {
      const std::string name = entry.path().filename();
      if (name.ends_with(suffix)) all[name] = text_of(entry.path());
    }
    return all;
  }

  rt::StartedRuntime runtime_;
  TempFolder temp_;
  LogBench bench_{*runtime_->disk, *runtime_->random};
  BatchMaker maker_;
  std::vector<std::pair<int64_t, int64_t>> batches_;
  std::set<int64_t> bases_;
};

TEST_F(RecoveryTest, RebuildsEveryIndexAsItWas) {
  write();
  ASSERT_TRUE((*open({}))->close_clean());
  const auto indexes = contents(".index");
  const auto times = contents(".timeindex");
  const auto epochs = contents("leader-epoch-checkpoint");
  for (const auto& [name, content] : indexes) fs::remove(folder() / name);
  for (const auto& [name, content] : times) write_text(folder() / name, "short");
  fs::remove(folder() / "leader-epoch-checkpoint");
  auto log = open({});
  ASSERT_TRUE(log) << log.error().context;
  EXPECT_EQ(batches_of(**log), batches_);
  ASSERT_TRUE((*log)->close_clean());
  EXPECT_EQ(contents(".index"), indexes);
  EXPECT_EQ(contents(".timeindex"), times);
  EXPECT_EQ(contents("leader-epoch-checkpoint"), epochs);
}

TEST_F(RecoveryTest, LostIndexOfACleanLogIsRebuilt) {
  write();
  ASSERT_TRUE((*open({}))->close_clean());
  const std::string index = text_of(segment(0, ".index"));
  fs::remove(segment(0, ".index"));
  auto log = open({.was_clean = true});
  ASSERT_TRUE(log) << log.error().context;
  EXPECT_EQ(text_of(segment(0, ".index")), index);
  EXPECT_EQ(batches_of(**log), batches_);
}

TEST_F(RecoveryTest, TornTailsAreCutAndKept) {
  write();
  const std::string whole = text_of(last_segment());
  const uint64_t last_batch = [&] {
    record::BatchIterator iterator(bytes::as_bytes(whole));
    size_t start = 0;
    size_t at = 0;
    while (iterator.next()) std::swap(start, at), at = iterator.position();
    return start;
  }();
  for (size_t size = last_batch + 9; size < whole.size(); size += 37) {
    fs::remove(last_segment().string() + ".cut");
    write_text(last_segment(), std::string_view(whole).substr(0, size));
    auto log = open({});
    ASSERT_TRUE(log) << log.error().context;
    EXPECT_EQ((*log)->log_end().value, batches_.back().first);
    ASSERT_EQ((*log)->cuts().size(), 1u);
    const CutReport& cut = (*log)->cuts().front();
    EXPECT_EQ(cut.bytes, size - last_batch);
    EXPECT_EQ(cut.first_offset.value, batches_.back().first);
    EXPECT_EQ(text_of(cut.file), whole.substr(last_batch, size - last_batch));
    EXPECT_EQ(text_of(last_segment()), whole.substr(0, last_batch));
    ASSERT_TRUE(lead(**log, maker_.make(1, 10, kNow)));
    EXPECT_EQ((*log)->log_end().value, batches_.back().first + 1);
  }
  auto log = open({});
  EXPECT_TRUE((*log)->cuts().empty());
}

TEST_F(RecoveryTest, BlankTailsAreCutSilently) {
  write();
  const std::string whole = text_of(last_segment());
  for (const size_t zeros : {1, 16, 17, 61, 100'000}) {
    write_text(last_segment(), whole + std::string(zeros, '\0'));
    auto log = open({});
    ASSERT_TRUE(log) << log.error().context;
    EXPECT_EQ(batches_of(**log), batches_);
    EXPECT_TRUE((*log)->cuts().empty());
    EXPECT_EQ(text_of(last_segment()), whole);
    EXPECT_FALSE(fs::exists(last_segment().string() + ".cut"));
  }
}

TEST_F(RecoveryTest, DamageAboveTheRecoveryPointEndsTheLog) {
  write();
  const int64_t middle = *std::next(bases_.begin(), static_cast<long>(bases_.size() / 2));
  const int64_t after = *bases_.upper_bound(middle);
  const std::string later = text_of(segment(after));
  std::string content = text_of(segment(middle));
  content[content.size() - 30] = static_cast<char>(content[content.size() - 30] ^ 4);
  write_text(segment(middle), content);
  auto log = open({.recovery_point = Offset{middle}});
  ASSERT_TRUE(log) << log.error().context;
  const Offset end = (*log)->log_end();
  EXPECT_LT(end.value, after);
  EXPECT_GE(end.value, middle);
  EXPECT_EQ((*log)->cuts().size(),
            1 + static_cast<size_t>(std::distance(bases_.upper_bound(middle), bases_.end())));
  EXPECT_EQ(text_of(segment(after).string() + ".cut"), later);
  EXPECT_FALSE(fs::exists(segment(after)));
  EXPECT_FALSE(fs::exists(segment(after, ".index")));
  for (const auto& [name, ignored] : contents(".snapshot")) EXPECT_LE(std::stoll(name), end.value);
  ASSERT_TRUE(lead(**log, maker_.make(1, 10, kNow), 5));
  EXPECT_EQ(batches_of(**log).back().first, end.value);
}

TEST_F(RecoveryTest, DamageBelowTheRecoveryPointIsRefusedAndNothingIsCut) {
  write();
  std::string content = text_of(last_segment());
  const Offset recovery_point{batches_.back().second};
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  write_text(last_segment(), content);
  const auto before = contents(".log");
  const auto log = open({.recovery_point = recovery_point});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kCorruptMessage);
  EXPECT_NE(log.error().context.find(last_segment().string()), std::string::npos)
      << log.error().context;
  EXPECT_NE(log.error().context.find("recovery-point-offset-checkpoint"), std::string::npos);
  EXPECT_EQ(contents(".log"), before);
  EXPECT_TRUE(contents(".cut").empty());
}

TEST_F(RecoveryTest, HostileHeadersEndTheLog) {
  write(3);
  const std::string whole = text_of(last_segment());
  const auto with = [&](auto change) {
    auto batch = maker_.make(1, 50, kNow, {.base_offset = Offset{6}});
    change(batch);
    record::stamp_crc(batch);
    write_text(last_segment(), whole + std::string(bytes::as_text(batch)));
    auto log = open({});
    EXPECT_TRUE(log) << log.error().context;
    return log ? (*log)->log_end().value : -1;
  };
  EXPECT_EQ(with([](auto&) {}), 7);
  EXPECT_EQ(with([](auto& b) { record::stamp_base_offset(b, Offset{5}); }), 6) << "does not ascend";
  EXPECT_EQ(with([](auto& b) { record::stamp_base_offset(b, Offset{-3}); }), 6);
  EXPECT_EQ(with([](auto& b) { record::stamp_base_offset(b, Offset{INT64_MAX}); }), 6);
  EXPECT_EQ(with([](auto& b) { record::stamp_base_offset(b, Offset{int64_t{INT32_MAX} + 1}); }), 6)
      << "out of range";
  EXPECT_EQ(with([](auto& b) { b[23] = std::byte{0xff}; }), 6) << "negative last offset delta";
  EXPECT_EQ(with([](auto& b) { b[16] = std::byte{9}; }), 6) << "unknown magic";
  EXPECT_EQ(with([](auto& b) { b[8] = std::byte{0x7f}; }), 6) << "runs past the end";
}

TEST_F(RecoveryTest, FinishesOrDropsInterruptedReplacements) {
  write();
  const int64_t second = *std::next(bases_.begin());
  const std::string merged = text_of(segment(0)) + text_of(segment(second));
  write_text(segment(0, ".log.swap"), merged);
  write_text(segment(second, ".log.deleted"), "gone");
  write_text(segment(*bases_.rbegin(), ".log.cleaned"), "unfinished");
  write_text(segment(*bases_.rbegin(), ".log.swap"), "of the unfinished one");
  auto log = open({});
  ASSERT_TRUE(log) << log.error().context;
  EXPECT_EQ(batches_of(**log), batches_);
  EXPECT_EQ(text_of(segment(0)), merged);
  EXPECT_FALSE(fs::exists(segment(second)));
  for (const char* suffix : {".swap", ".cleaned", ".deleted"})
    EXPECT_TRUE(contents(suffix).empty()) << suffix;
}

TEST_F(RecoveryTest, AFullDiskRefusesAndIsUsableAgain) {
  rt::sim::World world(3);
  rt::sim::Node& node = world.add_node("n");
  LogBench bench(*node.boot().runtime().disk, *runtime_->random);
  auto log = bench.open("/d/t-0", kConfig);
  ASSERT_TRUE(log) << log.error().context;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(lead(**log, maker_.make(2, 300, kNow)));
  const auto before = batches_of(**log);
  for (const rt::sim::DiskOp op : {rt::sim::DiskOp::kWrite}) {
    for (uint32_t skip = 0; skip < 4; ++skip) {
      node.file_system().fail_next(op, "t-0", Cause::kNoSpace, skip);
      for (int i = 0; i < 8; ++i) {
        const Offset end = (*log)->log_end();
        const auto appended = lead(**log, maker_.make(2, 300, kNow));
        if (!appended) {
          EXPECT_EQ(appended.error().code, ErrorCode::kKafkaStorageError);
          EXPECT_EQ(appended.error().cause, Cause::kNoSpace);
          EXPECT_EQ((*log)->log_end(), end);
        }
      }
      node.file_system().clear_faults();
      ASSERT_TRUE(lead(**log, maker_.make(2, 300, kNow)));
    }
  }
  EXPECT_FALSE(bench.health.is_offline());
  const auto after = batches_of(**log);
  EXPECT_GT(after.size(), before.size());
  for (size_t i = 1; i < after.size(); ++i) EXPECT_EQ(after[i].first, after[i - 1].second + 1);
  log->reset();
  auto again = bench.open("/d/t-0", kConfig, {});
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(batches_of(**again), after);
  EXPECT_TRUE((*again)->cuts().empty());
}

TEST_F(RecoveryTest, AFailingDiskTakesTheDirectoryOffline) {
  rt::sim::World world(4);
  rt::sim::Node& node = world.add_node("n");
  LogBench bench(*node.boot().runtime().disk, *runtime_->random);
  auto log = bench.open("/d/t-0", kConfig);
  ASSERT_TRUE(lead(**log, maker_.make(2, 300, kNow)));
  node.file_system().fail_next(rt::sim::DiskOp::kWrite, ".log", Cause::kIo);
  const auto failed = lead(**log, maker_.make(2, 300, kNow));
  EXPECT_EQ(failed.error().code, ErrorCode::kKafkaStorageError);
  EXPECT_TRUE(bench.health.is_offline());
  ASSERT_TRUE(bench.failure.has_value());
  EXPECT_EQ(lead(**log, maker_.make(2, 300, kNow)).error().cause, Cause::kIo)
      << "no further append";

  LogBench second(*node.process()->runtime().disk, *runtime_->random);
  auto other = second.open("/d/u-0", kConfig);
  ASSERT_TRUE(lead(**other, maker_.make(2, 300, kNow)));
  node.file_system().fail_next(rt::sim::DiskOp::kSync, "u-0", Cause::kIo);
  EXPECT_FALSE((*other)->flush());
  EXPECT_TRUE(second.health.is_offline()) << "a failed sync is never tried again";
  EXPECT_EQ((*other)->flushed_end(), Offset{0});
}

/// What was written by one life of a simulated broker before the power failed.
struct Life {
  std::vector<std::vector<std::byte>> batches;  // as stored, in order
  Offset flushed;
  Offset recovery_point;
};

void write_until_power_fails(Log& log, std::mt19937_64& random, BatchMaker& maker, Life& life) {
  const bool truncates = random() % 3 == 0;
  for (int i = 0; i < 400; ++i) {
    auto batch = maker.make(1 + static_cast<int>(random() % 4), random() % 700, kNow + i,
                            {.producer_id = ProducerId{static_cast<int64_t>(random() % 3)},
                             .producer_epoch = ProducerEpoch{0},
                             .base_sequence = Sequence{i}});
    if (!log.append_as_leader(batch, {.leader_epoch = LeaderEpoch{0}})) return;
    life.batches.push_back(batch);
    if (random() % 8 == 0 && !log.flush()) return;
    if (truncates && random() % 40 == 0) {
      const size_t kept =
          life.batches.size() - std::min<size_t>(life.batches.size(), random() % 12);
      const Offset end =
          kept == 0 ? Offset{0} : record::BatchView(life.batches[kept - 1]).next_offset();
      life.flushed = std::min(life.flushed, end);
      life.recovery_point = std::min(life.recovery_point, end);
      if (!log.truncate_to(end)) return;
      life.batches.resize(kept);
    }
    life.flushed = log.flushed_end();
    life.recovery_point = log.recovery_point();
  }
}

TEST(LogPowerCut, NothingFlushedIsLostAndTheRestIsAPrefix) {
  rt::StartedRuntime runtime;
  BatchMaker maker;
  const LogConfig config{
      .segment_bytes = 6000, .segment_index_bytes = 1200, .index_interval_bytes = 300};
  size_t cut_short = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    rt::sim::World world(seed);
    rt::sim::Node& node = world.add_node("n", {.write_back_ppm = 200'000});
    Life life;
    for (int crash = 0; crash < 3; ++crash) {
      rt::sim::Process& process = node.boot();
      ASSERT_TRUE(process.runtime().disk->make_directories("/d"));
      ASSERT_TRUE(process.runtime().disk->sync_directory("/"));
      LogBench bench(*process.runtime().disk, *runtime->random);
      auto log = bench.open("/d/t-0", config, {.recovery_point = life.recovery_point});
      ASSERT_TRUE(log) << log.error().context;
      ASSERT_GE((*log)->log_end(), life.flushed);
      std::vector<std::vector<std::byte>> kept;
      if ((*log)->log_start() > Offset{0}) {
        ASSERT_EQ(life.flushed, Offset{0}) << "a file's name may vanish before the first sync only";
        ASSERT_TRUE((*log)->reset_to(Offset{0}));
      }
      Offset at{0};
      while (at < (*log)->log_end()) {
        const auto bytes = (*log)->read_bytes(at, 1, (*log)->log_end(), true);
        ASSERT_TRUE(bytes) << bytes.error().context;
        ASSERT_LT(kept.size(), life.batches.size());
        kept.emplace_back(bytes->span().begin(), bytes->span().end());
        ASSERT_EQ(kept.back(), life.batches[kept.size() - 1]);
        at = record::BatchView(kept.back()).next_offset();
      }
      cut_short += kept.size() < life.batches.size() ? 1 : 0;
      life.batches = std::move(kept);
      process.disk().die_after_changes(20 + random() % 600, random() % 4 != 0);
      write_until_power_fails(**log, random, maker, life);
      log->reset();
      node.kill(random() % 4 == 0 ? rt::sim::Death::kProcess : rt::sim::Death::kPower);
    }
  }
  EXPECT_GT(cut_short, 20u) << "the cuts did not hurt: the test proves nothing";
}

// A roll that finds no space leaves nothing behind; what an earlier version or a power cut left is
// removed.
TEST(LogWithoutSpace, AnEmptySegmentInsideAnotherHidesNothing) {
  for (const bool was_clean : {true, false}) {
    rt::sim::World world(4);
    rt::sim::Node& node = world.add_node("n");
    rt::sim::Process& process = node.boot(1);
    ASSERT_TRUE(process.disk().make_directories("/d/t-0"));
    LogBench bench(process.disk(), *process.runtime().random);
    BatchMaker maker;
    const LogConfig config{.segment_bytes = 2000};
    auto log = *bench.open("/d/t-0", config);
    ASSERT_TRUE(lead(*log, maker.make(1, 1500, kNow)));
    node.file_system().fail_next(rt::sim::DiskOp::kChange, "1.index", Cause::kNoSpace);
    EXPECT_FALSE(lead(*log, maker.make(1, 1500, kNow))) << "no place for a new segment";
    EXPECT_FALSE(bench.failure);
    EXPECT_FALSE(process.disk().exists("/d/t-0/00000000000000000001.log"));
    ASSERT_TRUE(lead(*log, maker.make(3, 20, kNow))) << "but in the old one";
    const auto before = testing::batches_of(*log);
    EXPECT_EQ(before.size(), 2u);
    for (const char* left_over :
         {"/d/t-0/00000000000000000001.log", "/d/t-0/00000000000000000002.log"}) {
      ASSERT_TRUE(log->close_clean());
      log.reset();
      ASSERT_TRUE(process.disk().open(left_over, rt::OpenMode::kCreate));
      log = *bench.open("/d/t-0", config, {.was_clean = was_clean});
      EXPECT_EQ(log->log_end(), Offset{4});
      EXPECT_EQ(testing::batches_of(*log), before);
      EXPECT_FALSE(process.disk().exists(left_over));
    }
    ASSERT_TRUE(lead(*log, maker.make(1, 1500, kNow)));
    EXPECT_EQ(log->segment_count(), 2u);
    ASSERT_TRUE(log->close_clean());
    log.reset();
    ASSERT_TRUE(process.disk().open("/d/t-0/00000000000000000003.log", rt::OpenMode::kCreate));
    log = *bench.open("/d/t-0", config, {.was_clean = was_clean});
    EXPECT_EQ(testing::batches_of(*log).size(), 3u) << "also where another segment follows";
  }
}

}  // namespace
}  // namespace semel::log
