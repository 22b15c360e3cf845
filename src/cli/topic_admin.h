// What the topic commands do to a cluster, without any text: shared by `semel topic` and
// kafka-topics.sh.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cli/api_caller.h"

namespace semel::cli {

struct PartitionInfo {
  int32_t partition = 0;
  int32_t leader = -1;  // −1 = none
  std::vector<int32_t> replicas;
  std::vector<int32_t> isr;
  /// Nothing: the broker does not tell (KIP-966).
  std::optional<std::vector<int32_t>> elr;
  std::optional<std::vector<int32_t>> last_known_elr;
};

struct TopicInfo {
  std::string name;
  TopicId id;
  bool is_internal = false;
  std::vector<PartitionInfo> partitions;  // by number
  /// Settings that differ from Kafka's defaults, in the broker's order.
  std::vector<std::pair<std::string, std::string>> configs;
  int32_t min_insync_replicas = 1;
};

struct NewTopic {
  std::string name;
  int32_t partitions = -1;          // −1 = the cluster's default
  int16_t replication_factor = -1;  // −1 = the cluster's default
  std::vector<std::vector<int32_t>>
      assignment;  // per partition its replicas; empty = by the cluster
  std::map<std::string, std::string> configs;
};

class TopicAdmin {
 public:
  explicit TopicAdmin(ApiCaller& caller) : caller_(caller) {}

  /// Names of all topics, sorted.
  Result<std::vector<std::string>> list(bool with_internal);
  /// Errors are the broker's, with its text.
  Result<void> create(const NewTopic& topic);
  Result<void> remove(const std::string& name);
  /// Grows a topic to `partitions` in all. `assignment`: replicas of each new partition; nothing =
  /// by the cluster.
  Result<void> grow(const std::string& name, int32_t partitions,
                    const std::optional<std::vector<std::vector<int32_t>>>& assignment = {});
  /// By name; without names all topics. A missing topic is the error kUnknownTopicOrPartition.
  Result<std::vector<TopicInfo>> partitions(const std::vector<std::string>& names);
  /// The same, with what else the broker tells: configs, eligible leaders.
  Result<std::vector<TopicInfo>> describe(const std::vector<std::string>& names);

 private:
  Result<void> add_elr(std::vector<TopicInfo>& topics);
  Result<void> add_configs(std::vector<TopicInfo>& topics);

  ApiCaller& caller_;
};

}  // namespace semel::cli
