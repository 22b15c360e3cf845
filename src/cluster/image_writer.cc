#include "cluster/image_writer.h"

#include <algorithm>

#include "cluster/broker_record.h"
#include "cluster/features.h"
#include "cluster/partition_record.h"

namespace semel::cluster {
namespace {

template <class Record>
void put_endpoints(const std::vector<Endpoint>& endpoints, Record& record) {
  for (const Endpoint& endpoint : endpoints) {
    auto& out = record.end_points.append();
    out.name = endpoint.listener;
    out.host = endpoint.host;
    out.port = endpoint.port;
    out.security_protocol = static_cast<int16_t>(endpoint.protocol);
  }
}

template <class Record>
void put_features(const std::map<std::string, LevelRange>& features, Record& record) {
  for (const auto& [name, range] : features) {
    auto& out = record.features.append();
    out.name = name;
    out.min_supported_version = range.min;
    out.max_supported_version = range.max;
  }
}

bytes::Buffer to_buffer(const std::vector<uint8_t>& octets) {
  return bytes::Buffer::copy_of(std::as_bytes(std::span(octets)));
}

void add_features(const MetadataImage& image, Records& out) {
  const auto add = [&](std::string_view name, int16_t level) {
    gen::FeatureLevelRecord record;
    record.name = name;
    record.feature_level = level;
    out.push_back({std::move(record), 0});
  };
  if (image.metadata_version() != 0) add(kMetadataVersion, image.metadata_version());
  for (const auto& [name, level] : image.features)
    if (name != kMetadataVersion && name != kKraftVersion) add(name, level);
}

void add_topics(const MetadataImage& image, Records& out) {
  std::vector<TopicPtr> topics;
  image.topics->by_name.for_each(
      [&](const std::string&, const TopicPtr& topic) { topics.push_back(topic); });
  std::ranges::sort(topics, {}, [](const TopicPtr& topic) { return topic->name; });
  const int16_t version = MetadataVersion{image.metadata_version()}.partition_record();
  for (const TopicPtr& topic : topics) {
    gen::TopicRecord record;
    record.name = topic->name;
    record.topic_id = topic->id;
    out.push_back({std::move(record), 0});
    for (size_t i = 0; i < topic->partitions.size(); ++i)
      out.push_back(
          {to_record(topic->id, static_cast<int32_t>(i), *topic->partitions[i], version), version});
  }
}

void add_configs(const MetadataImage& image, Records& out) {
  std::map<ConfigResource, ConfigMapPtr> sorted;
  image.configs->for_each(
      [&](const ConfigResource& resource, const ConfigMapPtr& map) { sorted[resource] = map; });
  for (const auto& [resource, map] : sorted) {
    for (const auto& [name, value] : *map) {
      gen::ConfigRecord record;
      record.resource_type = static_cast<int8_t>(resource.type);
      record.resource_name = resource.name;
      record.name = name;
      record.value = value;
      out.push_back({std::move(record), 0});
    }
  }
}

void add_quotas(const AccessImage& access, Records& out) {
  for (const auto& [entity, limits] : access.quotas) {
    for (const auto& [key, value] : limits) {
      gen::ClientQuotaRecord record;
      for (const auto& [type, name] : entity) {
        auto& part = record.entity.append();
        part.entity_type = type;
        part.entity_name = name;
      }
      record.key = key;
      record.value = value;
      out.push_back({std::move(record), 0});
    }
  }
}

void add_rules(const AccessImage& access, Records& out) {
  for (const auto& [id, entry] : access.acls) {
    gen::AccessControlEntryRecord record;
    record.id = id;
    record.resource_type = entry.resource_type;
    record.resource_name = entry.resource_name;
    record.pattern_type = entry.pattern_type;
    record.principal = entry.principal;
    record.host = entry.host;
    record.operation = entry.operation;
    record.permission_type = entry.permission_type;
    out.push_back({std::move(record), 0});
  }
}

void add_credentials(const AccessImage& access, Records& out) {
  for (const auto& [key, credential] : access.scram) {
    gen::UserScramCredentialRecord record;
    record.name = key.first;
    record.mechanism = key.second;
    record.salt = to_buffer(credential.salt);
    record.stored_key = to_buffer(credential.stored_key);
    record.server_key = to_buffer(credential.server_key);
    record.iterations = credential.iterations;
    out.push_back({std::move(record), 0});
  }
  for (const auto& [id, token] : access.tokens) {
    gen::DelegationTokenRecord record;
    record.owner = token.owner;
    record.requester = token.requester;
    record.renewers.assign(token.renewers.begin(), token.renewers.end());
    record.issue_timestamp = token.issue_ms;
    record.max_timestamp = token.max_ms;
    record.expiration_timestamp = token.expiry_ms;
    record.token_id = id;
    out.push_back({std::move(record), 0});
  }
}

}  // namespace

VersionedRecord to_record(const BrokerRegistration& broker, MetadataVersion version) {
  const int16_t record_version = version.register_broker_record();
  gen::RegisterBrokerRecord record;
  record.broker_id = broker.id.value;
  record.incarnation_id = broker.incarnation_id;
  record.broker_epoch = broker.epoch.value;
  put_endpoints(broker.endpoints, record);
  put_features(broker.features, record);
  record.rack = broker.rack;
  record.fenced = broker.fenced;
  record.in_controlled_shutdown = broker.in_controlled_shutdown;
  if (record_version >= 3)
    record.log_dirs.assign(broker.directories.begin(), broker.directories.end());
  if (record_version >= 4 && !broker.cordoned_directories.empty())
    record.cordoned_log_dirs.assign(broker.cordoned_directories.begin(),
                                    broker.cordoned_directories.end());
  return {std::move(record), record_version};
}

VersionedRecord to_record(const ControllerRegistration& controller) {
  gen::RegisterControllerRecord record;
  record.controller_id = controller.id;
  record.incarnation_id = controller.incarnation_id;
  put_endpoints(controller.endpoints, record);
  put_features(controller.features, record);
  return {std::move(record), 0};
}

Records to_records(const MetadataImage& image) {
  Records out;
  const MetadataVersion version{image.metadata_version()};
  add_features(image, out);
  for (const auto& [id, broker] : image.brokers->brokers)
    out.push_back(to_record(*broker, version));
  for (const auto& [id, controller] : image.brokers->controllers)
    out.push_back(to_record(controller));
  add_topics(image, out);
  add_configs(image, out);
  add_quotas(*image.access, out);
  if (image.next_producer_id >= 0) {
    gen::ProducerIdsRecord record;
    record.broker_id = -1;
    record.broker_epoch = -1;
    record.next_producer_id = image.next_producer_id;
    out.push_back({std::move(record), 0});
  }
  add_rules(*image.access, out);
  add_credentials(*image.access, out);
  return out;
}

}  // namespace semel::cluster
