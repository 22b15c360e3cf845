// A broker's side against the controller's handlers, over streams in memory: register, follow,
// unfence, forward, stop; on new directories and on those of real Kafka.
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "api/controller/dispatcher.h"
#include "bytes/endian.h"
#include "cluster/broker_lifecycle.h"
#include "cluster/controller_call.h"
#include "cluster/directory_reporter.h"
#include "cluster/features.h"
#include "cluster/format.h"
#include "cluster/image_writer.h"
#include "cluster/metadata_follower.h"
#include "cluster/peer_channel.h"
#include "gen/api_versions.h"
#include "gen/create_topics.h"
#include "gen/data/default_principal_data.h"
#include "gen/describe_quorum.h"
#include "gen/fetch.h"
#include "gen/incremental_alter_configs.h"
#include "rt/linux/test_runtime.h"
#include "rt/memory_stream.h"
#include "rt/stream_io.h"
#include "wire/frame.h"

namespace semel::api::controller {
namespace {

namespace fs = std::filesystem;
constexpr const char* kClusterId = "Z29sZGVuLWRhdGEtc2V0MA";

/// Serves one connection, one request after the other.
class MiniServer final : public ResponseSink {
 public:
  MiniServer(rt::Executor& executor, const Dispatcher& dispatcher,
             std::unique_ptr<rt::Stream> stream)
      : dispatcher_(dispatcher), stream_(std::move(stream)), done_(executor) {
    info_.executor = &executor;
    info_.kind = ListenerKind::kController;
  }
  static rt::Task<void> serve(std::shared_ptr<MiniServer> self) {
    while (true) {
      std::array<std::byte, 4> size{};
      auto header = co_await rt::read_exactly(*self->stream_, size);
      if (!header) co_return;
      std::vector<std::byte> frame(bytes::load_be<uint32_t>(size.data()));
      auto body = co_await rt::read_exactly(*self->stream_, frame);
      if (!body) co_return;
      RequestContext context;
      context.start(self->info_, *self, bytes::Buffer::take(std::move(frame)));
      if (!self->dispatcher_.route(context)) break;
      self->done_.reset();
      const Progress progress = self->dispatcher_.admit(context, false);
      if (progress == Progress::kWaiting) co_await self->done_.wait();
      if (progress == Progress::kClose || context.response.fate != Response::Fate::kSend) break;
      auto written = co_await rt::write_all(*self->stream_, context.response.out.written());
      if (!written) co_return;
    }
    self->stream_->close();
  }
  void finished(RequestContext&) override { done_.set(); }

 private:
  const Dispatcher& dispatcher_;
  std::unique_ptr<rt::Stream> stream_;
  rt::Event done_;
  ConnectionInfo info_;
};

class ControllerApiTest : public ::testing::Test {
 protected:
  ControllerApiTest()
      : directory_(fs::temp_directory_path() / fmt::format("semel-api-{}-{}", getpid(), ++count_)) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~ControllerApiTest() override {
    if (node_) stop();
    fs::remove_all(directory_);
  }

  void take_golden(const std::string& path) {
    fs::copy(std::string(SEMEL_GOLDEN_DIR) + "/" + path + "/__cluster_metadata-0",
             directory_ / "__cluster_metadata-0", fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(directory_))
      fs::permissions(entry.path(), fs::perms::owner_all, fs::perm_options::add);
  }

  void start(int32_t node) {
    cluster::ControllerNodeConfig config;
    config.directory = directory_;
    config.directory_id = Uuid::from_halves(3, 4);
    config.own_broker = BrokerId{1};
    config.settings.node_id = node;
    config.settings.cluster_id = kClusterId;
    config.settings.incarnation_id = runtime_->random->uuid();
    config.settings.bootstrap = cluster::bootstrap_records(cluster::default_feature_levels(), {});
    cluster::BrokerIdentity self;
    self.id = BrokerId{1};
    self.cluster_id = kClusterId;
    self.incarnation_id = runtime_->random->uuid();
    self.endpoints = {{"PLAINTEXT", "localhost", 9092, cluster::SecurityProtocol::kPlaintext}};
    self.features = cluster::controller_features();
    self.directories = log_directories_;
    runtime_.on(0, [&] {
      node_ = std::make_unique<cluster::EmbeddedController>(*runtime_, std::move(config),
                                                            [](const Error&) {});
      dispatcher_ = make_dispatcher(*node_, runtime_.executor());
      images_ = std::make_unique<cluster::ImagePublisher>();
      channel_ = std::make_unique<cluster::PeerChannel>(runtime_.executor(), opener());
      follower_ = std::make_unique<cluster::MetadataFollower>(
          runtime_.executor(), opener(), *images_,
          cluster::FollowerSettings{.cluster_id = kClusterId, .replica_id = node == 1 ? -1 : 1},
          [this](const Error& why) { fatal_ = why.context; });
      lifecycle_ = std::make_unique<cluster::BrokerLifecycle>(
          runtime_.executor(), *channel_, *images_, self, cluster::LifecycleTimes{});
    });
    runtime_.run([this] { return started(); });
    EXPECT_EQ(failure_, "");
    runtime_.on(0, [this] { follower_->start(); });
  }
  cluster::OpenStream opener() {
    return [this]() -> rt::Task<Result<std::unique_ptr<rt::Stream>>> {
      auto [near, far] =
          rt::make_memory_streams(runtime_.executor(), runtime_.executor(), 64 << 10);
      rt::spawn(MiniServer::serve(
          std::make_shared<MiniServer>(runtime_.executor(), *dispatcher_, std::move(far))));
      co_return std::move(near);
    };
  }
  void join() {
    runtime_.run([this] { return joined(); });
    ASSERT_EQ(failure_, "");
  }
  void stop() {
    runtime_.run([this] { return stopped(); });
    runtime_.on(0, [this] {
      lifecycle_.reset();
      follower_.reset();
      channel_.reset();
    });
    runtime_.run([this] { return node_->stop(); });
    runtime_.on(0, [this] {
      dispatcher_.reset();
      node_.reset();
    });
  }

  rt::Task<void> started() {
    auto result = co_await node_->start();
    failure_ = result ? "" : result.error().context;
  }
  rt::Task<void> joined() {
    auto registered = co_await lifecycle_->register_and_catch_up();
    failure_ = registered ? "" : registered.error().context;
    if (!registered) co_return;
    auto running = co_await lifecycle_->become_running();
    failure_ = running ? "" : running.error().context;
  }
  rt::Task<void> stopped() {
    if (lifecycle_->state() == cluster::LifecycleState::kRunning) co_await lifecycle_->shut_down();
    follower_->stop();
    channel_->close();
    co_await rt::sleep_for(runtime_.executor(), std::chrono::milliseconds(5));
  }

  /// Sends a client's request through the channel and decodes the answer.
  template <class Response, class Request>
  Result<Response> forward(const Request& request, int16_t version) {
    bytes::Writer frame;
    wire::RequestHeader header;
    header.api_key = Request::kApiKey;
    header.api_version = version;
    header.correlation_id = 77;
    header.client_id = "client";
    wire::put_request_header(frame, header, gen::request_header_version(Request::kApiKey, version));
    EXPECT_TRUE(request.encode(frame, version).has_value());
    Result<bytes::Buffer> answer = fail(ErrorCode::kUnknownServerError);
    bytes::Buffer raw = frame.take();
    runtime_.run([&] { return forwarded(raw, answer); });
    if (!answer) return fail(answer.error());
    bytes::Reader reader(*answer);
    EXPECT_EQ(reader.read_i32(), 77);
    if (Response::is_flexible(version)) {
      EXPECT_EQ(reader.read_i8(), 0);
    }
    Response response;
    SEMEL_CHECK(response.decode(reader, version));
    return response;
  }
  rt::Task<void> forwarded(bytes::Buffer raw, Result<bytes::Buffer>& answer) {
    gen::DefaultPrincipalData data;
    data.type = "User";
    data.name = "alice";
    bytes::Writer principal;
    principal.put_i16(0);
    EXPECT_TRUE(data.encode(principal, 0).has_value());
    cluster::ForwardedRequest request{std::move(raw), principal.take(), {127, 0, 0, 1}};
    auto got = co_await channel_->forward(runtime_.executor(), std::move(request),
                                          std::chrono::seconds(10));
    answer = std::move(got);
  }

  gen::CreateTopicsResponse create(const std::string& name, int32_t partitions) {
    gen::CreateTopicsRequest request;
    auto& topic = request.topics.append();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    auto response = forward<gen::CreateTopicsResponse>(request, 7);
    EXPECT_TRUE(response.has_value()) << response.error().context;
    return *response;
  }
  /// Waits until the broker's image has everything that is committed.
  void sync() {
    for (int i = 0; i < 2000; ++i) {
      bool is_there = false;
      runtime_.on(0, [&] {
        is_there = images_->current()->last_offset + 1 >= node_->quorum().high_watermark();
      });
      if (is_there) return;
      usleep(1000);
    }
    FAIL() << "the image did not follow";
  }
  static std::vector<std::string> texts(const cluster::MetadataImage& image) {
    std::vector<std::string> result;
    for (const auto& record : cluster::to_records(image)) {
      bytes::Writer writer;
      cluster::encode_record(record, writer);
      result.push_back(std::string(bytes::as_text(writer.written())));
    }
    return result;
  }

  static inline int count_ = 0;
  std::vector<DirectoryId> log_directories_{Uuid::from_halves(8, 9)};
  fs::path directory_;
  rt::StartedRuntime runtime_{1, 2};
  std::unique_ptr<cluster::EmbeddedController> node_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<cluster::ImagePublisher> images_;
  std::unique_ptr<cluster::PeerChannel> channel_;
  std::unique_ptr<cluster::MetadataFollower> follower_;
  std::unique_ptr<cluster::BrokerLifecycle> lifecycle_;
  std::string failure_;
  std::string fatal_;
};

TEST_F(ControllerApiTest, ABrokerJoinsForwardsAndLeaves) {
  start(1001);
  join();
  EXPECT_TRUE(images_->current()->is_active(BrokerId{1}));
  const auto created = create("t", 3);
  EXPECT_EQ(created.topics[0].error_code, 0);
  EXPECT_EQ(created.topics[0].num_partitions, 3);
  sync();
  ASSERT_NE(images_->current()->topic("t"), nullptr);
  EXPECT_EQ(images_->current()->topic("t")->id, created.topics[0].topic_id);
  EXPECT_EQ(images_->current()->partition("t", PartitionIndex{2})->leader, BrokerId{1});
  EXPECT_EQ(create("t", 1).topics[0].error_code, 36);
  runtime_.run([this] { return stopped(); });
  EXPECT_EQ(lifecycle_->state(), cluster::LifecycleState::kStopped);
  runtime_.on(0, [this] {
    EXPECT_TRUE(node_->controller().image()->broker(BrokerId{1})->fenced);
    EXPECT_FALSE(node_->controller().image()->partition("t", PartitionIndex{0})->has_leader());
  });
}

TEST_F(ControllerApiTest, ARestartedBrokerComesBackAtOnce) {
  start(1001);
  join();
  create("t", 1);
  // The broker vanishes without a word; its registration stays unfenced in the log.
  runtime_.on(0, [this] {
    lifecycle_.reset();
    follower_->stop();
    channel_->close();
  });
  runtime_.run([this] { return node_->stop(); });
  runtime_.on(0, [this] {
    follower_.reset();
    channel_.reset();
    dispatcher_.reset();
    node_.reset();
  });
  const auto begun = std::chrono::milliseconds(runtime_->clock->now().ns / 1'000'000);
  start(1001);
  join();
  const auto took = std::chrono::milliseconds(runtime_->clock->now().ns / 1'000'000) - begun;
  EXPECT_LT(took.count(), 4000) << "no session time-out is waited for";
  sync();
  for (int i = 0; i < 5000; ++i) {
    if (images_->current()->partition("t", PartitionIndex{0})->leader == BrokerId{1}) break;
    usleep(1000);
  }
  const auto image = images_->current();
  const auto* partition = image->partition("t", PartitionIndex{0});
  EXPECT_EQ(partition->leader, BrokerId{1});
  EXPECT_EQ(partition->leader_epoch, LeaderEpoch{2}) << "as Kafka's: 0, 2, 4 over restarts";
}

TEST_F(ControllerApiTest, ADirectoryOfKafkasIsFollowedFromItsSnapshot) {
  take_golden("kafka-4.3.1/clean");
  log_directories_ = {*Uuid::from_text("WwRETkZhpuHUeeusvzI0ew")};
  start(1);
  join();
  sync();
  EXPECT_EQ(fatal_, "");
  runtime_.on(
      0, [this] { EXPECT_EQ(texts(*images_->current()), texts(*node_->controller().image())); });
  const auto leader = [this] {
    return images_->current()->partition("idem", PartitionIndex{0})->leader;
  };
  for (int i = 0; i < 5000 && leader() != BrokerId{1}; ++i) usleep(1000);
  EXPECT_EQ(leader(), BrokerId{1});
  EXPECT_EQ(images_->current()->metadata_version(), 30);
  EXPECT_EQ(create("after", 1).topics[0].error_code, 0);
}

TEST_F(ControllerApiTest, TheControllerLearnsWhereReplicasLie) {
  log_directories_.push_back(Uuid::from_halves(8, 10));
  start(1001);
  join();
  create("before", 1);
  sync();
  const auto directory = [this](const std::string& topic, int32_t index) {
    return images_->current()->partition(topic, PartitionIndex{index})->directory_of(BrokerId{1});
  };
  EXPECT_EQ(directory("before", 0), kDirectoryUnassigned);
  std::unique_ptr<cluster::DirectoryReporter> reporter;
  runtime_.on(0, [&] {
    reporter = std::make_unique<cluster::DirectoryReporter>(
        runtime_.executor(), *channel_, *lifecycle_, BrokerId{1},
        [this](const TopicPartition& name) -> std::optional<DirectoryId> {
          if (name.topic == "absent") return std::nullopt;
          return log_directories_[static_cast<size_t>(name.partition.value) % 2];
        });
    reporter->start(images_->current());
    images_->add_listener(*reporter);
  });
  create("absent", 1);
  create("after", 3);
  const auto is_known = [&] {
    const auto image = images_->current();
    return image->topic("after") != nullptr && directory("before", 0) == log_directories_[0] &&
           directory("after", 0) == log_directories_[0] &&
           directory("after", 1) == log_directories_[1] &&
           directory("after", 2) == log_directories_[0];
  };
  for (int i = 0; i < 5000 && !is_known(); ++i) usleep(1000);
  EXPECT_TRUE(is_known());
  EXPECT_EQ(directory("absent", 0), kDirectoryUnassigned);
  EXPECT_EQ(images_->current()->partition("after", PartitionIndex{1})->leader_epoch,
            LeaderEpoch{0});
  runtime_.on(0, [&] {
    images_->remove_listener(*reporter);
    reporter->stop();
  });
}

TEST_F(ControllerApiTest, SettingsAreAlteredAndChecked) {
  start(1001);
  join();
  create("t", 1);
  const auto alter = [&](const std::string& name, std::optional<std::string> value,
                         int8_t operation, const std::string& topic = "t") {
    gen::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.append();
    resource.resource_type = 2;
    resource.resource_name = topic;
    auto& config = resource.configs.append();
    config.name = name;
    config.value = std::move(value);
    config.config_operation = operation;
    const auto response = forward<gen::IncrementalAlterConfigsResponse>(request, 1);
    EXPECT_TRUE(response.has_value());
    const auto& result = response->responses[0];
    return fmt::format("{} {}", result.error_code, result.error_message.value_or(""));
  };
  EXPECT_EQ(alter("retention.ms", "100", 0), "0 ");
  EXPECT_EQ(alter("cleanup.policy", "compact", 2), "0 ");
  sync();
  const auto config = images_->current()->config(cluster::ConfigResourceType::kTopic, "t");
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->at("retention.ms"), "100");
  EXPECT_EQ(config->at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(alter("retention.ms", "5", 2),
            "40 Can't APPEND to key retention.ms because its type is not LIST.");
  EXPECT_EQ(alter("retention.ms", std::nullopt, 0),
            "42 Null value not supported for : retention.ms");
  EXPECT_EQ(alter("nosuch", "5", 0), "40 Unknown topic config name: nosuch");
  EXPECT_EQ(alter("retention.ms", "5", 0, "u"), "3 The topic 'u' does not exist.");
  EXPECT_EQ(alter("retention.ms", std::nullopt, 1), "0 ");
}

TEST_F(ControllerApiTest, TheQuorumIsDescribedWithItsObserver) {
  start(1001);
  join();
  gen::DescribeQuorumRequest request;
  auto& topic = request.topics.append();
  topic.topic_name = "__cluster_metadata";
  topic.partitions.append();
  const auto response = forward<gen::DescribeQuorumResponse>(request, 2);
  ASSERT_TRUE(response.has_value());
  const auto& partition = response->topics[0].partitions[0];
  EXPECT_EQ(partition.leader_id, 1001);
  ASSERT_EQ(partition.current_voters.size(), 1u);
  ASSERT_EQ(partition.observers.size(), 1u);
  EXPECT_EQ(partition.observers[0].replica_id, 1);
  EXPECT_EQ(response->nodes[0].node_id, 1001);
}

TEST_F(ControllerApiTest, WhatMayNotBeForwardedIsRefused) {
  start(1001);
  gen::FetchRequest fetch;
  EXPECT_FALSE(forward<gen::FetchResponse>(fetch, 18).has_value());
  Result<bytes::Buffer> answer = fail(ErrorCode::kNone);
  runtime_.run([&] { return forwarded(bytes::Buffer::copy_of(std::string_view("xx")), answer); });
  EXPECT_FALSE(answer.has_value());
}

}  // namespace
}  // namespace semel::api::controller
