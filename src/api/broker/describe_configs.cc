#include "gen/describe_configs.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "api/broker/small_handlers.h"
#include "api/broker/topic_names.h"
#include "api/wire_code.h"
#include "bytes/reader.h"
#include "cluster/config_schema.h"
#include "cluster/resource_config.h"

namespace semel::api::broker {
namespace {

using cluster::ConfigMapPtr;
using cluster::ConfigResourceType;
using Asked = gen::DescribeConfigsRequest::DescribeConfigsResource;
using Answer = gen::DescribeConfigsResponse::DescribeConfigsResult;

struct Layers {
  ConfigMapPtr topic;
  ConfigMapPtr broker;
  ConfigMapPtr all_brokers;

  cluster::ConfigLayers borrow(const cluster::ConfigMap& static_broker) const {
    return {topic.get(), broker.get(), all_brokers.get(), &static_broker};
  }
};

bool is_wanted(const Asked& asked, std::string_view name) {
  if (asked.configuration_keys.is_null()) return true;
  return std::ranges::find(asked.configuration_keys, name) != asked.configuration_keys.end();
}

/// Of settings that nobody here knows.
constexpr auto kUnknownType = cluster::ConfigType{0};

struct Setting {
  std::string_view name;
  cluster::ConfigType type;
  bool is_read_only;
};

void put(const Setting& setting, const cluster::EffectiveConfig& effective, bool with_synonyms,
         Answer& answer) {
  const bool is_sensitive =
      setting.type == cluster::ConfigType::kPassword || setting.type == kUnknownType;
  auto& entry = answer.configs.append();
  entry.name = setting.name;
  entry.value.reset();
  if (!is_sensitive) entry.value = effective.value;
  entry.read_only = setting.is_read_only;
  entry.config_source = static_cast<int8_t>(effective.source);
  entry.is_sensitive = is_sensitive;
  entry.config_type = static_cast<int8_t>(setting.type);
  entry.documentation.reset();
  if (!with_synonyms) return;
  for (const cluster::ConfigSynonym& synonym : effective.synonyms) {
    auto& listed = entry.synonyms.append();
    listed.name = synonym.name;
    listed.value.reset();
    if (!is_sensitive) listed.value = synonym.value;
    listed.source = static_cast<int8_t>(synonym.source);
  }
}

void refuse(Answer& answer, ErrorCode code, std::string text) {
  answer.error_code = wire_code(code);
  answer.error_message = std::move(text);
}

void describe_topic(const Asked& asked, const Layers& layers, const BrokerFacts& facts,
                    bool with_synonyms, Answer& answer) {
  const cluster::ConfigLayers borrowed = layers.borrow(facts.static_config);
  for (const cluster::TopicConfigKey& key : cluster::topic_config_keys()) {
    if (key.is_internal || !is_wanted(asked, key.name)) continue;
    put({key.name, key.type, false}, cluster::effective_topic_config(key, borrowed), with_synonyms,
        answer);
  }
}

/// Settings that nobody here knows: they may be secrets.
void describe_unknown(const Asked& asked, const Layers& layers, bool with_synonyms,
                      Answer& answer) {
  std::map<std::string, std::vector<cluster::ConfigSynonym>> unknown;
  const auto collect = [&](const ConfigMapPtr& map, cluster::ConfigSource source) {
    if (map == nullptr) return;
    for (const auto& [name, value] : *map)
      if (cluster::find_broker_config(name) == nullptr && is_wanted(asked, name))
        unknown[name].push_back({name, value, source});
  };
  collect(layers.broker, cluster::ConfigSource::kDynamicBroker);
  collect(layers.all_brokers, cluster::ConfigSource::kDynamicDefaultBroker);
  for (auto& [name, synonyms] : unknown) {
    const cluster::ConfigSource source = synonyms.front().source;
    put({name, kUnknownType, true}, {"", source, std::move(synonyms)}, with_synonyms, answer);
  }
}

void describe_broker(const Asked& asked, const Layers& layers, const BrokerFacts& facts,
                     bool with_synonyms, Answer& answer) {
  const cluster::ConfigLayers borrowed = layers.borrow(facts.static_config);
  for (const cluster::BrokerConfigKey& key : cluster::broker_config_keys()) {
    if (key.is_internal || !is_wanted(asked, key.name)) continue;
    const auto effective = cluster::effective_broker_config(key, borrowed);
    put({key.name, key.type, !key.is_dynamic}, effective.value_or(cluster::EffectiveConfig()),
        with_synonyms, answer);
    if (!effective) answer.configs.back().value.reset();
  }
  describe_unknown(asked, layers, with_synonyms, answer);
}

void describe_other(const Asked& asked, const cluster::ConfigMap* own,
                    const cluster::ConfigLayers& broker, bool with_synonyms, Answer& answer) {
  const auto type = static_cast<ConfigResourceType>(asked.resource_type);
  for (const cluster::BrokerConfigKey& key : cluster::resource_config_keys(type)) {
    if (!is_wanted(asked, key.name)) continue;
    put({key.name, key.type, false}, cluster::effective_resource_config(type, key, own, broker),
        with_synonyms, answer);
  }
}

/// The dynamic settings of every broker, as they were set.
void describe_defaults(const Asked& asked, const ConfigMapPtr& all_brokers, bool with_synonyms,
                       Answer& answer) {
  if (all_brokers == nullptr) return;
  for (const auto& [name, value] : *all_brokers) {
    const cluster::BrokerConfigKey* key = cluster::find_broker_config(name);
    if (!is_wanted(asked, name)) continue;
    const auto type = key != nullptr ? key->type : kUnknownType;
    const auto source = cluster::ConfigSource::kDynamicDefaultBroker;
    put({name, type, key == nullptr}, {value, source, {{name, value, source}}}, with_synonyms,
        answer);
  }
}

}  // namespace

Progress DescribeConfigsHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::DescribeConfigsRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  const cluster::ImagePtr image = services_.images.current();
  const std::string self = std::to_string(services_.facts.self.value);
  const auto& principal = context.connection().principal;
  gen::DescribeConfigsResponse response;
  // Each is answered once: an answer is far larger than its question.
  std::set<std::pair<int8_t, std::string_view>> seen;
  for (const Asked& asked : request.resources) {
    if (!seen.emplace(asked.resource_type, asked.resource_name).second) continue;
    Answer& answer = response.results.append();
    answer.resource_type = asked.resource_type;
    answer.resource_name = asked.resource_name;
    const auto type = static_cast<ConfigResourceType>(asked.resource_type);
    const bool is_topic = type == ConfigResourceType::kTopic;
    const bool may_describe = services_.authorizer.allows(
        principal, security::Operation::kDescribeConfigs,
        is_topic ? security::ResourceType::kTopic : security::ResourceType::kCluster,
        is_topic ? std::string_view(asked.resource_name) : security::kClusterName);
    Layers layers;
    layers.broker = image->config(ConfigResourceType::kBroker, self);
    layers.all_brokers = image->config(ConfigResourceType::kBroker, "");
    if (!may_describe) {
      refuse(
          answer,
          is_topic ? ErrorCode::kTopicAuthorizationFailed : ErrorCode::kClusterAuthorizationFailed,
          "");
    } else if (is_topic && !is_valid_topic(asked.resource_name)) {
      refuse(answer, ErrorCode::kInvalidTopicException, "Topic name is invalid");
    } else if (is_topic && image->topic(asked.resource_name) == nullptr) {
      refuse(answer, ErrorCode::kUnknownTopicOrPartition, "");
    } else if (is_topic) {
      layers.topic = image->config(ConfigResourceType::kTopic, asked.resource_name);
      describe_topic(asked, layers, services_.facts, request.include_synonyms, answer);
    } else if (type == ConfigResourceType::kBroker && asked.resource_name.empty()) {
      describe_defaults(asked, layers.all_brokers, request.include_synonyms, answer);
    } else if (type == ConfigResourceType::kBroker && asked.resource_name == self) {
      describe_broker(asked, layers, services_.facts, request.include_synonyms, answer);
    } else if (type == ConfigResourceType::kBroker) {
      refuse(answer, ErrorCode::kInvalidRequest,
             "Unexpected broker id, expected " + self + " or empty string, but received " +
                 asked.resource_name);
    } else if (!cluster::resource_config_keys(type).empty() && asked.resource_name.empty()) {
      refuse(answer, ErrorCode::kInvalidRequest,
             type == ConfigResourceType::kGroup
                 ? "Group name must not be empty"
                 : "Client metrics subscription name must not be empty");
    } else if (!cluster::resource_config_keys(type).empty()) {
      const auto own = image->config(type, asked.resource_name);
      describe_other(asked, own.get(), layers.borrow(services_.facts.static_config),
                     request.include_synonyms, answer);
    } else {
      refuse(answer, ErrorCode::kInvalidRequest,
             "Unsupported resource type: " + std::to_string(asked.resource_type));
    }
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
