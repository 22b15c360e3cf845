// For tests: a whole broker without a quorum, behind a SocketServer on loopback, and a client that
// speaks raw frames. The controller is played by the test: topics are made by changing the image.
#pragma once

#include <filesystem>
#include <future>
#include <string>

#include <gtest/gtest.h>

#include "api/broker/fetch_session.h"
#include "api/broker/services.h"
#include "cluster/image_publisher.h"
#include "gen/create_topics.h"
#include "log/log_manager.h"
#include "net/socket_server.h"
#include "replica/replica_manager.h"
#include "rt/linux/test_runtime.h"
#include "rt/stream_io.h"
#include "wire/frame.h"

namespace semel::net {

/// A directory that goes away with the test.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "semel-net-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class IgnoreDirectories final : public log::LogManagerListener {
 public:
  void on_directory_offline(const DirectoryId&, const std::string&,
                            const std::vector<TopicPartition>&, bool) override {}
};

class CountedIds final : public cluster::ProducerIdSource {
 public:
  rt::Task<Result<cluster::ProducerIdBlock>> next_block() override {
    const cluster::ProducerIdBlock block{next_, 1000};
    next_ += 1000;
    co_return block;
  }

 private:
  int64_t next_ = 1000;
};

/// Topics of a test, as the metadata would name them.
struct TestTopic {
  std::string name;
  int32_t partitions = 1;
  cluster::ConfigMap config;
  int32_t leader_epoch = 0;
  int64_t incarnation = 0;      // another one, another topic id
  std::optional<TopicId> id{};  // nothing: made from name and incarnation
};

class TestBroker;

/// Answers CreateTopics by changing the broker's image.
class TestController final : public cluster::ControllerChannel {
 public:
  explicit TestController(TestBroker& broker) : broker_(broker) {}
  rt::Task<Result<bytes::Buffer>> forward(rt::Executor& caller, cluster::ForwardedRequest request,
                                          rt::Duration timeout) override;
  rt::Task<Result<bytes::Buffer>> call(rt::Executor& caller, int16_t key, int16_t version,
                                       bytes::Buffer body, rt::Duration timeout) override;
  Versions versions(int16_t) const override { return {0, 7}; }

 private:
  Result<void> create(bytes::Reader& reader, int16_t version, bytes::Writer& answer);
  TestBroker& broker_;
};

struct TestBrokerOptions {
  uint32_t reactors = 1;
  SocketServerConfig server;
  replica::FlushPolicy flush = replica::FlushPolicy::kAuto;
  size_t memory = 256 << 20;
  bool auto_creates_topics = true;
  bool loses_creations = false;   // another request was always first: "exists already"
  std::vector<TestTopic> topics;  // there from the start
};

class TestBroker {
 public:
  explicit TestBroker(const std::string& data, const TestBrokerOptions& options = {});
  ~TestBroker();

  void create_topic(const TestTopic& topic);
  void delete_topic(const std::string& name);
  /// The partition as another leader's, or this broker's again.
  void move_leader(const std::string& topic, int32_t partition, BrokerId leader, int32_t epoch);
  void set_config(const std::string& topic, cluster::ConfigMap config);
  /// These replicas, all in sync.
  void set_isr(const std::string& topic, int32_t partition, std::vector<BrokerId> isr);
  void set_isr_only(const std::string& topic, int32_t partition, std::vector<BrokerId> isr);

  /// Ends all connections now; the destructor does the rest.
  void stop_server();

  rt::StartedRuntime& runtime() { return runtime_; }
  const rt::Address& address() const { return address_; }
  replica::ReplicaManager& replicas() { return *replicas_; }
  const TestBrokerOptions& options() const { return options_; }
  cluster::ImagePtr image() const { return images_.current(); }
  MemoryBudget& budget() { return budget_; }
  SocketServer& server() { return *server_; }
  api::broker::FetchSessionCache& sessions() { return sessions_; }
  static constexpr BrokerId kSelf{1};

 private:
  template <class Change>
  void change_image(Change change);
  template <class Change>
  void change_partition(const std::string& topic, int32_t partition, Change change);
  rt::Task<void> start_logs();
  rt::Task<void> stop_all();
  bool server_is_stopped_ = false;

  const TestBrokerOptions options_;
  rt::StartedRuntime runtime_;
  IgnoreDirectories directories_;
  cluster::ImagePublisher images_;
  CountedIds id_source_;
  cluster::ProducerIdAllocator ids_;
  TestController controller_{*this};
  security::AllowAll authorizer_;
  api::broker::BrokerFacts facts_;
  api::broker::FetchSessionCache sessions_;
  MemoryBudget budget_;
  std::unique_ptr<log::LogManager> logs_;
  std::unique_ptr<replica::ReplicaManager> replicas_;
  std::unique_ptr<api::broker::Services> services_;
  std::unique_ptr<SocketServer> server_;
  rt::Address address_;
};

/// One connection, used by one thread; every call blocks.
class TestClient {
 public:
  explicit TestClient(TestBroker& broker);
  ~TestClient();
  TestClient(const TestClient&) = delete;

  void send(bytes::ByteSpan raw);
  /// The next response frame without its length; nothing if the peer closed, or after `limit`.
  std::optional<bytes::Buffer> receive(rt::Duration limit = std::chrono::seconds(60));
  /// Frame with size and header.
  template <class Request>
  bytes::Buffer frame(const Request& request, int16_t version);
  /// Sends a request; returns its correlation id.
  template <class Request>
  int32_t send(const Request& request, int16_t version);
  /// Receives the answer to `correlation_id`, which must be the next one.
  template <class Response>
  Response receive_as(int32_t correlation_id, int16_t version);
  template <class Response, class Request>
  Response call(const Request& request, int16_t version) {
    const int32_t id = send(request, version);
    return receive_as<Response>(id, version);
  }

 private:
  TestBroker& broker_;
  std::unique_ptr<rt::Stream> stream_;
  int32_t next_id_ = 7;
};

template <class Request>
bytes::Buffer TestClient::frame(const Request& request, int16_t version) {
  bytes::Writer writer;
  const wire::FrameStart start = wire::begin_frame(writer);
  wire::put_request_header(writer, {Request::kApiKey, version, next_id_++, "test"},
                           gen::request_header_version(Request::kApiKey, version));
  EXPECT_TRUE(request.encode(writer, version).has_value());
  wire::end_frame(writer, start);
  return writer.take();
}

template <class Request>
int32_t TestClient::send(const Request& request, int16_t version) {
  const int32_t id = next_id_;
  send(frame(request, version).span());
  return id;
}

template <class Response>
Response TestClient::receive_as(int32_t correlation_id, int16_t version) {
  Response response;
  const auto frame = receive();
  EXPECT_TRUE(frame.has_value()) << "no answer";
  if (!frame) return response;
  bytes::Reader reader(*frame);
  const auto id =
      wire::read_response_header(reader, gen::response_header_version(Response::kApiKey, version));
  EXPECT_TRUE(id.has_value());
  EXPECT_EQ(id.value_or(-1), correlation_id);
  const auto decoded = response.decode(reader, version);
  EXPECT_TRUE(decoded.has_value()) << decoded.error().context;
  EXPECT_EQ(reader.remaining(), 0u);
  return response;
}

}  // namespace semel::net
