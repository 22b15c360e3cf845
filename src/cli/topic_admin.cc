#include "cli/topic_admin.h"

#include <algorithm>
#include <charconv>

#include "cli/cluster_admin.h"
#include "gen/create_partitions.h"
#include "gen/create_topics.h"
#include "gen/delete_topics.h"
#include "gen/describe_configs.h"
#include "gen/describe_topic_partitions.h"
#include "gen/metadata.h"

namespace semel::cli {
namespace {

constexpr int8_t kTopicResource = 2;
constexpr int8_t kDefaultConfigSource = 5;
constexpr int32_t kPartitionsAtOnce = 2'000;
constexpr int32_t kTimeoutMs = 30'000;

TopicInfo to_info(const gen::metadata_response::MetadataResponseTopic& topic) {
  TopicInfo info;
  info.name = topic.name.value_or("");
  info.id = topic.topic_id;
  info.is_internal = topic.is_internal;
  for (const auto& partition : topic.partitions)
    info.partitions.push_back({partition.partition_index,
                               partition.leader_id,
                               {partition.replica_nodes.begin(), partition.replica_nodes.end()},
                               {partition.isr_nodes.begin(), partition.isr_nodes.end()}});
  std::sort(
      info.partitions.begin(), info.partitions.end(),
      [](const PartitionInfo& a, const PartitionInfo& b) { return a.partition < b.partition; });
  return info;
}

gen::MetadataRequest metadata_request(const std::vector<std::string>& names) {
  gen::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (names.empty()) {
    request.topics.set_null();
  } else {
    for (const std::string& name : names) request.topics.append().name = name;
  }
  return request;
}

void take_configs(TopicInfo& topic,
                  const gen::describe_configs_response::DescribeConfigsResult& result) {
  for (const auto& config : result.configs) {
    const std::string value = config.value.value_or("");
    if (config.name == "min.insync.replicas")
      std::from_chars(value.data(), value.data() + value.size(), topic.min_insync_replicas);
    if (config.config_source != kDefaultConfigSource)
      topic.configs.emplace_back(config.name, value);
  }
}

}  // namespace

Result<std::vector<std::string>> TopicAdmin::list(bool with_internal) {
  SEMEL_TRY(const auto response, call_api<gen::MetadataResponse>(caller_, metadata_request({})));
  std::vector<std::string> names;
  for (const auto& topic : response.topics)
    if (topic.name && (with_internal || !topic.is_internal)) names.push_back(*topic.name);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> TopicAdmin::create(const NewTopic& topic) {
  gen::CreateTopicsRequest request;
  request.timeout_ms = kTimeoutMs;
  auto& wanted = request.topics.append();
  wanted.name = topic.name;
  wanted.num_partitions = topic.assignment.empty() ? topic.partitions : -1;
  wanted.replication_factor = topic.assignment.empty() ? topic.replication_factor : int16_t{-1};
  for (size_t i = 0; i < topic.assignment.size(); ++i) {
    auto& row = wanted.assignments.append();
    row.partition_index = static_cast<int32_t>(i);
    row.broker_ids.assign(topic.assignment[i].begin(), topic.assignment[i].end());
  }
  for (const auto& [name, value] : topic.configs) {
    auto& config = wanted.configs.append();
    config.name = name;
    config.value = value;
  }
  SEMEL_TRY(const auto response, call_api<gen::CreateTopicsResponse>(caller_, request));
  for (const auto& result : response.topics)
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
  return {};
}

Result<void> TopicAdmin::remove(const std::string& name) {
  gen::DeleteTopicsRequest request;
  request.timeout_ms = kTimeoutMs;
  if (caller_.versions(gen::DeleteTopicsRequest::kApiKey).max >= 6) {
    request.topics.append().name = name;
  } else {
    request.topic_names.push_back(name);
  }
  SEMEL_TRY(const auto response, call_api<gen::DeleteTopicsResponse>(caller_, request));
  for (const auto& result : response.responses)
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
  return {};
}

Result<void> TopicAdmin::grow(const std::string& name, int32_t partitions,
                              const std::optional<std::vector<std::vector<int32_t>>>& assignment) {
  gen::CreatePartitionsRequest request;
  request.timeout_ms = kTimeoutMs;
  auto& topic = request.topics.append();
  topic.name = name;
  topic.count = partitions;
  if (!assignment) topic.assignments.set_null();
  for (const auto& replicas : assignment.value_or(std::vector<std::vector<int32_t>>{}))
    topic.assignments.append().broker_ids.assign(replicas.begin(), replicas.end());
  SEMEL_TRY(const auto response, call_api<gen::CreatePartitionsResponse>(caller_, request));
  for (const auto& result : response.results)
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
  return {};
}

Result<std::vector<TopicInfo>> TopicAdmin::partitions(const std::vector<std::string>& names) {
  SEMEL_TRY(const auto response, call_api<gen::MetadataResponse>(caller_, metadata_request(names)));
  std::vector<TopicInfo> topics;
  for (const auto& topic : response.topics) {
    if (topic.error_code != 0)
      return fail(static_cast<ErrorCode>(topic.error_code), topic.name.value_or(""));
    topics.push_back(to_info(topic));
  }
  std::sort(topics.begin(), topics.end(),
            [](const TopicInfo& a, const TopicInfo& b) { return a.name < b.name; });
  return topics;
}

Result<std::vector<TopicInfo>> TopicAdmin::describe(const std::vector<std::string>& names) {
  SEMEL_TRY(auto topics, partitions(names));
  SEMEL_CHECK(add_configs(topics));
  SEMEL_CHECK(add_elr(topics));
  return topics;
}

Result<void> TopicAdmin::add_elr(std::vector<TopicInfo>& topics) {
  if (caller_.versions(gen::DescribeTopicPartitionsRequest::kApiKey).max < 0) return {};
  gen::DescribeTopicPartitionsRequest request;
  request.response_partition_limit = kPartitionsAtOnce;
  for (const TopicInfo& topic : topics) request.topics.append().name = topic.name;
  bool is_more = !topics.empty();
  while (is_more) {
    SEMEL_TRY(const auto response,
              call_api<gen::DescribeTopicPartitionsResponse>(caller_, request));
    for (const auto& told : response.topics) {
      const auto topic = std::ranges::find(topics, told.name.value_or(""), &TopicInfo::name);
      if (topic == topics.end()) continue;
      for (const auto& row : told.partitions) {
        const auto at =
            std::ranges::find(topic->partitions, row.partition_index, &PartitionInfo::partition);
        if (at == topic->partitions.end()) continue;
        at->elr.emplace(row.eligible_leader_replicas.begin(), row.eligible_leader_replicas.end());
        at->last_known_elr.emplace(row.last_known_elr.begin(), row.last_known_elr.end());
      }
    }
    is_more = response.next_cursor.has_value();
    if (!is_more) break;
    request.cursor.emplace();
    request.cursor->topic_name = response.next_cursor->topic_name;
    request.cursor->partition_index = response.next_cursor->partition_index;
  }
  return {};
}

Result<void> TopicAdmin::add_configs(std::vector<TopicInfo>& topics) {
  if (topics.empty()) return {};
  gen::DescribeConfigsRequest request;
  for (const TopicInfo& topic : topics) {
    auto& resource = request.resources.append();
    resource.resource_type = kTopicResource;
    resource.resource_name = topic.name;
    resource.configuration_keys.set_null();
  }
  SEMEL_TRY(const auto response, call_api<gen::DescribeConfigsResponse>(caller_, request));
  for (const auto& result : response.results) {
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
    for (TopicInfo& topic : topics)
      if (topic.name == result.resource_name) take_configs(topic, result);
  }
  return {};
}

}  // namespace semel::cli
