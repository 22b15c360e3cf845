// The parts of kafka-configs.sh. Errors: kNone with a sentence is the tool's own refusal, printed
// by itself; any other is the cluster's, printed as Kafka's tool prints an exception.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/kafka_tools.h"

namespace semel::cli {

/// What the command line asks for; checked.
struct ConfigsRequest {
  const KafkaCall& call;
  const KafkaArguments& arguments;
  std::vector<std::string> types;  // "topics", "users", …
  std::vector<std::string> names;  // "" = the default of all
  std::vector<std::pair<std::string, std::string>> added;
  std::vector<std::string> removed;

  bool is_all() const { return arguments.has("all"); }
  bool is_at_controller() const { return arguments.has("bootstrap-controller"); }
  const std::string& type() const { return types.front(); }
  /// "topic" of "topics"
  std::string singular() const { return type().substr(0, type().size() - 1); }
};

inline std::unexpected<Error> configs_refusal(std::string text) {
  return fail(ErrorCode::kNone, std::move(text));
}
/// What a controller does not serve to tools.
std::unexpected<Error> wrong_endpoint();

/// Topics, brokers, broker-loggers, groups and client-metrics.
Result<void> describe_resources(const ConfigsRequest& request);
Result<void> alter_resources(const ConfigsRequest& request);
/// Users, clients and ips.
Result<void> describe_quotas(const ConfigsRequest& request);
Result<void> alter_quotas(const ConfigsRequest& request);

}  // namespace semel::cli
