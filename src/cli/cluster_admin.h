// What the operator's commands ask of a cluster, without any text: settings, offsets, producers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cli/api_caller.h"
#include "gen/describe_configs.h"
#include "log/producer_state_types.h"

namespace semel::cli {

/// The broker's code, with its text or else the code's name.
Error broker_error(int16_t code, const std::optional<std::string>& text);

enum class ConfigResource : int8_t {
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32,
};

/// Where a setting's value comes from, as DescribeConfigs says it.
enum class ConfigSource : int8_t {
  kUnknown = 0,
  kTopic = 1,
  kBroker = 2,
  kDefaultBroker = 3,
  kStatic = 4,
  kDefault = 5,
  kBrokerLogger = 6,
  kClientMetrics = 7,
  kGroup = 8,
};
/// "DYNAMIC_TOPIC_CONFIG", …
std::string_view config_source_name(int8_t source);

using ConfigEntries = std::vector<gen::describe_configs_response::DescribeConfigsResourceResult>;

struct ConfigChange {
  std::string name;
  std::optional<std::string> value;  // nothing = back to the default
};

struct ClusterNode {
  int32_t id = 0;
  std::string host;
  int32_t port = 0;
  std::optional<std::string> rack;
  bool is_fenced = false;
};

/// One producer of one partition.
struct ProducerRow {
  TopicPartition partition;
  int64_t producer_id = -1;
  int32_t epoch = -1;
  int32_t last_sequence = -1;
  int64_t last_timestamp = -1;
  int32_t coordinator_epoch = -1;
  int64_t txn_start = -1;
  /// What semel counts; nothing from other brokers.
  std::optional<log::ProducerCounters> counters;
  int64_t last_append_ms = -1;
};

struct PartitionFailure {
  TopicPartition partition;
  Error error;
};

class ClusterAdmin {
 public:
  explicit ClusterAdmin(ApiCaller& caller) : caller_(caller) {}

  /// With synonyms, in the broker's order. `name` of the default for all brokers is "".
  Result<ConfigEntries> describe_configs(ConfigResource resource, const std::string& name);
  Result<void> alter_configs(ConfigResource resource, const std::string& name,
                             const std::vector<ConfigChange>& changes);
  /// Brokers, or where a controller is asked for them, controllers.
  Result<std::vector<ClusterNode>> nodes(bool of_controllers = false);
  /// Groups that the broker coordinates.
  Result<std::vector<std::string>> list_groups();
  /// Names of the resources of `kind` that have settings.
  Result<std::vector<std::string>> list_config_resources(ConfigResource kind);

  struct FoundOffset {
    TopicPartition partition;
    int64_t offset = -1;  // −1 = none for the timestamp
    ErrorCode error = ErrorCode::kNone;
  };
  /// Of partitions that the broker leads. `timestamp`: ms since 1970, or −1 latest, −2 earliest, …
  /// as ListOffsets has them.
  Result<std::vector<FoundOffset>> list_offsets(const std::vector<TopicPartition>& partitions,
                                                int64_t timestamp);

  struct Producers {
    std::vector<ProducerRow> rows;
    std::vector<PartitionFailure> failures;
  };
  /// Producers of partitions that the broker leads.
  Result<Producers> producers(const std::vector<TopicPartition>& partitions);

 private:
  ApiCaller& caller_;
};

}  // namespace semel::cli
