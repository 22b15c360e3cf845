#include "api/controller/dispatcher.h"

#include "api/controller/call.h"
#include "cluster/features.h"
#include "gen/api_versions.h"
#include "gen/envelope.h"
#include "wire/frame.h"

namespace semel::api::controller {
namespace {

struct Row {
  gen::ApiKey key;
  Order order;
  Answer answer;
};

/// Fetch waits for news and writes wait for their commit: later requests of a connection begin
/// before they are answered. Decisions are taken in the order of arrival.
constexpr Row kRows[] = {
    {gen::ApiKey::kFetch, Order::kOverlaps, &answer_fetch},
    {gen::ApiKey::kCreateTopics, Order::kOverlaps, &answer_create_topics},
    {gen::ApiKey::kDeleteTopics, Order::kOverlaps, &answer_delete_topics},
    {gen::ApiKey::kAlterConfigs, Order::kOverlaps, &answer_alter_configs},
    {gen::ApiKey::kElectLeaders, Order::kOverlaps, &answer_elect_leaders},
    {gen::ApiKey::kIncrementalAlterConfigs, Order::kOverlaps, &answer_incremental_alter_configs},
    {gen::ApiKey::kCreatePartitions, Order::kOverlaps, &answer_create_partitions},
    {gen::ApiKey::kDescribeQuorum, Order::kOverlaps, &answer_describe_quorum},
    {gen::ApiKey::kAlterPartition, Order::kOverlaps, &answer_alter_partition},
    {gen::ApiKey::kUpdateFeatures, Order::kOverlaps, &answer_update_features},
    {gen::ApiKey::kFetchSnapshot, Order::kOverlaps, &answer_fetch_snapshot},
    {gen::ApiKey::kDescribeCluster, Order::kOverlaps, &answer_describe_cluster},
    {gen::ApiKey::kBrokerRegistration, Order::kOverlaps, &answer_broker_registration},
    {gen::ApiKey::kBrokerHeartbeat, Order::kOverlaps, &answer_broker_heartbeat},
    {gen::ApiKey::kUnregisterBroker, Order::kOverlaps, &answer_unregister_broker},
    {gen::ApiKey::kAllocateProducerIds, Order::kOverlaps, &answer_allocate_producer_ids},
    {gen::ApiKey::kAssignReplicasToDirs, Order::kOverlaps, &answer_assign_replicas_to_dirs},
};

const Row* find_row(int16_t key) {
  for (const Row& row : kRows)
    if (static_cast<int16_t>(row.key) == key) return &row;
  return nullptr;
}

/// Tells the call that its connection is gone.
class CancellableWork final : public Work {
 public:
  void cancel() override { source_.cancel(); }
  rt::CancelToken token() const { return source_.token(); }

 private:
  rt::CancelSource source_;
};

/// Runs one Answer on the controller's home executor.
class AnswerHandler final : public TaskHandler {
 public:
  AnswerHandler(cluster::EmbeddedController& node, Answer answer) : node_(node), answer_(answer) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override {
    rt::Executor& caller = context.executor();
    CancellableWork work;
    context.work = &work;
    Call call{node_,       context.header.version, context.body(), context.header.client_id, {},
              work.token()};
    if (!node_.home().is_current()) co_await rt::resume_on(node_.home());
    const bool is_answered = co_await answer_(call);
    if (!caller.is_current()) co_await rt::resume_on(caller);
    context.work = nullptr;
    if (!is_answered) co_return Progress::kClose;
    context.begin_response(context.row->is_flexible(context.header.version))
        .put_bytes(call.out.written());
    context.end_response();
    co_return Progress::kReady;
  }

 private:
  cluster::EmbeddedController& node_;
  Answer answer_;
};

/// A client's request that a broker passed on (KIP-590).
class EnvelopeHandler final : public TaskHandler {
 public:
  explicit EnvelopeHandler(cluster::EmbeddedController& node) : node_(node) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override {
    rt::Executor& caller = context.executor();
    const bytes::Buffer body = context.body();
    bytes::Reader reader(body);
    gen::EnvelopeRequest request;
    const auto decoded = request.decode(reader, context.header.version);
    if (!decoded) co_return Progress::kClose;
    gen::EnvelopeResponse response;
    if (!node_.home().is_current()) co_await rt::resume_on(node_.home());
    const ErrorCode code = co_await answer_inner(request.request_data, response);
    if (!caller.is_current()) co_await rt::resume_on(caller);
    response.error_code = wire_code(code);
    context.respond(response);
    co_return Progress::kReady;
  }

 private:
  rt::Task<ErrorCode> answer_inner(const bytes::Buffer& frame, gen::EnvelopeResponse& response) {
    const auto prefix = wire::peek_request(frame.span());
    if (!prefix) co_return ErrorCode::kInvalidRequest;
    const Row* row = find_row(prefix->api_key);
    const gen::ApiInfo* info = gen::find_api(prefix->api_key);
    if (row == nullptr || info == nullptr || !info->forwardable)
      co_return ErrorCode::kInvalidRequest;
    if (prefix->api_version < info->min_version || prefix->api_version > info->max_version)
      co_return ErrorCode::kUnsupportedVersion;
    bytes::Reader reader(frame);
    const auto header = wire::read_request_header(
        reader, gen::request_header_version(prefix->api_key, prefix->api_version));
    if (!header) co_return ErrorCode::kInvalidRequest;
    Call call{node_,
              prefix->api_version,
              frame.slice(reader.position(), reader.remaining()),
              std::string(header->client_id.value_or("")),
              {},
              {}};
    const bool is_answered = co_await row->answer(call);
    if (!is_answered) co_return ErrorCode::kInvalidRequest;
    bytes::Writer out;
    wire::put_response_header(out, prefix->correlation_id,
                              gen::response_header_version(prefix->api_key, prefix->api_version));
    out.put_bytes(call.out.written());
    response.response_data = out.take();
    co_return ErrorCode::kNone;
  }

  cluster::EmbeddedController& node_;
};

/// What this listener serves, and the features of the cluster (KIP-511, KIP-584).
class ApiVersionsHandler final : public TaskHandler {
 public:
  ApiVersionsHandler(cluster::EmbeddedController& node, const Dispatcher& dispatcher)
      : node_(node), dispatcher_(dispatcher) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override {
    rt::Executor& caller = context.executor();
    const int16_t version = context.header.version;
    gen::ApiVersionsResponse response;
    if (!context.version_is_known) {
      response.error_code = wire_code(ErrorCode::kUnsupportedVersion);
      add(response, *context.row);
      const auto encoded = response.encode(context.begin_response(false), 0);
      if (!encoded) co_return Progress::kClose;
      context.end_response();
      co_return Progress::kReady;
    }
    const bytes::Buffer body = context.body();
    bytes::Reader reader(body);
    gen::ApiVersionsRequest request;
    const auto decoded = request.decode(reader, version);
    if (!decoded) co_return Progress::kClose;
    for (const ApiRow& row : dispatcher_.rows())
      if (row.handler != nullptr) add(response, row);
    if (!node_.home().is_current()) co_await rt::resume_on(node_.home());
    list_features(version, response);
    if (!caller.is_current()) co_await rt::resume_on(caller);
    context.respond(response);
    co_return Progress::kReady;
  }

 private:
  static void add(gen::ApiVersionsResponse& response, const ApiRow& row) {
    auto& api = response.api_keys.append();
    api.api_key = row.key;
    api.min_version = row.listed_from;
    api.max_version = row.max_version;
  }

  void list_features(int16_t version, gen::ApiVersionsResponse& response) const {
    constexpr int16_t kFirstWithFeatures = 3;
    // Old Java clients refuse a supported feature whose lowest level is 0 (KAFKA-17492).
    constexpr int16_t kFirstWithZero = 4;
    if (version < kFirstWithFeatures) return;
    for (const auto& [name, levels] : node_.config().settings.features) {
      if (levels.min == 0 && version < kFirstWithZero) continue;
      auto& feature = response.supported_features.append();
      feature.name = name;
      feature.min_version = levels.min;
      feature.max_version = levels.max;
    }
    const cluster::ImagePtr& image = node_.controller().image();
    if (image->last_offset.value < 0) return;
    response.finalized_features_epoch = image->last_offset.value;
    for (const auto& [name, level] : image->features) {
      auto& feature = response.finalized_features.append();
      feature.name = name;
      feature.max_version_level = level;
      feature.min_version_level = level;
    }
  }

  cluster::EmbeddedController& node_;
  const Dispatcher& dispatcher_;
};

}  // namespace

std::unique_ptr<Dispatcher> make_dispatcher(cluster::EmbeddedController& node, rt::Executor&) {
  auto dispatcher = std::make_unique<Dispatcher>();
  constexpr ListenerKind kKind = ListenerKind::kController;
  for (const Row& row : kRows)
    dispatcher->add(kKind, row.key, row.order, std::make_unique<AnswerHandler>(node, row.answer));
  dispatcher->add(kKind, gen::ApiKey::kEnvelope, Order::kOverlaps,
                  std::make_unique<EnvelopeHandler>(node));
  dispatcher->add(kKind, gen::ApiKey::kApiVersions, Order::kOverlaps,
                  std::make_unique<ApiVersionsHandler>(node, *dispatcher));
  return dispatcher;
}

}  // namespace semel::api::controller
