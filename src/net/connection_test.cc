// Connections with handlers of the test: order, barriers, limits, hostile and slow peers.
#include <map>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "gen/metadata.h"
#include "net/socket_server.h"
#include "net/test_peer.h"

namespace semel::net {
namespace {

constexpr int16_t kOverlapping = static_cast<int16_t>(gen::ApiKey::kMetadata);
constexpr int16_t kBarrier = static_cast<int16_t>(gen::ApiKey::kCreateTopics);

/// Answers with the body of the request: at once, or when the test says so.
class Scripted {
 public:
  struct Waiting {
    api::RequestContext* context;
    bytes::Buffer body;
  };
  class Handler final : public api::Handler {
   public:
    explicit Handler(Scripted& script) : script_(script) {}
    api::Progress admit(api::RequestContext& context) override {
      script_.admitted.push_back(context.header.correlation_id);
      if (!script_.holds) {
        respond(context, context.body());
        return api::Progress::kReady;
      }
      script_.waiting[context.header.correlation_id] = {&context, context.body()};
      context.work = &script_.work;
      return api::Progress::kWaiting;
    }
    void relieve() override { ++script_.relieved; }

   private:
    Scripted& script_;
  };
  struct CountedWork final : api::Work {
    void cancel() override { ++cancelled; }
    int cancelled = 0;
  };

  static void respond(api::RequestContext& context, const bytes::Buffer& body) {
    context.begin_response(false).put_bytes(body.span());
    context.end_response();
  }
  void release(int32_t id, api::Response::Fate fate = api::Response::Fate::kSend) {
    const Waiting held = waiting_of(id);
    respond(*held.context, held.body);
    held.context->response.fate = fate;
    held.context->finish();
  }
  Waiting waiting_of(int32_t id) {
    const auto at = waiting.find(id);
    SEMEL_ASSERT(at != waiting.end());
    return std::exchange(waiting.extract(at).mapped(), {});
  }
  std::unique_ptr<api::Dispatcher> make() {
    auto dispatcher = std::make_unique<api::Dispatcher>();
    dispatcher->add(api::ListenerKind::kBroker, gen::ApiKey::kMetadata, api::Order::kOverlaps,
                    std::make_unique<Handler>(*this));
    dispatcher->add(api::ListenerKind::kBroker, gen::ApiKey::kCreateTopics, api::Order::kBarrier,
                    std::make_unique<Handler>(*this));
    return dispatcher;
  }

  bool holds = true;
  int relieved = 0;
  std::vector<int32_t> admitted;
  std::map<int32_t, Waiting> waiting;
  CountedWork work;
};

class ConnectionTest : public ::testing::Test {
 protected:
  void start(SocketServerConfig config = {}, size_t memory = 256_MiB) {
    budget_ = std::make_unique<MemoryBudget>(memory, 1_MiB);
    server_ = std::make_unique<SocketServer>(
        *runtime_, config, *budget_,
        [this](api::ListenerKind, rt::Executor&) { return script_.make(); });
    runtime_.on(0, [this] {
      const auto bound =
          server_->listen({"PLAINTEXT", {"127.0.0.1", 0}, api::ListenerKind::kBroker});
      ASSERT_TRUE(bound.has_value()) << bound.error().context;
      address_ = *bound;
    });
  }
  ~ConnectionTest() override {
    if (server_ == nullptr) return;
    runtime_.on(0, [this] {
      script_.holds = false;
      for (auto& [id, held] : std::exchange(script_.waiting, {})) held.context->finish();
    });
    runtime_.run([this] { return server_->stop(); });
    server_.reset();
    EXPECT_EQ(budget_->used(), 0u);
  }

  static bytes::Buffer request(int32_t id, bytes::ByteSpan body, int16_t key = kOverlapping) {
    bytes::Writer writer;
    const auto start = wire::begin_frame(writer);
    wire::put_request_header(writer, {key, 4, id, "client"}, 1);
    writer.put_bytes(body);
    wire::end_frame(writer, start);
    return writer.take();
  }
  static bytes::Buffer request(int32_t id, std::string_view body, int16_t key = kOverlapping) {
    return request(id, bytes::as_bytes(body), key);
  }
  /// Correlation id and body.
  static std::pair<int32_t, std::string> answer(const std::optional<bytes::Buffer>& frame) {
    if (!frame) return {-1, "(closed)"};
    bytes::Reader reader(*frame);
    const int32_t id = reader.read_i32();
    return {id, std::string(bytes::as_text(reader.rest()))};
  }
  /// Waits until `ready()` holds on the reactor.
  template <class Ready>
  bool eventually(Ready ready) {
    for (int i = 0; i < 2000; ++i) {
      bool is_ready = false;
      runtime_.on(0, [&] { is_ready = ready(); });
      if (is_ready) return true;
      runtime_.run([this] { return pause(); });
    }
    return false;
  }
  rt::Task<void> pause() {
    co_await rt::sleep_for(runtime_.executor(), std::chrono::milliseconds(1));
  }
  void release(int32_t id, api::Response::Fate fate = api::Response::Fate::kSend) {
    runtime_.on(0, [&] { script_.release(id, fate); });
  }
  bool admits(size_t count) {
    return eventually([&] { return script_.admitted.size() >= count; });
  }

  rt::StartedRuntime runtime_;
  Scripted script_;
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<SocketServer> server_;
  rt::Address address_;
};

TEST_F(ConnectionTest, AnswersLeaveInTheOrderOfTheRequests) {
  start();
  TestPeer peer(runtime_, address_);
  peer.send(request(1, "one"));
  peer.send(request(2, "two"));
  peer.send(request(3, "three"));
  ASSERT_TRUE(admits(3));
  release(3);
  release(2);
  EXPECT_FALSE(peer.receive(std::chrono::milliseconds(30)).has_value());
  release(1);
  EXPECT_EQ(answer(peer.receive()), std::pair(1, std::string("one")));
  EXPECT_EQ(answer(peer.receive()), std::pair(2, std::string("two")));
  EXPECT_EQ(answer(peer.receive()), std::pair(3, std::string("three")));
}

TEST_F(ConnectionTest, ABarrierIsAlone) {
  start();
  TestPeer peer(runtime_, address_);
  peer.send(request(1, "a"));
  peer.send(request(2, "b", kBarrier));
  peer.send(request(3, "c"));
  ASSERT_TRUE(admits(1));
  runtime_.run([this] { return pause(); });
  runtime_.on(0, [&] { EXPECT_EQ(script_.admitted, (std::vector<int32_t>{1})); });
  release(1);
  ASSERT_TRUE(admits(2));
  runtime_.run([this] { return pause(); });
  runtime_.on(0, [&] { EXPECT_EQ(script_.admitted, (std::vector<int32_t>{1, 2})); });
  release(2);
  ASSERT_TRUE(admits(3));
  release(3);
  for (const int32_t id : {1, 2, 3}) EXPECT_EQ(answer(peer.receive()).first, id);
}

TEST_F(ConnectionTest, AtMostSixtyFourRequestsAreInFlight) {
  start();
  TestPeer peer(runtime_, address_);
  constexpr int32_t kRequests = 200;
  bytes::Writer all;
  for (int32_t id = 0; id < kRequests; ++id) all.put_bytes(request(id, "x").span());
  peer.send(all.take());
  ASSERT_TRUE(admits(64));
  runtime_.run([this] { return pause(); });
  runtime_.on(0, [&] { EXPECT_EQ(script_.admitted.size(), 64u); });
  for (int32_t id = 0; id < kRequests; ++id) {
    ASSERT_TRUE(admits(static_cast<size_t>(id) + 1));
    release(id);
    ASSERT_EQ(answer(peer.receive()).first, id);
  }
}

TEST_F(ConnectionTest, FramesArriveInAnyPieces) {
  start();
  script_.holds = false;
  TestPeer peer(runtime_, address_);
  std::mt19937 chance(7);
  bytes::Writer all;
  std::vector<std::string> bodies;
  for (int32_t id = 0; id < 120; ++id) {
    const size_t sizes[] = {0, 3, 100, 5'000, 16'000, 16'384, 70'000, 300'000};
    std::string body(sizes[chance() % std::size(sizes)] + chance() % 50, 'x');
    for (char& c : body) c = static_cast<char>(chance());
    all.put_bytes(request(id, body).span());
    bodies.push_back(std::move(body));
  }
  bodies.emplace_back(3'000'000, 'y');
  all.put_bytes(request(120, bodies.back()).span());
  const bytes::Buffer stream = all.take();
  peer.send_in_background(stream, [&chance] { return 1 + chance() % 40'000; });
  for (int32_t id = 0; id <= 120; ++id) {
    const auto got = answer(peer.receive());
    ASSERT_EQ(got.first, id);
    ASSERT_EQ(got.second, bodies[static_cast<size_t>(id)]) << "body " << id;
  }
}

TEST_F(ConnectionTest, OneByteAtATime) {
  start();
  script_.holds = false;
  TestPeer peer(runtime_, address_);
  const bytes::Buffer frame = request(9, "slow but sure");
  peer.send_in_background(frame, [] { return 1u; });
  EXPECT_EQ(answer(peer.receive()), std::pair(9, std::string("slow but sure")));
}

TEST_F(ConnectionTest, HostileFramesEndOnlyTheirConnection) {
  start({.frame_bytes_max = 1 << 20});
  script_.holds = false;
  TestPeer good(runtime_, address_);
  const auto closes = [&](std::initializer_list<uint8_t> raw) {
    TestPeer peer(runtime_, address_);
    std::vector<std::byte> bytes;
    for (const uint8_t byte : raw) bytes.push_back(std::byte{byte});
    peer.send(bytes::Buffer::take(bytes));
    const bool is_closed = peer.is_closed_within(std::chrono::seconds(5));
    EXPECT_EQ(peer.received_bytes(), 0u);
    return is_closed;
  };
  EXPECT_TRUE(closes({0x7f, 0xff, 0xff, 0xff}));  // 2 GiB announced
  EXPECT_TRUE(closes({0x00, 0x10, 0x00, 0x01}));  // one byte above the limit
  EXPECT_TRUE(closes({0xff, 0xff, 0xff, 0xff}));  // negative
  EXPECT_TRUE(closes({0x00, 0x00, 0x00, 0x00}));  // empty
  EXPECT_TRUE(closes({0, 0, 0, 4, 0, 3, 0, 4}));  // half a header
  EXPECT_TRUE(closes({0, 0, 0, 10, 0x4d, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff}));  // unknown API
  EXPECT_TRUE(closes({0, 0, 0, 10, 0, 3, 0x7f, 0, 0, 0, 0, 1, 0xff, 0xff}));  // unknown version
  EXPECT_TRUE(closes({0, 0, 0, 10, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xfe}));  // client id of −2 bytes
  EXPECT_TRUE(closes({0, 0, 0, 10, 0, 3, 0, 4, 0, 0, 0, 1, 0x7f, 0xff}));  // longer than the frame
  EXPECT_TRUE(closes({0, 0, 0, 15, 0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff,  // a header tag without end
                      0xff, 0xff, 0xff, 0xff, 0x0f}));
  good.send(request(1, "still here"));
  EXPECT_EQ(answer(good.receive()).second, "still here");
}

TEST_F(ConnectionTest, EarlierAnswersComeBeforeAProtocolViolationEndsIt) {
  start();
  TestPeer peer(runtime_, address_);
  peer.send(request(1, "fine"));
  peer.send(request(2, "unknown", 0x4d00));
  peer.send(request(3, "never looked at"));
  ASSERT_TRUE(admits(1));
  EXPECT_FALSE(peer.is_closed_within(std::chrono::milliseconds(30)));
  release(1);
  EXPECT_EQ(answer(peer.receive()).first, 1);
  EXPECT_TRUE(peer.is_closed_within(std::chrono::seconds(5)));
  runtime_.on(0, [&] { EXPECT_EQ(script_.admitted, (std::vector<int32_t>{1})); });
}

TEST_F(ConnectionTest, ARequestWithoutAnswerMayEndTheConnectionInItsTurn) {
  start();
  TestPeer peer(runtime_, address_);
  for (int32_t id = 1; id <= 4; ++id) peer.send(request(id, "x"));
  ASSERT_TRUE(admits(4));
  release(2, api::Response::Fate::kNone);
  release(3);
  release(4, api::Response::Fate::kClose);
  EXPECT_FALSE(peer.is_closed_within(std::chrono::milliseconds(30)));
  release(1);
  EXPECT_EQ(answer(peer.receive()).first, 1);
  EXPECT_EQ(answer(peer.receive()).first, 3);
  EXPECT_TRUE(peer.is_closed_within(std::chrono::seconds(5)));
}

TEST_F(ConnectionTest, APeerThatLeavesCancelsItsRequests) {
  start();
  {
    TestPeer peer(runtime_, address_);
    peer.send(request(1, "x"));
    ASSERT_TRUE(admits(1));
  }
  EXPECT_TRUE(eventually([&] { return script_.work.cancelled == 1; }));
  EXPECT_EQ(server_->connection_count(), 1u);
  release(1);
  EXPECT_TRUE(eventually([&] { return server_->connection_count() == 0; }));
}

TEST_F(ConnectionTest, LargeFramesWaitForMemoryAndSmallOnesDoNot) {
  SocketServerConfig config;
  config.frame_bytes_max = 3 << 20;
  start(config, 5_MiB);  // 1 MiB of it for small frames
  const std::string large((3 << 20) - 64, 'z');
  TestPeer first(runtime_, address_);
  TestPeer second(runtime_, address_);
  TestPeer small(runtime_, address_);
  first.send_in_background(request(1, large), [] { return 1u << 20; });
  ASSERT_TRUE(admits(1));
  second.send_in_background(request(2, large), [] { return 1u << 20; });
  small.send(request(3, "little"));
  ASSERT_TRUE(admits(2));
  runtime_.run([this] { return pause(); });
  runtime_.on(0, [&] { EXPECT_EQ(script_.admitted, (std::vector<int32_t>{1, 3})); });
  release(1);
  EXPECT_EQ(answer(first.receive()).second.size(), large.size());
  ASSERT_TRUE(admits(3));
  release(2);
  release(3);
  EXPECT_EQ(answer(second.receive()).second, large);
  EXPECT_EQ(answer(small.receive()).second, "little");
}

TEST_F(ConnectionTest, WhoWaitsForMemoryMayLeave) {
  SocketServerConfig config;
  config.frame_bytes_max = 3 << 20;
  start(config, 5_MiB);
  const std::string large((3 << 20) - 64, 'z');
  TestPeer first(runtime_, address_);
  first.send_in_background(request(1, large), [] { return 1u << 20; });
  ASSERT_TRUE(admits(1));
  {
    TestPeer second(runtime_, address_);
    second.send(request(2, large).slice(0, 10'000));
    ASSERT_TRUE(eventually([&] { return server_->connection_count() == 2; }));
    runtime_.run([this] { return pause(); });
  }
  release(1);
  EXPECT_EQ(answer(first.receive()).first, 1);
}

TEST_F(ConnectionTest, IdleAndDawdlingPeersAreLetGo) {
  SocketServerConfig config;
  config.times.idle = std::chrono::milliseconds(1500);
  config.times.frame_grace = std::chrono::milliseconds(300);
  start(config);
  TestPeer idle(runtime_, address_);
  TestPeer dawdling(runtime_, address_);
  TestPeer waiting(runtime_, address_);
  dawdling.send(request(1, "never finished").slice(0, 9));
  waiting.send(request(2, "waits for us"));
  EXPECT_TRUE(dawdling.is_closed_within(std::chrono::seconds(4)));
  EXPECT_TRUE(idle.is_closed_within(std::chrono::seconds(6)));
  release(2);
  EXPECT_EQ(answer(waiting.receive()).first, 2);
}

TEST_F(ConnectionTest, ConnectionsOfOneAddressAreCounted) {
  SocketServerConfig config;
  config.connections_per_ip_max = 2;
  start(config);
  script_.holds = false;
  TestPeer first(runtime_, address_);
  auto second = std::make_unique<TestPeer>(runtime_, address_);
  ASSERT_TRUE(eventually([&] { return server_->connection_count() == 2; }));
  TestPeer third(runtime_, address_);
  EXPECT_TRUE(third.is_closed_within(std::chrono::seconds(5)));
  second.reset();
  ASSERT_TRUE(eventually([&] { return server_->connection_count() == 1; }));
  TestPeer fourth(runtime_, address_);
  fourth.send(request(1, "welcome"));
  EXPECT_EQ(answer(fourth.receive()).second, "welcome");
  server_->set_connection_limits(ConnectionLimits::kUnlimited, 3);
  TestPeer fifth(runtime_, address_);
  fifth.send(request(2, "one more"));
  EXPECT_EQ(answer(fifth.receive()).second, "one more");
  server_->set_connection_limits(2, 3);
  TestPeer sixth(runtime_, address_);
  EXPECT_TRUE(sixth.is_closed_within(std::chrono::seconds(5)));
}

/// The decoder may take eight times a request's bytes, beyond its frame.
class ConnectionMemoryTest : public ConnectionTest {
 protected:
  static constexpr size_t kLarge = 900'000;
  void start_with(rt::Duration answer_grace = std::chrono::minutes(1)) {
    SocketServerConfig config;
    config.frame_bytes_max = 1'000'000;
    config.times.answer_grace = answer_grace;
    start(config, 20_MiB);
  }
};

TEST_F(ConnectionMemoryTest, ARequestWaitsForTheMemoryOfWhatItBecomes) {
  start_with();
  const std::string large(kLarge, 'l');
  TestPeer first(runtime_, address_);
  TestPeer second(runtime_, address_);
  TestPeer third(runtime_, address_);
  TestPeer fourth(runtime_, address_);
  TestPeer small(runtime_, address_);
  first.send(request(1, large));
  ASSERT_TRUE(admits(1));
  second.send(request(2, large));
  ASSERT_TRUE(admits(2));
  third.send(request(3, large));
  ASSERT_TRUE(admits(3)) << "one goes beyond the budget";
  fourth.send(request(4, large));
  ASSERT_TRUE(eventually([&] { return script_.relieved > 0; }));
  small.send(request(5, "small"));
  ASSERT_TRUE(admits(4));
  EXPECT_EQ(script_.admitted, (std::vector<int32_t>{1, 2, 3, 5})) << "a small one overtakes";
  release(5);
  release(1);
  ASSERT_TRUE(admits(5));
  EXPECT_EQ(script_.admitted.back(), 4);
  for (const int32_t id : {2, 3, 4}) release(id);
  EXPECT_EQ(answer(first.receive()).second, large);
  EXPECT_EQ(answer(second.receive()).second, large);
  EXPECT_EQ(answer(third.receive()).second, large);
  EXPECT_EQ(answer(fourth.receive()).second, large);
  EXPECT_EQ(answer(small.receive()).second, "small");
}

TEST_F(ConnectionMemoryTest, AServerThatStopsForgetsWhoWaitsForMemory) {
  start_with();
  const std::string large(kLarge, 'l');
  std::vector<std::unique_ptr<TestPeer>> peers;
  for (int32_t id = 1; id <= 4; ++id) {
    peers.push_back(std::make_unique<TestPeer>(runtime_, address_));
    peers.back()->send(request(id, large));
  }
  ASSERT_TRUE(eventually([&] { return script_.relieved > 0; }));
  const size_t admitted = script_.admitted.size();
  EXPECT_LT(admitted, 4u);
  auto stopped =
      std::async(std::launch::async, [this] { runtime_.run([this] { return server_->stop(); }); });
  ASSERT_TRUE(eventually([&] { return script_.work.cancelled == static_cast<int>(admitted); }));
  runtime_.on(0, [this] {
    for (auto& [id, held] : std::exchange(script_.waiting, {})) held.context->finish();
  });
  stopped.get();
  EXPECT_EQ(script_.admitted.size(), admitted) << "the others were never begun";
  for (const auto& peer : peers) EXPECT_TRUE(peer->is_closed_within(std::chrono::seconds(5)));
  server_.reset();
  EXPECT_EQ(budget_->used(), 0u);
}

TEST_F(ConnectionMemoryTest, WhoReadsNoAnswersIsClosedWhenMemoryIsShort) {
  start_with(std::chrono::milliseconds(50));
  script_.holds = false;
  const std::string large(kLarge, 'l');
  TestPeer deaf(runtime_, address_);
  bytes::Writer requests;
  for (int32_t id = 1; id <= 40; ++id) requests.put_bytes(request(id, large).span());
  deaf.send_in_background(requests.take(), [] { return 100'000u; });
  TestPeer reader(runtime_, address_);
  for (int32_t id = 101; id <= 120; ++id) {
    reader.send(request(id, large));
    EXPECT_EQ(answer(reader.receive()).second, large);
  }
}

TEST_F(ConnectionTest, AServerThatCannotServeItsLargestRequestDoesNotListen) {
  SocketServerConfig config;
  config.frame_bytes_max = 8 << 20;
  budget_ = std::make_unique<MemoryBudget>(4_MiB, 1_MiB);
  server_ = std::make_unique<SocketServer>(
      *runtime_, config, *budget_,
      [this](api::ListenerKind, rt::Executor&) { return script_.make(); });
  runtime_.on(0, [this] {
    const auto bound = server_->listen({"PLAINTEXT", {"127.0.0.1", 0}, api::ListenerKind::kBroker});
    ASSERT_FALSE(bound.has_value());
    EXPECT_EQ(bound.error().code, ErrorCode::kInvalidConfig);
  });
}

TEST_F(ConnectionTest, InProcessStreamsAreServedToo) {
  start();
  script_.holds = false;
  std::optional<TestPeer> peer;
  runtime_.on(0, [&] {
    auto [ours, theirs] = rt::make_memory_streams(runtime_.executor(), runtime_.executor(), 32_KiB);
    server_->adopt(std::move(ours), "CONTROLLER", api::ListenerKind::kBroker);
    peer.emplace(runtime_, std::move(theirs));
  });
  const std::string large(200'000, 'm');
  peer->send_in_background(request(5, large), [] { return 7'000u; });
  EXPECT_EQ(answer(peer->receive()).second, large);
  peer->close();
}

}  // namespace
}  // namespace semel::net
