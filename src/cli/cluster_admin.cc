#include "cli/cluster_admin.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "bytes/reader.h"
#include "gen/describe_cluster.h"
#include "gen/describe_producers.h"
#include "gen/incremental_alter_configs.h"
#include "gen/list_config_resources.h"
#include "gen/list_groups.h"
#include "gen/list_offsets.h"

namespace semel::cli {
namespace {

constexpr int8_t kSet = 0;
constexpr int8_t kDelete = 1;
/// docs/formats/describe-producers.md
constexpr uint32_t kCountersTag = 10'000;
constexpr int8_t kCountersVersion = 1;

void take_counters(const wire::RawTags& tags, ProducerRow& row) {
  const bytes::Buffer* content = tags.find(kCountersTag);
  if (content == nullptr) return;
  bytes::Reader reader(content->span());
  if (reader.read_be<int8_t>() != kCountersVersion) return;
  log::ProducerCounters counters;
  for (uint64_t* count : {&counters.duplicates, &counters.duplicate_records, &counters.reencoded,
                          &counters.below_log_start, &counters.gaps, &counters.sequences_reused,
                          &counters.epoch_bumps, &counters.fenced})
    *count = static_cast<uint64_t>(reader.read_varlong());
  row.last_append_ms = reader.read_varlong();
  if (reader.ok()) row.counters = counters;
}

}  // namespace

Error broker_error(int16_t code, const std::optional<std::string>& text) {
  const auto known = static_cast<ErrorCode>(code);
  return {known, text.value_or(std::string(error_name(known)))};
}

std::string_view config_source_name(int8_t source) {
  static constexpr std::array<std::string_view, 9> kNames = {"UNKNOWN",
                                                             "DYNAMIC_TOPIC_CONFIG",
                                                             "DYNAMIC_BROKER_CONFIG",
                                                             "DYNAMIC_DEFAULT_BROKER_CONFIG",
                                                             "STATIC_BROKER_CONFIG",
                                                             "DEFAULT_CONFIG",
                                                             "DYNAMIC_BROKER_LOGGER_CONFIG",
                                                             "DYNAMIC_CLIENT_METRICS_CONFIG",
                                                             "DYNAMIC_GROUP_CONFIG"};
  const auto index = static_cast<uint8_t>(source);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

Result<ConfigEntries> ClusterAdmin::describe_configs(ConfigResource resource,
                                                     const std::string& name) {
  gen::DescribeConfigsRequest request;
  request.include_synonyms = true;
  auto& wanted = request.resources.append();
  wanted.resource_type = static_cast<int8_t>(resource);
  wanted.resource_name = name;
  wanted.configuration_keys.set_null();
  SEMEL_TRY(const auto response, call_api<gen::DescribeConfigsResponse>(caller_, request));
  ConfigEntries entries;
  for (const auto& result : response.results) {
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
    entries.insert(entries.end(), result.configs.begin(), result.configs.end());
  }
  return entries;
}

Result<void> ClusterAdmin::alter_configs(ConfigResource resource, const std::string& name,
                                         const std::vector<ConfigChange>& changes) {
  gen::IncrementalAlterConfigsRequest request;
  auto& wanted = request.resources.append();
  wanted.resource_type = static_cast<int8_t>(resource);
  wanted.resource_name = name;
  for (const ConfigChange& change : changes) {
    auto& config = wanted.configs.append();
    config.name = change.name;
    config.config_operation = change.value ? kSet : kDelete;
    config.value = change.value ? *change.value : "";
  }
  SEMEL_TRY(const auto response, call_api<gen::IncrementalAlterConfigsResponse>(caller_, request));
  for (const auto& result : response.responses)
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
  return {};
}

Result<std::vector<std::string>> ClusterAdmin::list_groups() {
  SEMEL_TRY(const auto response,
            call_api<gen::ListGroupsResponse>(caller_, gen::ListGroupsRequest{}));
  if (response.error_code != 0) return fail(broker_error(response.error_code, std::nullopt));
  std::vector<std::string> names;
  for (const auto& group : response.groups) names.push_back(group.group_id);
  return names;
}

Result<std::vector<std::string>> ClusterAdmin::list_config_resources(ConfigResource kind) {
  gen::ListConfigResourcesRequest request;
  // Version 0 knows client metrics only.
  if (kind != ConfigResource::kClientMetrics ||
      caller_.versions(gen::ListConfigResourcesRequest::kApiKey).max > 0)
    request.resource_types.push_back(static_cast<int8_t>(kind));
  SEMEL_TRY(const auto response, call_api<gen::ListConfigResourcesResponse>(caller_, request));
  if (response.error_code != 0) return fail(broker_error(response.error_code, std::nullopt));
  std::vector<std::string> names;
  for (const auto& resource : response.config_resources) names.push_back(resource.resource_name);
  return names;
}

Result<std::vector<ClusterNode>> ClusterAdmin::nodes(bool of_controllers) {
  gen::DescribeClusterRequest request;
  if (of_controllers) request.endpoint_type = 2;
  SEMEL_TRY(const auto response, call_api<gen::DescribeClusterResponse>(caller_, request));
  if (response.error_code != 0)
    return fail(broker_error(response.error_code, response.error_message));
  std::vector<ClusterNode> nodes;
  for (const auto& broker : response.brokers)
    nodes.push_back({broker.broker_id, broker.host, broker.port, broker.rack, broker.is_fenced});
  std::ranges::sort(nodes, {}, &ClusterNode::id);
  return nodes;
}

Result<std::vector<ClusterAdmin::FoundOffset>> ClusterAdmin::list_offsets(
    const std::vector<TopicPartition>& partitions, int64_t timestamp) {
  gen::ListOffsetsRequest request;
  request.replica_id = -1;
  std::map<std::string, std::vector<int32_t>> by_topic;
  for (const TopicPartition& partition : partitions)
    by_topic[partition.topic].push_back(partition.partition.value);
  for (const auto& [name, indexes] : by_topic) {
    auto& topic = request.topics.append();
    topic.name = name;
    for (const int32_t index : indexes) {
      auto& wanted = topic.partitions.append();
      wanted.partition_index = index;
      wanted.timestamp = timestamp;
    }
  }
  SEMEL_TRY(const auto response, call_api<gen::ListOffsetsResponse>(caller_, request));
  std::vector<FoundOffset> found;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions)
      found.push_back({{topic.name, PartitionIndex{partition.partition_index}},
                       partition.offset,
                       static_cast<ErrorCode>(partition.error_code)});
  return found;
}

Result<ClusterAdmin::Producers> ClusterAdmin::producers(
    const std::vector<TopicPartition>& partitions) {
  gen::DescribeProducersRequest request;
  std::map<std::string, std::vector<int32_t>> by_topic;
  for (const TopicPartition& partition : partitions)
    by_topic[partition.topic].push_back(partition.partition.value);
  for (const auto& [name, indexes] : by_topic) {
    auto& topic = request.topics.append();
    topic.name = name;
    topic.partition_indexes.assign(indexes.begin(), indexes.end());
  }
  SEMEL_TRY(const auto response, call_api<gen::DescribeProducersResponse>(caller_, request));
  Producers all;
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition name{topic.name, PartitionIndex{partition.partition_index}};
      if (partition.error_code != 0)
        all.failures.push_back({name, broker_error(partition.error_code, partition.error_message)});
      for (const auto& state : partition.active_producers) {
        ProducerRow row{.partition = name,
                        .producer_id = state.producer_id,
                        .epoch = state.producer_epoch,
                        .last_sequence = state.last_sequence,
                        .last_timestamp = state.last_timestamp,
                        .coordinator_epoch = state.coordinator_epoch,
                        .txn_start = state.current_txn_start_offset};
        take_counters(state.unknown_tags, row);
        all.rows.push_back(std::move(row));
      }
    }
  }
  return all;
}

}  // namespace semel::cli
