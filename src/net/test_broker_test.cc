#include "net/test_broker.h"

#include <algorithm>

namespace semel::net {
namespace {

TopicId id_of(const std::string& name, int64_t salt) {
  return Uuid::from_halves(std::hash<std::string>{}(name) | 1, static_cast<uint64_t>(salt) + 1);
}

}  // namespace

Result<void> TestController::create(bytes::Reader& reader, int16_t version, bytes::Writer& answer) {
  gen::CreateTopicsRequest request;
  SEMEL_CHECK(request.decode(reader, version));
  gen::CreateTopicsResponse response;
  for (const auto& topic : request.topics) {
    auto& result = response.topics.append();
    result.name = topic.name;
    if (broker_.options().loses_creations || broker_.image()->topic(topic.name) != nullptr) {
      result.error_code = static_cast<int16_t>(ErrorCode::kTopicAlreadyExists);
      continue;
    }
    const auto is_same = [&topic](const auto& other) { return other.name == topic.name; };
    if (std::ranges::count_if(request.topics, is_same) > 1) {
      result.error_code = static_cast<int16_t>(ErrorCode::kInvalidRequest);
      continue;
    }
    broker_.create_topic({topic.name, topic.num_partitions, {}});
    result.topic_id = broker_.image()->topic(topic.name)->id;
  }
  return response.encode(answer, version);
}

rt::Task<Result<bytes::Buffer>> TestController::forward(rt::Executor&,
                                                        cluster::ForwardedRequest request,
                                                        rt::Duration) {
  bytes::Reader reader(request.request);
  const auto prefix = wire::peek_request(request.request.span());
  const int16_t key = prefix->api_key;
  const int16_t version = prefix->api_version;
  const auto header = wire::read_request_header(reader, gen::request_header_version(key, version));
  bytes::Writer answer;
  wire::put_response_header(answer, header->correlation_id,
                            gen::response_header_version(key, version));
  const auto created = create(reader, version, answer);
  if (!created) co_return fail(created.error());
  co_return answer.take();
}

rt::Task<Result<bytes::Buffer>> TestController::call(rt::Executor&, int16_t, int16_t version,
                                                     bytes::Buffer body, rt::Duration) {
  bytes::Reader reader(body);
  bytes::Writer answer;
  const auto created = create(reader, version, answer);
  if (!created) co_return fail(created.error());
  co_return answer.take();
}

TestBroker::TestBroker(const std::string& data, const TestBrokerOptions& options)
    : options_(options),
      runtime_(options.reactors),
      ids_(id_source_, runtime_.executor()),
      sessions_(1000, *runtime_->clock, *runtime_->random),
      budget_(options.memory) {
  facts_.self = kSelf;
  facts_.cluster_id = "4L6g3nShT-eMCtK--X86sw";
  facts_.auto_creates_topics = options.auto_creates_topics;
  facts_.supported_features = {{"metadata.version", {7, 30}}, {"kraft.version", {0, 1}}};
  log::LogManagerConfig log_config;
  log_config.directories = {data};
  log_config.node_id = kSelf;
  log_config.cluster_id = facts_.cluster_id;
  log_config.formats_new_directories = true;
  log_config.config_of = [this](const std::string& topic) {
    return replica::topic_settings(*image(), topic, kSelf, facts_.static_config).log;
  };
  logs_ = std::make_unique<log::LogManager>(*runtime_, log_config, directories_);
  replicas_ = std::make_unique<replica::ReplicaManager>(
      *runtime_, replica::PartitionConfig{.self = kSelf, .flush = options.flush}, *logs_,
      facts_.static_config);
  services_ = std::make_unique<api::broker::Services>(
      api::broker::Services{facts_, *runtime_, images_, replicas_->table(), controller_, ids_,
                            authorizer_, sessions_, *logs_});
  server_ = std::make_unique<SocketServer>(
      *runtime_, options.server, budget_, [this](api::ListenerKind, rt::Executor& executor) {
        return api::broker::make_dispatcher(*services_, executor);
      });
  runtime_.run([this] { return start_logs(); });
}

rt::Task<void> TestBroker::start_logs() {
  const auto bound = server_->listen({"PLAINTEXT", {"127.0.0.1", 0}, api::ListenerKind::kBroker});
  EXPECT_TRUE(bound.has_value()) << bound.error().context;
  address_ = *bound;
  auto brokers = std::make_shared<cluster::BrokersImage>();
  auto self = std::make_shared<cluster::BrokerRegistration>();
  self->id = kSelf;
  self->fenced = false;
  self->endpoints = {
      {"PLAINTEXT", "127.0.0.1", address_.port, cluster::SecurityProtocol::kPlaintext}};
  brokers->brokers[kSelf] = self;
  auto first = std::make_shared<cluster::MetadataImage>(*images_.current());
  first->brokers = brokers;
  first->features = {{"metadata.version", 25}};
  first->last_offset = Offset{1};
  cluster::ImageChange change;
  change.before = images_.current();
  change.after = first;
  images_.publish(change);
  for (const TestTopic& topic : options_.topics) create_topic(topic);

  bool is_done = false;
  logs_->start([&](Result<log::LoadReport> report) {
    EXPECT_TRUE(report.has_value()) << report.error().context;
    is_done = true;
  });
  while (!is_done) co_await rt::sleep_for(runtime_.executor(), std::chrono::milliseconds(1));
  images_.add_listener(*replicas_);
  replicas_->start(images_.current());
}

rt::Task<void> TestBroker::stop_all() {
  if (!server_is_stopped_) co_await server_->stop();
  replicas_->stop();
  bool is_done = false;
  logs_->stop(5, [&](Result<void> stopped) {
    EXPECT_TRUE(stopped.has_value()) << stopped.error().context;
    is_done = true;
  });
  while (!is_done) co_await rt::sleep_for(runtime_.executor(), std::chrono::milliseconds(1));
}

void TestBroker::stop_server() {
  runtime_.run([this] { return server_->stop(); });
  server_is_stopped_ = true;
}

TestBroker::~TestBroker() {
  runtime_.run([this] { return stop_all(); });
  for (size_t i = 0; i < options_.reactors; ++i) runtime_.on(i, [] {});
  server_.reset();
  runtime_.on(0, [this] {
    replicas_.reset();
    logs_.reset();
  });
}

template <class Change>
void TestBroker::change_image(Change change) {
  const auto apply = [&] {
    cluster::ImageChange news;
    news.before = images_.current();
    auto next = std::make_shared<cluster::MetadataImage>(*news.before);
    next->last_offset = next->last_offset + 1;
    auto topics = std::make_shared<cluster::TopicsImage>(*next->topics);
    auto configs = std::make_shared<cluster::ConfigsImage>(*next->configs);
    change(*topics, *configs, news);
    next->topics = topics;
    next->configs = configs;
    news.after = next;
    images_.publish(news);
  };
  if (runtime_.executor().is_current())
    apply();
  else
    runtime_.on(0, apply);
}

void TestBroker::create_topic(const TestTopic& topic) {
  change_image([&](auto& topics, auto& configs, auto& news) {
    auto image = std::make_shared<cluster::TopicImage>();
    image->name = topic.name;
    image->id = topic.id.value_or(id_of(topic.name, topic.incarnation));
    for (int32_t i = 0; i < topic.partitions; ++i) {
      auto partition = std::make_shared<cluster::PartitionRegistration>();
      partition->replicas = {kSelf};
      partition->directories = {kDirectoryUnassigned};
      partition->isr = {kSelf};
      partition->leader = kSelf;
      partition->leader_epoch = LeaderEpoch{topic.leader_epoch};
      image->partitions.push_back(partition);
    }
    topics.by_name.set(topic.name, image);
    topics.by_id.set(image->id, image);
    if (!topic.config.empty()) {
      const cluster::ConfigResource resource{cluster::ConfigResourceType::kTopic, topic.name};
      configs.set(resource, std::make_shared<const cluster::ConfigMap>(topic.config));
      news.configs_changed.push_back(resource);
    }
    news.topics_created.push_back(image->id);
  });
}

void TestBroker::delete_topic(const std::string& name) {
  change_image([&](auto& topics, auto&, auto& news) {
    const cluster::TopicPtr topic = *topics.by_name.find(name);
    topics.by_name.erase(name);
    topics.by_id.erase(topic->id);
    news.topics_deleted.push_back(topic);
  });
}

template <class Change>
void TestBroker::change_partition(const std::string& name, int32_t partition, Change change) {
  change_image([&](auto& topics, auto&, auto& news) {
    auto topic = std::make_shared<cluster::TopicImage>(**topics.by_name.find(name));
    auto& place = topic->partitions[static_cast<size_t>(partition)];
    auto changed = std::make_shared<cluster::PartitionRegistration>(*place);
    change(*changed);
    ++changed->partition_epoch;
    place = changed;
    topics.by_name.set(name, topic);
    topics.by_id.set(topic->id, topic);
    news.topics_changed.push_back(topic->id);
  });
}

void TestBroker::move_leader(const std::string& name, int32_t partition, BrokerId leader,
                             int32_t epoch) {
  change_partition(name, partition, [&](cluster::PartitionRegistration& changed) {
    changed.leader = leader;
    changed.leader_epoch = LeaderEpoch{epoch};
  });
}

void TestBroker::set_isr(const std::string& name, int32_t partition, std::vector<BrokerId> isr) {
  change_partition(name, partition, [&](cluster::PartitionRegistration& changed) {
    changed.isr = isr;
    changed.replicas = isr;
    changed.directories.assign(isr.size(), kDirectoryUnassigned);
  });
}

void TestBroker::set_isr_only(const std::string& name, int32_t partition,
                              std::vector<BrokerId> isr) {
  change_partition(name, partition,
                   [&](cluster::PartitionRegistration& changed) { changed.isr = isr; });
}

void TestBroker::set_config(const std::string& name, cluster::ConfigMap config) {
  change_image([&](auto&, auto& configs, auto& news) {
    const cluster::ConfigResource resource{cluster::ConfigResourceType::kTopic, name};
    configs.set(resource, std::make_shared<const cluster::ConfigMap>(std::move(config)));
    news.configs_changed.push_back(resource);
  });
}

namespace {

rt::Task<void> connect_to(rt::Runtime& runtime, rt::Address address,
                          std::unique_ptr<rt::Stream>& stream) {
  auto connected =
      co_await runtime.network->connect(*runtime.executors[0], address, std::chrono::seconds(5));
  EXPECT_TRUE(connected.has_value());
  if (connected) stream = std::move(*connected);
}

rt::Task<void> send_all(rt::Stream& stream, bytes::ByteSpan raw) {
  // The broker may have closed already: the test sees that when it receives.
  const auto written = co_await rt::write_all(stream, raw);
  std::ignore = written;
}

rt::Task<void> receive_frame(rt::Stream& stream, rt::Duration limit,
                             std::optional<bytes::Buffer>& frame) {
  const rt::WaitLimits limits{stream.executor().clock().now() + limit, nullptr};
  std::array<std::byte, 4> size;
  const auto has_size = co_await rt::read_exactly(stream, size, limits);
  if (!has_size) co_return;
  std::vector<std::byte> body(bytes::load_be<uint32_t>(size.data()));
  const auto has_body = co_await rt::read_exactly(stream, body, limits);
  if (has_body) frame = bytes::Buffer::take(std::move(body));
}

}  // namespace

TestClient::TestClient(TestBroker& broker) : broker_(broker) {
  broker.runtime().run([&] { return connect_to(*broker.runtime(), broker.address(), stream_); });
}

TestClient::~TestClient() {
  broker_.runtime().on(0, [this] { stream_.reset(); });
}

void TestClient::send(bytes::ByteSpan raw) {
  broker_.runtime().run([&] { return send_all(*stream_, raw); });
}

std::optional<bytes::Buffer> TestClient::receive(rt::Duration limit) {
  std::optional<bytes::Buffer> frame;
  broker_.runtime().run([&] { return receive_frame(*stream_, limit, frame); });
  return frame;
}

}  // namespace semel::net
