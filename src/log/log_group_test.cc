#include <map>
#include <random>

#include "log/test_support.h"
#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

namespace fs = std::filesystem;
using testing::BatchMaker;
using testing::LogBench;
using testing::TempFolder;

constexpr int64_t kNow = 1'700'000'000'000;

/// A batch on its way, with all that LeaderBatch points to.
struct Sent {
  std::vector<std::byte> bytes;
  BatchIdentity identity;
  std::optional<Error> verdict;
  LeaderBatch batch;

  LeaderBatch& aim(LeaderEpoch epoch, bool stamps) {
    batch.bytes = bytes;
    batch.how = {.leader_epoch = epoch, .stamp_append_time = stamps};
    if (identity.producer_id != kNoProducerId) batch.how.identity = &identity;
    if (verdict) batch.how.verdict = &*verdict;
    return batch;
  }
};

Sent make(BatchMaker& maker, int64_t pid, int16_t epoch, int32_t sequence, int32_t records,
          size_t size, bool is_transactional = false) {
  Sent sent;
  record::BatchOptions options;
  if (pid >= 0) {
    options.producer_id = ProducerId{pid};
    options.producer_epoch = ProducerEpoch{epoch};
    options.base_sequence = Sequence{sequence};
    options.is_transactional = is_transactional;
    sent.identity = {.producer_id = ProducerId{pid},
                     .epoch = ProducerEpoch{epoch},
                     .base_sequence = Sequence{sequence},
                     .last_offset_delta = records - 1,
                     .is_transactional = is_transactional};
  }
  sent.bytes = maker.make(records, size, kNow + sequence, options);
  sent.identity.crc = record::BatchView(sent.bytes).crc();
  return sent;
}

/// What clients might send: mostly in order, often again, sometimes wrong.
std::vector<Sent> traffic(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  BatchMaker maker;
  struct Producer {
    int16_t epoch = 0;
    int32_t next = 0;
  };
  std::array<Producer, 6> producers;
  std::vector<Sent> all;
  const auto below = [&](uint64_t bound) { return random() % bound; };
  while (all.size() < count) {
    const auto records = static_cast<int32_t>(1 + below(3));
    const size_t size = below(12) == 0 ? 900 : below(60);
    if (below(5) == 0) {
      all.push_back(make(maker, -1, 0, 0, records, size));
    } else if (below(6) == 0 && !all.empty()) {
      const Sent& before = all[all.size() - 1 - below(std::min<size_t>(all.size(), 8))];
      all.push_back(Sent{before.bytes, before.identity, {}, {}});
    } else {
      const auto pid = static_cast<int64_t>(below(producers.size()));
      Producer& producer = producers[static_cast<size_t>(pid)];
      if (below(25) == 0) producer = {static_cast<int16_t>(producer.epoch + 1), 0};
      const int32_t skip = below(20) == 0 ? 1 : 0;
      all.push_back(
          make(maker, pid, producer.epoch, producer.next + skip, records, size, pid == 5));
      if (below(15) == 0)
        all.back().verdict = Error{ErrorCode::kInvalidTimestamp, "too old"};
      else if (skip == 0)
        producer.next += records;
    }
    if (below(200) == 0) all.back().bytes = maker.make(1, 5000, kNow);
    if (all.back().bytes.size() > 5000) all.back().identity = {};
  }
  return all;
}

std::string told(const LeaderBatch& batch) {
  if (!batch.result) return "refused: " + batch.result.error().context;
  const Decision& decision = batch.result->decision;
  const Appended& appended = batch.result->appended;
  std::string text = std::to_string(static_cast<int>(decision.verdict)) + "/" +
                     std::to_string(static_cast<int>(decision.reason)) + " ";
  if (decision.verdict != Verdict::kAppend)
    return text + std::to_string(decision.first_offset.value);
  return text + std::to_string(appended.base_offset.value) + ".." +
         std::to_string(appended.last_offset.value) + " start " +
         std::to_string(appended.log_start.value);
}

std::map<std::string, std::string> files_in(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    files[entry.path().filename()] = testing::text_of(entry.path());
  files.erase("leader-epoch-checkpoint");
  return files;
}

TEST(LogGroup, GivesTheAnswersAndFilesOfSingleAppends) {
  rt::StartedRuntime os;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    TempFolder folder;
    LogBench bench(*os->disk, *os->random);
    const LogConfig config{
        .segment_bytes = 4000, .segment_index_bytes = 64, .index_interval_bytes = 100};
    auto single = *bench.open(folder.at("s-0"), config);
    auto grouped = *bench.open(folder.at("g-0"), config);
    std::vector<Sent> ones = traffic(seed, 400);
    std::vector<Sent> many = traffic(seed, 400);
    std::mt19937_64 random(seed);
    const bool stamps = seed % 3 == 0;
    size_t calls = 0;
    for (size_t at = 0; at < many.size();) {
      const size_t end = std::min<size_t>(many.size(), at + 1 + random() % 90);
      std::vector<LeaderBatch*> batches;
      for (size_t i = at; i < end; ++i) batches.push_back(&many[i].aim(LeaderEpoch{3}, stamps));
      const size_t handled = grouped->append_as_leader(batches);
      ASSERT_GE(handled, 1u);
      at += handled;
      ++calls;
    }
    for (size_t i = 0; i < ones.size(); ++i) {
      LeaderBatch& batch = ones[i].aim(LeaderEpoch{3}, stamps);
      batch.result = single->append_as_leader(batch.bytes, batch.how);
      ASSERT_EQ(told(batch), told(many[i].batch)) << "batch " << i << " of seed " << seed;
    }
    EXPECT_LT(calls, many.size()) << "something was grouped";
    EXPECT_EQ(single->inspect_producers([](const ProducerState& all) { return all.views(); }),
              grouped->inspect_producers([](const ProducerState& all) { return all.views(); }));
    EXPECT_GT(single->segment_count(), 2u);
    ASSERT_TRUE(single->close_clean() && grouped->close_clean());
    EXPECT_EQ(files_in(folder.at("s-0")), files_in(folder.at("g-0"))) << "seed " << seed;
  }
}

TEST(LogGroup, ASecondBatchOfAProducerFollowsTheFirstOrWaits) {
  rt::StartedRuntime os;
  TempFolder folder;
  LogBench bench(*os->disk, *os->random);
  auto log = *bench.open(folder.at("t-0"), {});
  BatchMaker maker;
  const auto send = [&](std::vector<Sent> sent) {
    std::vector<LeaderBatch*> batches;
    for (Sent& one : sent) batches.push_back(&one.aim(LeaderEpoch{0}, false));
    const size_t handled = log->append_as_leader(batches);
    for (size_t i = 0; i < handled; ++i)
      EXPECT_TRUE(batches[i]->result && batches[i]->result->decision.verdict == Verdict::kAppend);
    return handled;
  };
  EXPECT_EQ(send({make(maker, -1, 0, 0, 1, 10)}), 1u) << "a segment's first batch comes alone";
  EXPECT_EQ(send({make(maker, 7, 0, 0, 1, 10), make(maker, 7, 0, 1, 1, 10)}), 1u)
      << "unknown until stored";
  EXPECT_EQ(
      send({make(maker, 7, 0, 1, 1, 10), make(maker, 7, 0, 2, 2, 10), make(maker, 8, 0, 0, 1, 10),
            make(maker, 7, 0, 4, 1, 10), make(maker, -1, 0, 0, 1, 10)}),
      5u);
  EXPECT_EQ(send({make(maker, 7, 0, 5, 1, 10), make(maker, 7, 0, 5, 1, 10)}), 1u)
      << "a duplicate waits";
  EXPECT_EQ(send({make(maker, 7, 0, 6, 1, 10), make(maker, 7, 0, 8, 1, 10)}), 1u) << "a gap waits";
  EXPECT_EQ(send({make(maker, 7, 0, 7, 1, 10), make(maker, 7, 1, 0, 1, 10)}), 1u)
      << "an epoch waits";
  EXPECT_EQ(log->log_end(), Offset{11});
}

TEST(LogGroup, WhatCannotBeWrittenIsForgottenAsAWhole) {
  rt::sim::World world(3);
  rt::sim::Node& node = world.add_node("n");
  rt::sim::Process& process = node.boot(1);
  ASSERT_TRUE(process.disk().make_directories("/d/t-0"));
  LogBench bench(process.disk(), *process.runtime().random);
  auto log = *bench.open("/d/t-0", {});
  BatchMaker maker;
  ASSERT_TRUE(testing::lead(*log, maker.make(1, 10, kNow)));
  const auto send = [&] {
    std::vector<Sent> sent;
    for (int32_t i = 0; i < 5; ++i) sent.push_back(make(maker, 40 + i, 0, 0, 2, 50));
    std::vector<LeaderBatch*> batches;
    for (Sent& one : sent) batches.push_back(&one.aim(LeaderEpoch{0}, false));
    EXPECT_EQ(log->append_as_leader(batches), 5u);
    std::vector<std::string> answers;
    for (const Sent& one : sent)
      answers.push_back(one.batch.result ? told(one.batch)
                                         : std::string(error_name(one.batch.result.error().code)));
    return answers;
  };
  node.file_system().fail_next(rt::sim::DiskOp::kWrite, "/d/t-0/00000000000000000000.log",
                               Cause::kNoSpace);
  const auto refused = send();
  EXPECT_EQ(refused, std::vector<std::string>(5, refused.front()));
  EXPECT_EQ(log->log_end(), Offset{1});
  EXPECT_EQ(log->inspect_producers([](const ProducerState& all) { return all.size(); }), 0u);
  EXPECT_FALSE(bench.failure) << "a full disk takes nothing offline";
  const auto stored = send();
  EXPECT_EQ(log->log_end(), Offset{11});
  EXPECT_EQ(testing::batches_of(*log).size(), 6u);
  EXPECT_EQ(stored.back(), "0/1 9..10 start 0");
}

}  // namespace
}  // namespace semel::log
