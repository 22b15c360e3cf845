#include "api/broker/metadata.h"

#include <algorithm>
#include <set>

#include "api/broker/listener_view.h"
#include "api/broker/topic_names.h"
#include "api/wire_code.h"
#include "base/log.h"
#include "bytes/reader.h"
#include "gen/create_topics.h"

namespace semel::api::broker {
namespace {

using security::Operation;
using security::ResourceType;
constexpr int16_t kFirstWithIds = 12;
constexpr rt::Duration kCreationWait = std::chrono::seconds(2);
constexpr rt::Duration kCreationPoll = std::chrono::milliseconds(2);

bool asks_all(const gen::MetadataRequest& request, int16_t version) {
  return request.topics.is_null() || (version == 0 && request.topics.empty());
}

/// Topics by id, and without name, exist from version 12 on.
bool is_well_formed(const gen::MetadataRequest& request, int16_t version) {
  if (version >= kFirstWithIds) return true;
  return std::ranges::all_of(request.topics, [](const auto& topic) {
    return topic.name.has_value() && topic.topic_id.is_zero();
  });
}

/// As in Kafka, what is named repeatedly is answered once; an answer may be far larger than its
/// question.
void drop_repeated(gen::MetadataRequest& request) {
  std::set<std::pair<TopicId, std::string>> seen;
  size_t kept = 0;
  for (size_t i = 0; i < request.topics.size(); ++i) {
    auto& topic = request.topics[i];
    const bool by_id = !topic.topic_id.is_zero();
    if (!seen.emplace(topic.topic_id, by_id ? "" : topic.name.value_or("")).second) continue;
    if (kept != i) request.topics[kept] = std::move(topic);
    ++kept;
  }
  while (request.topics.size() > kept) request.topics.pop_back();
}

}  // namespace

rt::Task<Progress> MetadataHandler::run(RequestContext& context) {
  const int16_t version = context.header.version;
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::MetadataRequest request;
  const auto decoded = request.decode(reader, version);
  if (!decoded) co_return Progress::kClose;

  drop_repeated(request);
  gen::MetadataResponse response;
  if (!is_well_formed(request, version)) {
    for (const auto& asked : request.topics) {
      Topic& topic = response.topics.append();
      topic.error_code = wire_code(ErrorCode::kInvalidRequest);
      topic.name = asked.name.value_or("");
    }
    context.respond(response);
    co_return Progress::kReady;
  }
  if (request.allow_auto_topic_creation && services_.facts.auto_creates_topics &&
      !asks_all(request, version)) {
    co_await create_missing(context, request);
  }
  fill(context, request, response);
  context.respond(response);
  co_return Progress::kReady;
}

bool MetadataHandler::may_describe(const RequestContext& context, std::string_view topic) const {
  return services_.authorizer.allows(context.connection().principal, Operation::kDescribe,
                                     ResourceType::kTopic, topic);
}

std::vector<std::string> MetadataHandler::missing_topics(
    const RequestContext& context, const gen::MetadataRequest& request) const {
  const cluster::ImagePtr image = services_.images.current();
  const auto& principal = context.connection().principal;
  std::vector<std::string> missing;
  for (const auto& asked : request.topics) {
    if (!asked.topic_id.is_zero() || !asked.name || image->topic(*asked.name) != nullptr) continue;
    if (!is_valid_topic(*asked.name) || is_internal_topic(*asked.name)) continue;
    const bool may_create =
        services_.authorizer.allows(principal, Operation::kCreate, ResourceType::kCluster,
                                    security::kClusterName) ||
        services_.authorizer.allows(principal, Operation::kCreate, ResourceType::kTopic,
                                    *asked.name);
    if (may_create && may_describe(context, *asked.name)) missing.push_back(*asked.name);
  }
  return missing;
}

rt::Task<void> MetadataHandler::create_missing(RequestContext& context,
                                               const gen::MetadataRequest& request) {
  const std::vector<std::string> missing = missing_topics(context, request);
  if (missing.empty()) co_return;
  constexpr int16_t kVersion = 7;
  gen::CreateTopicsRequest create;
  create.timeout_ms = static_cast<int32_t>(std::chrono::milliseconds(1000 * 30).count());
  for (const std::string& name : missing) {
    auto& topic = create.topics.append();
    topic.name = name;
    topic.num_partitions = services_.facts.auto_create_partitions;
    topic.replication_factor = services_.facts.auto_create_replication;
  }
  bytes::Writer body;
  const auto encoded = create.encode(body, kVersion);
  SEMEL_ASSERT(encoded.has_value());
  auto answer =
      co_await services_.controller.call(context.executor(), gen::CreateTopicsRequest::kApiKey,
                                         kVersion, body.take(), services_.facts.request_timeout);
  if (!answer) {
    log_warn("api", "topics could not be created on first use: {}", answer.error().context);
    co_return;
  }
  gen::CreateTopicsResponse created;
  bytes::Reader reader(*answer);
  const auto decoded = created.decode(reader, kVersion);
  if (!decoded) co_return;
  std::vector<std::string> expected;
  for (const auto& topic : created.topics) {
    const auto code = static_cast<ErrorCode>(topic.error_code);
    // Two clients that name a topic first at the same time: the later one waits for it too.
    if (code == ErrorCode::kNone || code == ErrorCode::kTopicAlreadyExists)
      expected.push_back(topic.name);
    else
      log_info("api", "topic {} was not created on first use: error {} {}", topic.name,
               topic.error_code, topic.error_message.value_or(""));
  }
  const rt::Instant give_up = context.executor().clock().now() + kCreationWait;
  while (context.executor().clock().now() < give_up) {
    const cluster::ImagePtr image = services_.images.current();
    const bool is_there = std::ranges::all_of(
        expected, [&image](const std::string& name) { return image->topic(name) != nullptr; });
    if (is_there) co_return;
    co_await rt::sleep_for(context.executor(), kCreationPoll);
  }
}

void MetadataHandler::fill(const RequestContext& context, const gen::MetadataRequest& request,
                           gen::MetadataResponse& response) const {
  const cluster::ImagePtr image = services_.images.current();
  const std::string& listener = context.connection().listener;
  for (const auto& [id, broker] : image->brokers->brokers) {
    const cluster::Endpoint* endpoint = broker->endpoint(listener);
    if (broker->fenced || endpoint == nullptr) continue;
    auto& node = response.brokers.append();
    node.node_id = id.value;
    node.host = endpoint->host;
    node.port = endpoint->port;
    node.rack = broker->rack;
    // Kafka names any live broker here: clients send what the controller answers to a broker.
    if (response.controller_id < 0 || id == services_.facts.self) response.controller_id = id.value;
  }
  response.cluster_id = services_.facts.cluster_id;
  if (asks_all(request, context.header.version)) {
    image->topics->by_id.for_each([&](const TopicId&, const cluster::TopicPtr& topic) {
      if (may_describe(context, topic->name))
        fill_topic(context, *image, *topic, response.topics.append());
    });
  } else {
    fill_asked(context, request, *image, response);
  }
  const auto& principal = context.connection().principal;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = security::authorized_operations(
        services_.authorizer, principal, ResourceType::kCluster, security::kClusterName);
  }
  if (!request.include_topic_authorized_operations) return;
  for (Topic& topic : response.topics) {
    if (topic.error_code != 0) continue;
    topic.topic_authorized_operations = security::authorized_operations(
        services_.authorizer, principal, ResourceType::kTopic, *topic.name);
  }
}

void MetadataHandler::fill_asked(const RequestContext& context, const gen::MetadataRequest& request,
                                 const cluster::MetadataImage& image,
                                 gen::MetadataResponse& response) const {
  for (const auto& asked : request.topics) {
    const bool by_id = !asked.topic_id.is_zero();
    const cluster::TopicPtr topic =
        by_id ? image.topic(asked.topic_id) : image.topic(asked.name.value_or(""));
    Topic& answer = response.topics.append();
    if (topic != nullptr && may_describe(context, topic->name)) {
      fill_topic(context, image, *topic, answer);
      continue;
    }
    ErrorCode code = ErrorCode::kUnknownTopicOrPartition;
    if (by_id) {
      answer.topic_id = asked.topic_id;
      answer.name.reset();
      code = topic != nullptr ? ErrorCode::kTopicAuthorizationFailed : ErrorCode::kUnknownTopicId;
    } else {
      answer.name = asked.name.value_or("");
      if (!is_valid_topic(*answer.name)) code = ErrorCode::kInvalidTopicException;
      if (!may_describe(context, *answer.name)) code = ErrorCode::kTopicAuthorizationFailed;
      answer.is_internal = is_internal_topic(*answer.name);
    }
    answer.error_code = wire_code(code);
  }
}

void MetadataHandler::fill_topic(const RequestContext& context, const cluster::MetadataImage& image,
                                 const cluster::TopicImage& topic, Topic& answer) const {
  answer.name = topic.name;
  answer.topic_id = topic.id;
  answer.is_internal = is_internal_topic(topic.name);
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    auto& partition = answer.partitions.append();
    partition.partition_index = static_cast<int32_t>(i);
    fill_partition(context, image, *topic.partitions[i], partition);
  }
}

void MetadataHandler::fill_partition(
    const RequestContext& context, const cluster::MetadataImage& image,
    const cluster::PartitionRegistration& partition,
    gen::MetadataResponse::MetadataResponsePartition& answer) const {
  constexpr int16_t kFirstWithListenerError = 6;
  ListenerView(image, context.connection().listener).put_replicas(partition, answer);
  if (answer.leader_id >= 0) return;
  const cluster::BrokerRegistration* leader =
      partition.has_leader() ? image.broker(partition.leader) : nullptr;
  const bool lacks_listener =
      leader != nullptr && !leader->fenced && context.header.version >= kFirstWithListenerError;
  answer.error_code =
      wire_code(lacks_listener ? ErrorCode::kListenerNotFound : ErrorCode::kLeaderNotAvailable);
}

}  // namespace semel::api::broker
