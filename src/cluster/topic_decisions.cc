#include "cluster/topic_decisions.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cluster/partition_record.h"
#include "cluster/placement.h"
#include "cluster/topic_name.h"

namespace semel::cluster {
namespace {

using Creatable = gen::CreateTopicsRequest::CreatableTopic;
using Replicas = std::vector<BrokerId>;

std::vector<BrokerId> active_of(const MetadataImage& image, const Replicas& replicas) {
  std::vector<BrokerId> active;
  for (const BrokerId broker : replicas)
    if (image.is_active(broker)) active.push_back(broker);
  return active;
}

/// A broker with one log directory has its replicas there; of others the broker decides.
DirectoryId first_directory(const MetadataImage& image, BrokerId broker) {
  const BrokerRegistration* registration = image.broker(broker);
  if (registration == nullptr || registration->directories.empty()) return kDirectoryMigrating;
  return registration->directories.size() == 1 ? registration->directories.front()
                                               : kDirectoryUnassigned;
}

PartitionRegistration new_partition(const MetadataImage& image, const Replicas& replicas) {
  PartitionRegistration partition;
  partition.replicas = replicas;
  for (const BrokerId broker : replicas)
    partition.directories.push_back(first_directory(image, broker));
  partition.isr = active_of(image, replicas);
  partition.leader = partition.isr.empty() ? kNoBroker : partition.isr.front();
  return partition;
}

Result<void> check_manual_assignment(const MetadataImage& image, const Replicas& replicas,
                                     std::optional<size_t> expected_size) {
  const auto invalid = [](std::string text) {
    return fail(ErrorCode::kInvalidReplicaAssignment, std::move(text));
  };
  if (replicas.empty())
    return invalid("The manual partition assignment includes an empty replica list.");
  Replicas sorted = replicas;
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (image.broker(sorted[i]) == nullptr)
      return invalid(fmt::format(
          "The manual partition assignment includes broker {}, but no such broker is registered.",
          sorted[i].value));
    if (i > 0 && sorted[i] == sorted[i - 1])
      return invalid(
          fmt::format("The manual partition assignment includes the broker {} more than once.",
                      sorted[i].value));
  }
  if (expected_size && sorted.size() != *expected_size)
    return invalid(fmt::format(
        "The manual partition assignment includes a partition with {} replica(s), but this is "
        "not consistent with previous partitions, which have {} replica(s).",
        sorted.size(), *expected_size));
  return {};
}

Result<std::vector<PartitionRegistration>> assign_manually(const MetadataImage& image,
                                                           const Creatable& topic) {
  if (topic.replication_factor != -1)
    return fail(
        ErrorCode::kInvalidRequest,
        "A manual partition assignment was specified, but replication factor was not set to -1.");
  if (topic.num_partitions != -1)
    return fail(
        ErrorCode::kInvalidRequest,
        "A manual partition assignment was specified, but numPartitions was not set to -1.");
  std::map<int32_t, PartitionRegistration> partitions;
  std::optional<size_t> size;
  for (const auto& assignment : topic.assignments) {
    if (partitions.contains(assignment.partition_index))
      return fail(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("Found multiple manual partition assignments for partition {}",
                              assignment.partition_index));
    const Replicas replicas = to_brokers(assignment.broker_ids);
    SEMEL_CHECK(check_manual_assignment(image, replicas, size));
    size = replicas.size();
    PartitionRegistration partition = new_partition(image, replicas);
    if (partition.isr.empty())
      return fail(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("All brokers specified in the manual partition assignment for "
                              "partition {} are fenced or "
                              "in controlled shutdown.",
                              assignment.partition_index));
    partitions[assignment.partition_index] = std::move(partition);
  }
  std::vector<PartitionRegistration> result;
  for (auto& [index, partition] : partitions) {
    if (index != static_cast<int32_t>(result.size()))
      return fail(ErrorCode::kInvalidReplicaAssignment,
                  "partitions should be a consecutive 0-based integer sequence");
    result.push_back(std::move(partition));
  }
  return result;
}

std::unexpected<Error> not_replicable(int16_t factor, std::string_view why) {
  return fail(ErrorCode::kInvalidReplicationFactor,
              fmt::format("Unable to replicate the partition {} time(s): {}", factor, why));
}

Result<std::vector<PartitionRegistration>> assign_freely(const ControllerView& view,
                                                         const PlacementAsk& ask) {
  auto placed = place_replicas(view.image, ask, view.random);
  if (!placed) return not_replicable(ask.replicas, placed.error().context);
  std::vector<PartitionRegistration> result;
  for (const Replicas& replicas : *placed) {
    result.push_back(new_partition(view.image, replicas));
    if (result.back().isr.empty())
      return not_replicable(ask.replicas,
                            "All brokers are currently fenced or in controlled shutdown.");
  }
  return result;
}

Result<std::vector<PartitionRegistration>> assign(const ControllerView& view,
                                                  const Creatable& topic) {
  if (!topic.assignments.empty()) return assign_manually(view.image, topic);
  if (topic.replication_factor < -1 || topic.replication_factor == 0)
    return fail(ErrorCode::kInvalidReplicationFactor,
                "Replication factor must be larger than 0, or -1 to use the default value.");
  if (topic.num_partitions < -1 || topic.num_partitions == 0)
    return fail(ErrorCode::kInvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.");
  PlacementAsk ask;
  ask.partitions =
      topic.num_partitions == -1 ? view.settings.default_partitions : topic.num_partitions;
  ask.replicas = topic.replication_factor == -1 ? view.settings.default_replication_factor
                                                : topic.replication_factor;
  return assign_freely(view, ask);
}

Result<ConfigMap> take_configs(const Creatable& topic) {
  ConfigMap configs;
  for (const auto& config : topic.configs) {
    if (!config.value)
      return fail(ErrorCode::kInvalidConfig,
                  fmt::format("Null value not supported for topic configs: {}", config.name));
    configs[config.name] = *config.value;
  }
  SEMEL_CHECK(validate_topic_config(configs));
  return configs;
}

/// What one request has decided so far, which the image does not know yet.
struct Batch {
  std::set<std::string, std::less<>> created;
  int64_t partitions = 0;
};

Result<void> check_name(const ControllerView& view, const Batch& batch, std::string_view name) {
  SEMEL_CHECK(check_topic_name(name));
  if (view.image.topic(name) != nullptr)
    return fail(ErrorCode::kTopicAlreadyExists, fmt::format("Topic '{}' already exists.", name));
  if (name.find_first_of("._") == std::string_view::npos) return {};
  std::string colliding;
  view.image.topics->by_name.for_each([&](const std::string& other, const TopicPtr&) {
    if (topic_names_collide(name, other)) colliding = other;
  });
  for (const std::string& other : batch.created)
    if (topic_names_collide(name, other)) colliding = other;
  if (colliding.empty()) return {};
  return fail(ErrorCode::kInvalidTopicException,
              fmt::format("Topic '{}' collides with existing topic: {}", name, colliding));
}

void add_topic_records(const ControllerView& view, const Creatable& topic, const TopicId& id,
                       const std::pair<ConfigMap, std::vector<PartitionRegistration>>& content,
                       Records& records) {
  gen::TopicRecord record;
  record.name = topic.name;
  record.topic_id = id;
  records.push_back({std::move(record), 0});
  for (const auto& [name, value] : content.first) {
    gen::ConfigRecord config;
    config.resource_type = static_cast<int8_t>(ConfigResourceType::kTopic);
    config.resource_name = topic.name;
    config.name = name;
    config.value = value;
    records.push_back({std::move(config), 0});
  }
  const int16_t version = view.version().partition_record();
  for (size_t i = 0; i < content.second.size(); ++i)
    records.push_back(
        {to_record(id, static_cast<int32_t>(i), content.second[i], version), version});
}

void describe_configs(const ControllerView& view, const ConfigMap& configs,
                      gen::CreateTopicsResponse::CreatableTopicResult& result) {
  const ConfigLayers layers = view.topic_layers(&configs);
  result.configs.clear();
  for (const TopicConfigKey& key : topic_config_keys()) {
    if (key.is_internal && !configs.contains(key.name)) continue;
    const EffectiveConfig effective = effective_topic_config(key, layers);
    auto& out = result.configs.append();
    out.name = key.name;
    out.value = effective.value;
    out.config_source = static_cast<int8_t>(effective.source);
  }
}

Result<void> create_one(const ControllerView& view, const Creatable& topic, Batch& batch,
                        Decision<gen::CreateTopicsResponse>& decision) {
  if (topic.name == kClusterMetadataTopic)
    return fail(ErrorCode::kInvalidRequest,
                "Creation of internal topic __cluster_metadata is prohibited.");
  SEMEL_CHECK(check_name(view, batch, topic.name));
  SEMEL_TRY(auto configs, take_configs(topic));
  batch.partitions += topic.assignments.empty() ? std::max(topic.num_partitions, 1)
                                                : static_cast<int64_t>(topic.assignments.size());
  if (batch.partitions > kPartitionsPerRequestMax)
    return fail(ErrorCode::kPolicyViolation, "Excessively large number of partitions per request.");
  SEMEL_TRY(auto partitions, assign(view, topic));
  const TopicId id = view.random.uuid();
  auto& result = decision.response.topics.append();
  result.name = topic.name;
  result.topic_id = id;
  result.num_partitions = static_cast<int32_t>(partitions.size());
  result.replication_factor = static_cast<int16_t>(partitions.front().replicas.size());
  describe_configs(view, configs, result);
  batch.created.insert(topic.name);
  add_topic_records(view, topic, id, {std::move(configs), std::move(partitions)}, decision.records);
  return {};
}

}  // namespace

Decision<gen::CreateTopicsResponse> decide_create_topics(const ControllerView& view,
                                                         const gen::CreateTopicsRequest& request) {
  Decision<gen::CreateTopicsResponse> decision;
  const auto refuse = [&](const std::string& name, const Error& error) {
    auto& result = decision.response.topics.append();
    result.name = name;
    result.error_code = static_cast<int16_t>(error.code);
    result.error_message = error.context;
  };
  std::map<std::string, int> counts;
  for (const Creatable& topic : request.topics) ++counts[topic.name];
  Batch batch;
  for (const Creatable& topic : request.topics) {
    if (int& count = counts[topic.name]; count != 1) {
      if (count > 1) refuse(topic.name, {ErrorCode::kInvalidRequest, "Duplicate topic name."});
      count = 0;
      continue;
    }
    const auto created = create_one(view, topic, batch, decision);
    if (!created) refuse(topic.name, created.error());
  }
  if (request.validate_only) {
    decision.records.clear();
    for (auto& result : decision.response.topics) result.topic_id = {};
  }
  return decision;
}

// ---- deleting ----

namespace {

using Deletable = gen::DeleteTopicsResponse::DeletableTopicResult;

struct DeleteAsk {
  std::optional<std::string> name;
  TopicId id;
};

std::vector<DeleteAsk> delete_asks(const gen::DeleteTopicsRequest& request, int16_t version) {
  std::vector<DeleteAsk> asks;
  if (version < 6) {
    for (const std::string& name : request.topic_names) asks.push_back({name, {}});
  } else {
    for (const auto& topic : request.topics) asks.push_back({topic.name, topic.topic_id});
  }
  return asks;
}

bool deletion_is_disabled(const ControllerView& view) {
  const auto at = view.settings.static_configs.find("delete.topic.enable");
  return at != view.settings.static_configs.end() && at->second == "false";
}

Result<TopicPtr> find_deletable(const ControllerView& view, const DeleteAsk& ask) {
  if (deletion_is_disabled(view))
    return fail(ErrorCode::kTopicDeletionDisabled, "Topic deletion is disabled.");
  if (ask.name && !ask.id.is_zero())
    return fail(ErrorCode::kInvalidRequest, "You may not specify both topic name and topic id.");
  if (!ask.name && ask.id.is_zero())
    return fail(ErrorCode::kInvalidRequest, "Neither topic name nor id were specified.");
  TopicPtr topic = ask.name ? view.image.topic(*ask.name) : view.image.topic(ask.id);
  if (topic != nullptr) return topic;
  if (ask.name)
    return fail(ErrorCode::kUnknownTopicOrPartition,
                "This server does not host this topic-partition.");
  return fail(ErrorCode::kUnknownTopicId, "This server does not host this topic ID.");
}

}  // namespace

Decision<gen::DeleteTopicsResponse> decide_delete_topics(const ControllerView& view,
                                                         const gen::DeleteTopicsRequest& request,
                                                         int16_t version) {
  Decision<gen::DeleteTopicsResponse> decision;
  const auto asks = delete_asks(request, version);
  std::map<std::string, int> names;
  std::map<TopicId, int> ids;
  for (const DeleteAsk& ask : asks) {
    if (ask.name)
      ++names[*ask.name];
    else
      ++ids[ask.id];
  }
  std::set<TopicId> deleted;
  for (const DeleteAsk& ask : asks) {
    int& count = ask.name ? names[*ask.name] : ids[ask.id];
    if (count == 0) continue;
    Result<TopicPtr> topic = find_deletable(view, ask);
    if (count > 1)
      topic = fail(ErrorCode::kInvalidRequest,
                   ask.name ? "Duplicate topic name." : "Duplicate topic id.");
    else if (topic && !deleted.insert((*topic)->id).second)
      topic = fail(ErrorCode::kInvalidRequest,
                   "The provided topic name maps to an ID that was already supplied.");
    count = 0;
    Deletable& result = decision.response.responses.append();
    result.name = topic ? std::optional((*topic)->name) : ask.name;
    result.topic_id = topic ? (*topic)->id : ask.id;
    if (!topic) {
      result.error_code = static_cast<int16_t>(topic.error().code);
      result.error_message = topic.error().context;
      continue;
    }
    gen::RemoveTopicRecord record;
    record.topic_id = (*topic)->id;
    decision.records.push_back({std::move(record), 0});
  }
  return decision;
}

// ---- growing ----

namespace {

using Growable = gen::CreatePartitionsRequest::CreatePartitionsTopic;

Result<std::vector<PartitionRegistration>> assign_additional(const ControllerView& view,
                                                             const TopicImage& topic,
                                                             const Growable& ask,
                                                             int32_t additional) {
  const auto factor = static_cast<int16_t>(topic.partitions.front()->replicas.size());
  if (ask.assignments.is_null())
    return assign_freely(view, {static_cast<int32_t>(topic.partitions.size()), additional, factor});
  if (static_cast<int32_t>(ask.assignments.size()) != additional)
    return fail(ErrorCode::kInvalidReplicaAssignment,
                fmt::format("Attempted to add {} additional partition(s), but only {} "
                            "assignment(s) were specified.",
                            additional, ask.assignments.size()));
  std::vector<PartitionRegistration> result;
  for (const auto& assignment : ask.assignments) {
    const Replicas replicas = to_brokers(assignment.broker_ids);
    SEMEL_CHECK(check_manual_assignment(view.image, replicas, static_cast<size_t>(factor)));
    result.push_back(new_partition(view.image, replicas));
    if (result.back().isr.empty())
      return fail(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("All brokers specified in the manual partition assignment for "
                              "partition {} are fenced or "
                              "in controlled shutdown.",
                              topic.partitions.size() + result.size() - 1));
  }
  return result;
}

Result<void> grow_one(const ControllerView& view, const Growable& ask, Records& records) {
  const TopicPtr topic = view.image.topic(ask.name);
  if (topic == nullptr || topic->partitions.empty())
    return fail(ErrorCode::kUnknownTopicOrPartition,
                "This server does not host this topic-partition.");
  const auto present = static_cast<int32_t>(topic->partitions.size());
  if (ask.count == present)
    return fail(ErrorCode::kInvalidPartitions,
                fmt::format("Topic already has {} partition(s).", present));
  if (ask.count < present)
    return fail(
        ErrorCode::kInvalidPartitions,
        fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.",
                    ask.name, present, ask.count));
  if (ask.count - present > kPartitionsPerRequestMax)
    return fail(ErrorCode::kInvalidPartitions,
                "Excessively large number of partitions per request.");
  SEMEL_TRY(const auto added, assign_additional(view, *topic, ask, ask.count - present));
  const int16_t version = view.version().partition_record();
  for (size_t i = 0; i < added.size(); ++i)
    records.push_back(
        {to_record(topic->id, present + static_cast<int32_t>(i), added[i], version), version});
  return {};
}

}  // namespace

Decision<gen::CreatePartitionsResponse> decide_create_partitions(
    const ControllerView& view, const gen::CreatePartitionsRequest& request) {
  Decision<gen::CreatePartitionsResponse> decision;
  std::map<std::string, int> counts;
  for (const Growable& topic : request.topics) ++counts[topic.name];
  for (const Growable& topic : request.topics) {
    int& count = counts[topic.name];
    if (count == 0) continue;
    const auto grown = count > 1
                           ? Result<void>(fail(ErrorCode::kInvalidRequest, "Duplicate topic name."))
                           : grow_one(view, topic, decision.records);
    count = 0;
    auto& result = decision.response.results.append();
    result.name = topic.name;
    if (grown) continue;
    result.error_code = static_cast<int16_t>(grown.error().code);
    result.error_message = grown.error().context;
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace semel::cluster
