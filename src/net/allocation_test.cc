// A warm broker allocates nothing per produce request, of either durability class.
#include <atomic>

#include <sanitizer/allocator_interface.h>

#include "net/test_broker.h"
#include "net/test_peer.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEMEL_COUNTS_ALLOCATIONS 1
#endif
#endif

#if defined(SEMEL_COUNTS_ALLOCATIONS)

/// Where this thread's allocations are counted; null = nowhere.
thread_local std::atomic<uint64_t>* counter = nullptr;

void on_malloc(const volatile void*, size_t) {
  if (counter != nullptr) counter->fetch_add(1, std::memory_order_relaxed);
}
void on_free(const volatile void*) {}

constexpr int32_t kWarm = 300;
constexpr int32_t kCounted = 1000;

struct Counted {
  uint64_t connection = 0;  // on the reactor of the connection
  uint64_t home = 0;  // on the reactor of the flusher; what the test's own peer does there included
};

void exchange(TestPeer& peer, const bytes::Buffer& frame, int64_t base_offset) {
  peer.send(frame);
  const auto answer = peer.receive();
  ASSERT_TRUE(answer.has_value());
  bytes::Reader reader(*answer);
  ASSERT_TRUE(wire::read_response_header(reader, 1).has_value());
  gen::ProduceResponse response;
  ASSERT_TRUE(response.decode(reader, 9).has_value());
  ASSERT_EQ(response.responses[0].partition_responses[0].error_code, 0);
  ASSERT_EQ(response.responses[0].partition_responses[0].base_offset, base_offset);
}

Counted count_produces(replica::FlushPolicy flush) {
  const std::string topic = "a-topic-with-a-name-too-long-for-a-small-string";
  TempDir dir;
  TestBrokerOptions options;
  options.reactors = 2;
  options.flush = flush;
  options.topics = {{topic, 1, {}}};
  TestBroker broker(dir.path(), options);
  std::optional<TestPeer> peer;
  broker.runtime().on(1, [&] {
    auto [theirs, ours] = rt::make_memory_streams(broker.runtime().executor(0),
                                                  broker.runtime().executor(1), 256 << 10);
    broker.server().adopt(std::move(ours), "PLAINTEXT", api::ListenerKind::kBroker);
    peer.emplace(broker.runtime(), std::move(theirs));
  });
  TestClient framer(broker);
  std::vector<bytes::Buffer> frames;
  for (int32_t i = 0; i < kWarm + kCounted; ++i) {
    auto request =
        produce_request(topic, 0, batch_of({"some value", "another value"}, {9, 0, 2 * i}));
    frames.push_back(framer.frame(request, 9));
  }
  for (int32_t i = 0; i < kWarm; ++i) exchange(*peer, frames[static_cast<size_t>(i)], 2 * i);
  std::atomic<uint64_t> home{0};
  std::atomic<uint64_t> connection{0};
  broker.runtime().on(0, [&] { counter = &home; });
  broker.runtime().on(1, [&] { counter = &connection; });
  for (int32_t i = kWarm; i < kWarm + kCounted; ++i)
    exchange(*peer, frames[static_cast<size_t>(i)], 2 * i);
  broker.runtime().on(1, [] { counter = nullptr; });
  broker.runtime().on(0, [] { counter = nullptr; });
  return {connection.load(), home.load()};
}

// A group commit, of class `ack`, begins on the connection's reactor and ends on the flusher's.
TEST(AllocationTest, NonePerProduceInSteadyState) {
  ASSERT_TRUE(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free));
  const Counted os = count_produces(replica::FlushPolicy::kOs);
  const Counted ack = count_produces(replica::FlushPolicy::kAck);
  // The vectors behind index entries may grow a few times.
  EXPECT_LE(os.connection, 12u) << "in " << kCounted << " requests";
  EXPECT_LE(ack.connection, 12u) << "in " << kCounted << " requests";
  // The log manager's timers run there too, oftener the longer the syncs take.
  EXPECT_LE(ack.home, os.home + kCounted / 10) << "in " << kCounted << " commits";
}

#else

TEST(AllocationTest, NonePerProduceInSteadyState) {
  GTEST_SKIP() << "counted in sanitizer builds only";
}

#endif

}  // namespace
}  // namespace semel::net
