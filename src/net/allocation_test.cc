// A warm broker allocates nothing per produce request on the connection's reactor.
#include <sanitizer/allocator_interface.h>

#include <atomic>

#include "net/test_broker.h"
#include "net/test_peer.h"
#include "net/test_records.h"

namespace semel::net {
namespace {

thread_local bool is_counted = false;
std::atomic<uint64_t> allocations{0};

void on_malloc(const volatile void*, size_t) {
  if (is_counted) allocations.fetch_add(1, std::memory_order_relaxed);
}
void on_free(const volatile void*) {}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEMEL_COUNTS_ALLOCATIONS 1
#endif
#endif

// In class `os`: in class `ack` a request may begin a group commit, which allocates per commit.
TEST(AllocationTest, NonePerProduceInSteadyState) {
#if !defined(SEMEL_COUNTS_ALLOCATIONS)
  GTEST_SKIP() << "counted in sanitizer builds only";
#else
  const std::string topic = "a-topic-with-a-name-too-long-for-a-small-string";
  TempDir dir;
  TestBrokerOptions options;
  options.reactors = 2;
  options.flush = replica::FlushPolicy::kOs;
  options.topics = {{topic, 1, {}}};
  TestBroker broker(dir.path(), options);
  std::optional<TestPeer> peer;
  broker.runtime().on(1, [&] {
    auto [theirs, ours] = rt::make_memory_streams(broker.runtime().executor(0),
                                                  broker.runtime().executor(1), 256 << 10);
    broker.server().adopt(std::move(ours), "PLAINTEXT", api::ListenerKind::kBroker);
    peer.emplace(broker.runtime(), std::move(theirs));
  });

  constexpr int32_t kWarm = 300;
  constexpr int32_t kCounted = 1000;
  TestClient framer(broker);
  std::vector<bytes::Buffer> frames;
  for (int32_t i = 0; i < kWarm + kCounted; ++i) {
    auto request = produce_request(topic, 0, batch_of({"some value", "another value"}, {9, 0, 2 * i}));
    frames.push_back(framer.frame(request, 9));
  }
  ASSERT_TRUE(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free));
  const auto exchange = [&](int32_t i) {
    peer->send(frames[static_cast<size_t>(i)]);
    const auto answer = peer->receive();
    ASSERT_TRUE(answer.has_value());
    bytes::Reader reader(*answer);
    ASSERT_TRUE(wire::read_response_header(reader, 1).has_value());
    gen::ProduceResponse response;
    ASSERT_TRUE(response.decode(reader, 9).has_value());
    ASSERT_EQ(response.responses[0].partition_responses[0].error_code, 0);
    ASSERT_EQ(response.responses[0].partition_responses[0].base_offset, 2 * i);
  };
  for (int32_t i = 0; i < kWarm; ++i) exchange(i);
  allocations.store(0);
  broker.runtime().on(1, [] { is_counted = true; });
  for (int32_t i = kWarm; i < kWarm + kCounted; ++i) exchange(i);
  broker.runtime().on(1, [] { is_counted = false; });
  // The vectors behind index entries may grow a few times.
  EXPECT_LE(allocations.load(), 12u) << "in " << kCounted << " requests";
#endif
}

}  // namespace
}  // namespace semel::net
