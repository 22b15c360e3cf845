// Replays every row of the answers that real Kafka brokers gave to raw Produce requests
// (tests/golden/*/dedup-answers.json), and names each answer that is better on purpose.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "log/producer_state_testing.h"

namespace semel::log {
namespace {

using testing::Answer;
using testing::Sent;
using testing::TestPartition;

enum class Because {
  kRemembersMore,    // Kafka answers 45; the range is in the window or found in the log
  kComparesContent,  // Kafka calls other records under a stored range a duplicate
  kKeepsByOwnClock,  // Kafka forgets by record timestamps and stores the batch again
};

struct Difference {
  std::string_view phase, what, producer;
  Because because;
};

constexpr Difference kDifferences[] = {
    {"first", "re-send, seven batches sent", "seven", Because::kRemembersMore},
    {"first", "same range, other contents", "overlap", Because::kComparesContent},
    {"second", "re-send of one of the five newest batches", "five", Because::kRemembersMore},
    {"second", "re-send after a new batch", "five", Because::kRemembersMore},
    {"second", "re-send, seven batches sent", "seven", Because::kRemembersMore},
    {"second", "re-send of the one before", "unknown", Because::kRemembersMore},
    {"second", "re-send of 2147483647 after the wrap", "wrap", Because::kRemembersMore},
    {"second", "re-send of the wrapping batch of three", "wrapin", Because::kRemembersMore},
    {"second", "re-send, LogAppendTime topic", "lat", Because::kRemembersMore},
    {"second", "re-send, acks=1", "acks1", Because::kRemembersMore},
    {"second", "re-send, record timestamps of the year 2023", "old", Because::kKeepsByOwnClock},
};

struct Restart {
  const char* name;
  bool with_snapshot;
  bool with_sidecar;
};

struct Case {
  std::string name, file, section;
  Restart restart;
  size_t better;  // answers that differ on purpose
};

class DedupAnswers : public ::testing::TestWithParam<Case> {};

struct Row {
  std::string phase, what, topic, producer, key;
  Sent sent;
  int32_t code;
  int64_t base_offset, log_append_time;
};

Row row_of(const nlohmann::json& json) {
  Row row;
  row.phase = json["phase"];
  row.what = json["what"];
  row.topic = json["topic"];
  row.producer = json["producer"];
  row.key = row.topic + "-" + std::to_string(json["partition"].get<int>());
  row.sent.producer_id =
      1000 + static_cast<int64_t>(std::hash<std::string>{}(row.producer) % 100000);
  row.sent.epoch = json["epoch"];
  row.sent.base_sequence = json["base_sequence"];
  row.sent.records = json["records"];
  row.sent.timestamp_ms = json["record_timestamp"];
  row.sent.content = row.what == "same range, other contents" ? "other" : "v";
  row.code = json["error_code"];
  row.base_offset = json["base_offset"];
  row.log_append_time = json["log_append_time_ms"];
  return row;
}

const Difference* difference_of(const Row& row) {
  for (const Difference& difference : kDifferences)
    if (row.phase == difference.phase && row.what == difference.what &&
        row.producer == difference.producer)
      return &difference;
  return nullptr;
}

void expect_better(const Row& row, const Answer& answer, const Difference& difference,
                   const std::map<std::string, std::pair<Offset, int64_t>>& first_sent) {
  const std::string sent =
      row.key + "/" + std::to_string(row.sent.epoch) + "/" + std::to_string(row.sent.base_sequence);
  if (difference.because == Because::kComparesContent) {
    EXPECT_EQ(answer.code, ErrorCode::kOutOfOrderSequenceNumber);
    EXPECT_EQ(answer.reason, Reason::kSequenceReused);
    EXPECT_NE(answer.text.find("other records"), std::string::npos);
    return;
  }
  EXPECT_EQ(answer.code, ErrorCode::kNone);
  EXPECT_FALSE(answer.is_appended);
  EXPECT_EQ(answer.base_offset, first_sent.at(sent).first);
  EXPECT_EQ(answer.timestamp_ms, first_sent.at(sent).second);
}

TEST_P(DedupAnswers, EveryRow) {
  const Case& test = GetParam();
  std::ifstream in(std::string(SEMEL_GOLDEN_DIR) + "/" + test.file);
  const auto rows = nlohmann::json::parse(in)[test.section];
  ASSERT_GT(rows.size(), 90u);
  std::map<std::string, TestPartition> partitions;
  std::map<std::string, std::pair<Offset, int64_t>> first_sent;
  bool has_restarted = false;
  size_t better = 0;
  for (const auto& json : rows) {
    const Row row = row_of(json);
    SCOPED_TRACE(json.dump());
    if (row.sent.base_sequence < 0) {
      EXPECT_EQ(row.code, 87);  // refused by the batch validator, before producer state
      continue;
    }
    if (row.phase == "second" && !has_restarted) {
      has_restarted = true;
      for (auto& [name, partition] : partitions)
        partition.restart(test.restart.with_snapshot, test.restart.with_sidecar);
    }
    TestPartition& partition = partitions[row.key];
    partition.is_log_append_time = row.topic.ends_with("-lat");
    if (partition.is_log_append_time && row.log_append_time >= 0)
      partition.now_ms = row.log_append_time;
    const Answer answer = partition.send(row.sent);
    if (answer.is_appended) {
      first_sent[row.key + "/" + std::to_string(row.sent.epoch) + "/" +
                 std::to_string(row.sent.base_sequence)] = {
          answer.base_offset,
          partition.is_log_append_time ? partition.now_ms : row.sent.timestamp_ms};
    }
    const auto* difference = difference_of(row);
    const bool is_as_kafka = static_cast<int32_t>(answer.code) == row.code &&
                             answer.base_offset.value == row.base_offset &&
                             answer.timestamp_ms == row.log_append_time;
    if (is_as_kafka) continue;
    ASSERT_NE(difference, nullptr) << answer.text;
    expect_better(row, answer, *difference, first_sent);
    ++better;
  }
  EXPECT_TRUE(has_restarted);
  EXPECT_EQ(better, test.better);
}

constexpr Restart kRestarts[] = {
    {"sidecar", true, true}, {"snapshot", true, false}, {"replay", false, false}};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* version : {"2_6_0", "4_3_1"}) {
    std::string folder = std::string("kafka-") + version;
    std::ranges::replace(folder, '_', '.');
    for (const char* kind : {"restart_clean", "restart_kill_9"})
      for (const Restart& restart : kRestarts)
        all.push_back({std::string(version) + "_" + kind + "_" + restart.name,
                       folder + "/dedup-answers.json", kind, restart, 26});
  }
  // A follower that kept running has replicated everything.
  all.push_back({"4_3_1_leader_change", "wire/dedup-leader-change.json",
                 "leader_change_to_a_live_follower", kRestarts[2], 6});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Kafka, DedupAnswers, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace semel::log
