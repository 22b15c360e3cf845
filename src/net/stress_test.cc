// Many connections on two reactors write into and read from the same partition at once.
#include <map>
#include <set>

#include <fmt/format.h>

#include "net/test_broker.h"
#include "net/test_peer.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

struct StressCase {
  replica::FlushPolicy flush;
  bool stalls;  // the disk is said to have stalled; it is quiet again before the end
};

/// Two appends that waited long, the second one watched.
void note_stall(log::AppendPace& pace, rt::Instant now) {
  const rt::Instant start{now.ns - 2 * log::AppendPace::kStall.count()};
  pace.end({start, std::nullopt});
  pace.end({start, UINT64_MAX});
}

class StressClasses : public ::testing::TestWithParam<StressCase> {};

TEST_P(StressClasses, EveryAcknowledgedRecordIsThereOnceAndInOrder) {
  constexpr int kProducers = 6;
  constexpr int32_t kBatches = 150;
  TempDir dir;
  TestBrokerOptions options;
  options.reactors = 2;
  options.flush = GetParam().flush;
  options.topics = {{"s", 1, {}}};
  TestBroker broker(dir.path(), options);
  TestClient framer(broker);
  const auto partition = broker.replicas().table().current()->find("s")->partitions[0];
  log::AppendPace& pace = *partition->log().append_pace();
  if (GetParam().stalls) note_stall(pace, broker.runtime()->clock->now());
  std::vector<std::unique_ptr<TestPeer>> writers;
  for (int p = 0; p < kProducers; ++p) {
    bytes::Writer all;
    for (int32_t i = 0; i < kBatches; ++i) {
      const auto frame = [&](int32_t sequence) {
        return framer.frame(
            produce_request("s", 0,
                            batch_of({fmt::format("{}-{}", p, sequence)}, {100 + p, 0, sequence})),
            9);
      };
      all.put_bytes(frame(i).span());
      // Every tenth batch is sent twice, as after a lost answer.
      if (i % 10 == 9) all.put_bytes(frame(i).span());
    }
    writers.push_back(std::make_unique<TestPeer>(broker.runtime(), broker.address()));
    writers.back()->send_in_background(all.take(),
                                       [p] { return 300u + 1000u * static_cast<size_t>(p); });
  }

  std::vector<std::string> read;
  TestClient reader(broker);
  auto fetch = fetch_request("s", 0, 0);
  fetch.max_wait_ms = 1000;
  const auto read_some = [&] {
    fetch.topics[0].partitions[0].fetch_offset = static_cast<int64_t>(read.size());
    const auto response = reader.call<gen::FetchResponse>(fetch, 12);
    const auto values = values_in(response.responses[0].partitions[0].records.buffer());
    read.insert(read.end(), values.begin(), values.end());
  };
  std::map<int64_t, std::string> acknowledged;
  for (int32_t i = 0; i < kBatches; ++i) {
    for (int p = 0; p < kProducers; ++p) {
      for (int twice = 0; twice < (i % 10 == 9 ? 2 : 1); ++twice) {
        const auto frame = writers[static_cast<size_t>(p)]->receive();
        ASSERT_TRUE(frame.has_value());
        bytes::Reader bytes(*frame);
        ASSERT_TRUE(wire::read_response_header(bytes, 1).has_value());
        gen::ProduceResponse response;
        ASSERT_TRUE(response.decode(bytes, 9).has_value());
        const auto& answer = response.responses[0].partition_responses[0];
        ASSERT_EQ(answer.error_code, 0) << answer.error_message.value_or("");
        const auto [at, is_new] =
            acknowledged.emplace(answer.base_offset, fmt::format("{}-{}", p, i));
        ASSERT_EQ(is_new, twice == 0);
        ASSERT_EQ(at->second, fmt::format("{}-{}", p, i));
      }
    }
    if (i % 20 == 0) read_some();
  }
  EXPECT_EQ(pace.moved() > 0, GetParam().stalls);
  ASSERT_EQ(acknowledged.size(), static_cast<size_t>(kProducers * kBatches));
  while (read.size() < acknowledged.size()) read_some();
  ASSERT_EQ(read.size(), acknowledged.size());
  for (size_t offset = 0; offset < read.size(); ++offset)
    ASSERT_EQ(read[offset], acknowledged[static_cast<int64_t>(offset)]);
}

// Batches that are encoded anew are compared with the stored ones beside the reactors, while the
// time of some requests is up and other reactors drain the same partition.
TEST(StressTest, ImpatientProducersSendAgainWhatIsStored) {
  constexpr int kProducers = 4;
  constexpr int32_t kBatches = 100;
  TempDir dir;
  TestBrokerOptions options;
  options.reactors = 2;
  options.topics = {{"s", 1, {}}};
  TestBroker broker(dir.path(), options);
  TestClient framer(broker);
  const auto frame = [&](int p, int32_t sequence, bool again) {
    const int64_t timestamp = 1'750'000'000'000 + (again ? 1 : 0);
    auto request = produce_request(
        "s", 0, batch_of({fmt::format("{}-{}", p, sequence)}, {100 + p, 0, sequence}, timestamp));
    request.timeout_ms = again ? 0 : 5000;
    return framer.frame(request, 9);
  };
  std::vector<std::unique_ptr<TestPeer>> writers;
  for (int p = 0; p < kProducers; ++p) {
    bytes::Writer all;
    for (int32_t i = 0; i < kBatches; ++i) {
      all.put_bytes(frame(p, i, false).span());
      all.put_bytes(frame(p, i, true).span());
    }
    writers.push_back(std::make_unique<TestPeer>(broker.runtime(), broker.address()));
    writers.back()->send_in_background(all.take(),
                                       [p] { return 200u + 900u * static_cast<size_t>(p); });
  }
  for (int p = 0; p < kProducers; ++p) {
    int64_t stored_at = -1;
    for (int32_t i = 0; i < 2 * kBatches; ++i) {
      const auto received = writers[static_cast<size_t>(p)]->receive();
      ASSERT_TRUE(received.has_value());
      bytes::Reader bytes(*received);
      ASSERT_TRUE(wire::read_response_header(bytes, 1).has_value());
      gen::ProduceResponse response;
      ASSERT_TRUE(response.decode(bytes, 9).has_value());
      const auto& answer = response.responses[0].partition_responses[0];
      if (i % 2 == 0) {
        ASSERT_EQ(answer.error_code, 0) << answer.error_message.value_or("");
        ASSERT_GT(answer.base_offset, stored_at);
        stored_at = answer.base_offset;
      } else if (answer.error_code == 0) {
        ASSERT_EQ(answer.base_offset, stored_at);
      } else {
        // Its time was up, or too many were compared at once: both are asked again.
        ASSERT_TRUE(answer.error_code == 7 || answer.error_code == 6) << answer.error_code;
      }
    }
  }
  const auto partition = broker.replicas().table().current()->find("s")->partitions[0];
  EXPECT_EQ(partition->log().log_end(), Offset{int64_t{kProducers} * kBatches});
}

INSTANTIATE_TEST_SUITE_P(Stress, StressClasses,
                         ::testing::Values(StressCase{replica::FlushPolicy::kOs, false},
                                           StressCase{replica::FlushPolicy::kAck, false},
                                           StressCase{replica::FlushPolicy::kOs, true},
                                           StressCase{replica::FlushPolicy::kAck, true}));

}  // namespace
}  // namespace semel::net
