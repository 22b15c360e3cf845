// What one warm Produce and one warm Fetch cross in a whole broker, and what they allocate.
//
// Which files: net, api, security, replica, record and log are compiled with a call at the entry of
// each function (-fsanitize-coverage=func,trace-pc-guard, in presets with AddressSanitizer;
// cmake/semel.cmake). This test owns that call: it notes the guard, and afterwards the sanitizer's
// symbolizer tells the file from the debug information. Chosen over source coverage because it
// needs no second build of the broker and its window is exact: guards are noted only between
// sending the request and reading its answer, in all threads. Heartbeats and other beats of the
// clock may fall into a window, so each request is sent several times and only files entered every
// time count. Inlined functions are seen where they are defined in a .cc file of their own call,
// not where they were inlined from a header.
//
// Which allocations: counted on the reactor's thread by the sanitizer's malloc hooks, C libraries
// included.
#include "tests/whole_broker.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <sanitizer/allocator_interface.h>
#include <sanitizer/common_interface_defs.h>

namespace {

constexpr size_t kGuardsMax = 1 << 17;
std::atomic<bool> notes_calls{false};
std::array<std::atomic<uintptr_t>, kGuardsMax> entered{};
uint32_t guard_count = 0;

thread_local bool counts_allocations = false;
std::atomic<uint64_t> allocations{0};

void on_malloc(const volatile void*, size_t) {
  if (!counts_allocations) return;
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (std::getenv("SEMEL_SHOW_ALLOCATIONS") == nullptr) return;
  counts_allocations = false;
  __sanitizer_print_stack_trace();
  counts_allocations = true;
}
void on_free(const volatile void*) {}

}  // namespace

extern "C" void __sanitizer_cov_trace_pc_guard_init(uint32_t* start, uint32_t* stop) {
  if (start == stop || *start != 0) return;
  for (uint32_t* guard = start; guard < stop; ++guard) *guard = ++guard_count;
}

extern "C" void __sanitizer_cov_trace_pc_guard(uint32_t* guard) {
  if (!notes_calls.load(std::memory_order_relaxed) || *guard >= kGuardsMax) return;
  entered[*guard].store(reinterpret_cast<uintptr_t>(__builtin_return_address(0)),
                        std::memory_order_relaxed);
}

namespace semel::tests {
namespace {

constexpr int16_t kProduceVersion = 12;
constexpr int16_t kFetchVersion = 12;
constexpr int kProducedBefore = 200;
const std::string kTopic = "a-topic-with-a-name-too-long-for-a-small-string";

/// The file below src/ whose function was entered at `pc`, e.g. "log/log.cc"; headers and others:
/// "".
std::string file_of(uintptr_t pc) {
  char text[1024] = {};
  __sanitizer_symbolize_pc(reinterpret_cast<void*>(pc), "%s", text, sizeof text);
  const std::string path = text;
  const size_t at = path.rfind("/src/");
  if (at == std::string::npos || !path.ends_with(".cc")) return {};
  return path.substr(at + 5);
}

using Files = std::set<std::string>;

template <class Exchange>
Files files_entered(Exchange exchange) {
  for (uint32_t i = 0; i < guard_count && i < kGuardsMax; ++i) entered[i] = 0;
  notes_calls = true;
  exchange();
  notes_calls = false;
  Files files;
  for (uint32_t i = 0; i < guard_count && i < kGuardsMax; ++i)
    if (const uintptr_t pc = entered[i]; pc != 0) files.insert(file_of(pc));
  files.erase("");
  return files;
}

/// straight_way.txt: "REQUEST FILE" lines.
std::map<std::string, Files> read_table() {
  std::ifstream in(std::string(SEMEL_SOURCE_DIR) + "/tests/straight_way.txt");
  std::map<std::string, Files> table;
  std::string line;
  while (std::getline(in, line)) {
    const size_t blank = line.find(' ');
    if (line.empty() || line.front() == '#' || blank == std::string::npos) continue;
    table[line.substr(0, blank)].insert(line.substr(blank + 1));
  }
  return table;
}

class WholeBrokerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_GT(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free), 0);
  }
  void begin(const std::string& flush) {
    broker_.emplace(std::vector<std::string>{"semel.flush=" + flush,
                                             "broker.heartbeat.interval.ms=60000",
                                             "broker.session.timeout.ms=600000"});
    client_.emplace(broker_->port());
    gen::CreateTopicsRequest create;
    create.timeout_ms = 10'000;
    auto& topic = create.topics.append();
    topic.name = kTopic;
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    const auto created = client_->call<gen::CreateTopicsResponse>(create, 5);
    ASSERT_EQ(created.topics[0].error_code, 0);
    gen::InitProducerIdRequest ask;
    ask.transactional_id.reset();
    ask.transaction_timeout_ms = 1000;
    const auto given = client_->call<gen::InitProducerIdResponse>(ask, 4);
    ASSERT_EQ(given.error_code, 0);
    options_.producer_id = ProducerId{given.producer_id};
    options_.producer_epoch = ProducerEpoch{given.producer_epoch};
    options_.base_sequence = Sequence{0};
  }
  bytes::Buffer next_produce() {
    builder_.start(options_);
    record::RecordInput record;
    record.timestamp = bench::kNowMs;
    record.value = bytes::as_bytes("a value");
    builder_.append(record);
    options_.base_sequence = options_.base_sequence.plus(1);
    gen::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 30'000;
    auto& topic = request.topic_data.append();
    topic.name = kTopic;
    topic.partition_data.append().records = bytes::Buffer::copy_of(*builder_.finish(compressor_));
    return WholeClient::frame_of(request, kProduceVersion);
  }
  void produce(const bytes::Buffer& frame) {
    client_->send(frame);
    const auto answer = client_->receive<gen::ProduceResponse>(kProduceVersion);
    const auto& partition = answer.responses[0].partition_responses[0];
    ASSERT_EQ(partition.error_code, 0);
    ASSERT_EQ(partition.base_offset, produced_++);
  }
  /// One fetch of the session, from the same offset each time; the first one begins it.
  void fetch() {
    gen::FetchRequest request;
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    request.session_id = session_id_;
    request.session_epoch = session_epoch_++;
    if (session_id_ == 0) {
      auto& topic = request.topics.append();
      topic.topic = kTopic;
      auto& partition = topic.partitions.append();
      partition.fetch_offset = fetch_offset_;
      partition.partition_max_bytes = 1 << 20;
    }
    client_->send(WholeClient::frame_of(request, kFetchVersion));
    const auto answer = client_->receive<gen::FetchResponse>(kFetchVersion);
    ASSERT_EQ(answer.error_code, 0);
    ASSERT_EQ(answer.responses[0].partitions[0].error_code, 0);
    ASSERT_GT(answer.responses[0].partitions[0].records.buffer().size(), 60u);
    session_id_ = answer.session_id;
    ASSERT_NE(session_id_, 0);
  }
  /// Allocations on the reactor in `count` calls of `exchange`.
  template <class Exchange>
  uint64_t allocations_of(int count, Exchange exchange) {
    allocations = 0;
    broker_->on_reactor([] { counts_allocations = true; });
    for (int i = 0; i < count; ++i) exchange(i);
    broker_->on_reactor([] { counts_allocations = false; });
    return allocations;
  }

  std::optional<WholeBroker> broker_;
  std::optional<WholeClient> client_;
  record::BatchBuilder builder_;
  record::BatchOptions options_;
  bytes::Compressor compressor_;
  int64_t produced_ = 0;
  int32_t session_id_ = 0;
  int32_t session_epoch_ = 0;
  int64_t fetch_offset_ = kProducedBefore - 10;
};

void expect_table(const std::string& request, const Files& files) {
  const Files expected = read_table()[request];
  for (const std::string& file : files)
    EXPECT_TRUE(expected.contains(file))
        << request << " enters " << file << ", which tests/straight_way.txt does not name";
  for (const std::string& file : expected)
    EXPECT_TRUE(files.contains(file)) << request << " does not enter " << file << " any more";
}

constexpr int kTimes = 6;

template <class Exchange>
Files files_entered_each_time(Exchange exchange) {
  Files common = files_entered(exchange);
  for (int i = 1; i < kTimes; ++i) {
    const Files again = files_entered(exchange);
    std::erase_if(common, [&](const std::string& file) { return !again.contains(file); });
  }
  return common;
}

TEST_F(WholeBrokerTest, TheStraightWay) {
  if (guard_count == 0) GTEST_SKIP() << "calls are noted in builds with AddressSanitizer only";
  ASSERT_LT(guard_count, kGuardsMax);
  begin("ack");
  for (int i = 0; i < kProducedBefore; ++i) produce(next_produce());
  fetch();
  std::vector<bytes::Buffer> frames;
  for (int i = 0; i < kTimes; ++i) frames.push_back(next_produce());
  auto next = frames.begin();
  expect_table("produce", files_entered_each_time([&] { produce(*next++); }));
  expect_table("fetch", files_entered_each_time([&] { fetch(); }));
  session_id_ = session_epoch_ = 0;
  fetch_offset_ = kProducedBefore / 4;
  fetch();
  expect_table("look-up", files_entered_each_time([&] { fetch(); }));
}

// In class `os`, which leaves the controller's timers no time to run in between; class `ack` is
// counted in net/allocation_test.cc.
TEST_F(WholeBrokerTest, AProduceRequestAllocatesNothing) {
  constexpr int kWarm = 200;
  constexpr int kCounted = 500;
  constexpr uint64_t kTimersAndGrowth = 20;
  begin("os");
  std::vector<bytes::Buffer> frames;
  for (int i = 0; i < kWarm + kCounted; ++i) frames.push_back(next_produce());
  for (int i = 0; i < kWarm; ++i) produce(frames[static_cast<size_t>(i)]);
  const uint64_t counted =
      allocations_of(kCounted, [&](int i) { produce(frames[static_cast<size_t>(kWarm + i)]); });
  EXPECT_LE(counted, kTimersAndGrowth);
  std::printf("%llu allocations in %d produce requests\n", static_cast<unsigned long long>(counted),
              kCounted);
}

TEST_F(WholeBrokerTest, AFetchRequestAllocatesLittle) {
  begin("os");
  for (int i = 0; i < kProducedBefore; ++i) produce(next_produce());
  for (int i = 0; i < 50; ++i) fetch();
  const uint64_t counted = allocations_of(200, [&](int) { fetch(); });
  std::printf("%llu allocations in 200 fetch requests\n", static_cast<unsigned long long>(counted));
  EXPECT_LE(counted, 2u * 200 + 20)
      << "the topic's name is copied twice; by topic id there is no name";
}

}  // namespace
}  // namespace semel::tests
