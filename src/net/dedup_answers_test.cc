// The questions that were put to Apache Kafka 4.3.1 (tests/golden/kafka-4.3.1/dedup-answers.json),
// put to this broker over the wire, with a restart in between. The answers must be Kafka's, but for
// the holes that this broker closes: a batch that is stored is known, however old, also after a
// restart; and a sequence that comes again with other records is refused.
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "net/test_broker.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

using nlohmann::json;

std::vector<TestTopic> topics(const std::string& prefix) {
  return {
      {prefix + "-a",
       12,
       {{"message.timestamp.after.max.ms", "9223372036854775807"}, {"retention.ms", "-1"}}},
      {prefix + "-lat", 1, {{"message.timestamp.type", "LogAppendTime"}, {"retention.ms", "-1"}}},
  };
}

class Interview {
 public:
  /// Asks every row of `phase` and compares the answers.
  void ask(TestBroker& broker, const json& rows, const std::string& phase) {
    TestClient client(broker);
    for (const json& row : rows) {
      if (row["phase"] == phase) ask(client, row);
    }
  }
  int closed_holes() const { return closed_holes_; }
  int questions() const { return questions_; }

 private:
  struct Stored {
    int64_t offset;
    int64_t append_time_ms;
    int64_t timestamp;
  };

  static std::vector<std::string> values_of(const json& row) {
    const bool is_other = row["what"] == "same range, other contents";
    std::vector<std::string> values;
    for (int32_t i = 0; i < row["records"]; ++i)
      values.push_back(fmt::format("{}-{}-{}-{}", is_other ? "other" : "v",
                                   row["producer"].get<std::string>(),
                                   row["base_sequence"].get<int32_t>(), i));
    return values;
  }

  int64_t id_of(TestClient& client, const std::string& producer) {
    const auto at = ids_.find(producer);
    if (at != ids_.end()) return at->second;
    const auto answer = client.call<gen::InitProducerIdResponse>(idempotent_id_request(), 1);
    return ids_[producer] = answer.producer_id;
  }

  void ask(TestClient& client, const json& row) {
    ++questions_;
    const std::string topic = row["topic"];
    const TestProducer producer{id_of(client, row["producer"]), row["epoch"], row["base_sequence"]};
    const auto values = values_of(row);
    const auto answer = client.call<gen::ProduceResponse>(
        produce_request(topic, row["partition"],
                        batch_of(values, producer, row["record_timestamp"]), row["acks"]),
        8);
    const auto& got = answer.responses[0].partition_responses[0];
    const std::string question = row.dump();
    const std::string key = fmt::format("{}/{}/{}/{}", topic, row["producer"].get<std::string>(),
                                        producer.epoch, fmt::join(values, ","));
    EXPECT_EQ(got.log_start_offset, 0) << question;
    const auto stored = stored_.find(key);
    if (stored != stored_.end() && row["error_code"] != 47) {
      const bool kafka_knows_it =
          row["error_code"] == 0 && row["base_offset"] == stored->second.offset;
      closed_holes_ += kafka_knows_it ? 0 : 1;
      EXPECT_EQ(got.error_code, 0) << question << got.error_message.value_or("");
      EXPECT_EQ(got.base_offset, stored->second.offset) << question;
      EXPECT_EQ(got.log_append_time_ms,
                topic.ends_with("-lat") ? stored->second.append_time_ms : stored->second.timestamp)
          << question;
      return;
    }
    if (row["what"] == "same range, other contents") {
      EXPECT_EQ(got.error_code, 45) << question;
      ++closed_holes_;
      return;
    }
    EXPECT_EQ(got.error_code, row["error_code"].get<int>())
        << question << got.error_message.value_or("");
    EXPECT_EQ(got.base_offset, row["base_offset"].get<int64_t>()) << question;
    if (got.error_code != 0) return;
    EXPECT_EQ(got.log_append_time_ms == -1, row["log_append_time_ms"] == -1) << question;
    const auto newest = row["record_timestamp"].get<int64_t>();
    stored_[key] = {got.base_offset, got.log_append_time_ms, newest};
  }

  std::map<std::string, int64_t> ids_;
  std::map<std::string, Stored> stored_;
  int closed_holes_ = 0;
  int questions_ = 0;
};

json golden_answers() {
  std::ifstream file(std::string(SEMEL_GOLDEN_DIR) + "/kafka-4.3.1/dedup-answers.json");
  return json::parse(file);
}

class DedupAnswers : public ::testing::TestWithParam<replica::FlushPolicy> {};

TEST_P(DedupAnswers, AfterAControlledStop) {
  const json rows = golden_answers().at("restart_clean");
  TempDir dir;
  Interview interview;
  TestBrokerOptions options;
  options.topics = topics("dd");
  options.flush = GetParam();
  {
    TestBroker broker(dir.path(), options);
    interview.ask(broker, rows, "first");
  }
  for (TestTopic& topic : options.topics) topic.leader_epoch = 1;
  TestBroker broker(dir.path(), options);
  interview.ask(broker, rows, "second");
  EXPECT_EQ(interview.questions(), 106);
  EXPECT_EQ(interview.closed_holes(), 26);
}

TEST_P(DedupAnswers, AfterAKill) {
  const json rows = golden_answers().at("restart_kill_9");
  TempDir dir;
  TempDir copies;
  const std::string as_killed = copies.path() + "/data";
  Interview interview;
  TestBrokerOptions options;
  options.topics = topics("du");
  options.flush = GetParam();
  {
    TestBroker broker(dir.path(), options);
    interview.ask(broker, rows, "first");
    std::filesystem::copy(dir.path(), as_killed, std::filesystem::copy_options::recursive);
  }
  for (TestTopic& topic : options.topics) topic.leader_epoch = 1;
  TestBroker broker(as_killed, options);
  interview.ask(broker, rows, "second");
  EXPECT_EQ(interview.questions(), 106);
}

INSTANTIATE_TEST_SUITE_P(Classes, DedupAnswers,
                         ::testing::Values(replica::FlushPolicy::kAck, replica::FlushPolicy::kOs));

}  // namespace
}  // namespace semel::net
