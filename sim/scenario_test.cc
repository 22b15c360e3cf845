#include "scenario.h"

#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "plants.h"
#include "testing/stub_broker.h"

namespace semel::sim {
namespace {

constexpr std::string_view kRough = R"(
partitions = 2
producers = 2
send_every_ms = 20
duration_ms = 1200
fault kill every_ms=500
fault power every_ms=500
fault die_in_disk every_ms=500 with_power=1
fault cut every_ms=150
fault pause every_ms=400
fault isolate every_ms=500
fault clock every_ms=300
fault disk_error every_ms=800
fault stop every_ms=700
)";

Report run(uint64_t seed, std::string_view text = kRough, const rt::Plants* plants = nullptr) {
  const auto workload = parse_workload("test", text);
  EXPECT_TRUE(workload) << workload.error().context;
  ScenarioOptions options;
  options.seed = seed;
  options.plants = plants;
  return run_scenario(*workload, stub_broker_factory(), std::move(options));
}

std::set<std::string> kinds(const Report& report) {
  std::set<std::string> all;
  for (const Violation& violation : report.violations) all.insert(violation.kind);
  return all;
}

TEST(Scenario, ACorrectBrokerIsAccepted) {
  std::map<std::string, uint64_t> probes;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const Report report = run(seed);
    for (const Violation& violation : report.violations)
      ADD_FAILURE() << "seed " << seed << ": " << violation.kind << ": " << violation.text;
    EXPECT_GT(report.acked, 20u) << "seed " << seed;
    for (const auto& [name, count] : report.probes) probes[name] += count;
  }
  for (const char* rare :
       {"disk: unsynced bytes lost at a power cut", "network: connection reset", "fault: kill",
        "fault: power cut", "process: died in the middle of a disk call",
        "producer: batch sent again", "producer: duplicate answered with its offset",
        "producer: re-used sequence refused", "producer: took a new epoch of its own accord",
        "producer: request timed out", "broker: gave up by itself"})
    EXPECT_GT(probes[rare], 0u) << rare;
}

TEST(Scenario, SameSeedSameTrace) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Report first = run(seed);
    const Report second = run(seed);
    EXPECT_EQ(first.trace_hash, second.trace_hash);
    EXPECT_EQ(first.events, second.events);
  }
  EXPECT_NE(run(1).trace_hash, run(2).trace_hash);
}

/// What the checker reports for a planted bug within some seeds.
std::set<std::string> hunt(bool rt::Plants::* flag, std::string_view text = kRough) {
  rt::Plants plants;
  plants.*flag = true;
  std::set<std::string> all;
  for (uint64_t seed = 1; seed <= 60 && all.empty(); ++seed)
    all.merge(kinds(run(seed, text, &plants)));
  return all;
}

TEST(Scenario, SeesForgottenState) {
  EXPECT_FALSE(hunt(&rt::Plants::forget_state_on_restart).empty());
}
TEST(Scenario, SeesUncheckedSequences) {
  EXPECT_FALSE(hunt(&rt::Plants::skip_sequence_check).empty());
}
TEST(Scenario, SeesAnEarlyAcknowledgement) {
  EXPECT_FALSE(hunt(&rt::Plants::ack_before_flush).empty());
}
TEST(Scenario, SeesAKeptTornBatch) {
  constexpr std::string_view kBigRecords =
      "partitions = 1\nproducers = 2\nvalue_bytes = 3000\nduration_ms = 2000\nsettle_ms = 4000\n"
      "fault die_in_disk every_ms=200 with_power=1\n";
  EXPECT_FALSE(hunt(&rt::Plants::keep_torn_batch, kBigRecords).empty());
}

TEST(Workload, ReadsItsFile) {
  const auto workload = parse_workload("w",
                                       "partitions = 7  # so many\n\nflush = os\n"
                                       "topic.segment.bytes = 1024\n"
                                       "fault kill every_ms=5 most_ms=7\n");
  ASSERT_TRUE(workload);
  EXPECT_EQ(workload->partitions, 7);
  EXPECT_EQ(workload->flush, "os");
  EXPECT_EQ(workload->topic_settings.at("segment.bytes"), "1024");
  ASSERT_EQ(workload->faults.size(), 1u);
  EXPECT_EQ(workload->faults[0].every_ms, 5);
  EXPECT_EQ(workload->faults[0].number("most_ms", 0), 7);
  EXPECT_FALSE(workload->may_lose());
}

TEST(Workload, ReadsWhoDrivesAndWhatIsExpected) {
  const auto workload = parse_workload("w",
                                       "driver = native\ndelivery = at_most_once\n"
                                       "expect fault: bit rot  # rare\nexpect a probe\n");
  ASSERT_TRUE(workload);
  EXPECT_EQ(workload->driver, Driver::kNative);
  EXPECT_EQ(workload->delivery, Delivery::kAtMostOnce);
  EXPECT_EQ(workload->expected, (std::vector<std::string>{"fault: bit rot", "a probe"}));
  EXPECT_FALSE(workload->may_give_up());
}

TEST(Workload, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(parse_workload("w", "\npartitons = 7").error().context, "w:2: 'partitons = 7'?");
  EXPECT_FALSE(parse_workload("w", "partitions = many"));
  EXPECT_FALSE(parse_workload("w", "driver = java"));
  EXPECT_FALSE(parse_workload("w", "delivery = perhaps"));
  EXPECT_FALSE(parse_workload("w", "fault fire every_ms=1"));
  EXPECT_FALSE(parse_workload("w", "fault kill every_ms=soon"));
}

}  // namespace
}  // namespace semel::sim
