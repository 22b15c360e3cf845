// LeaderCalls: what only the leader of a partition answers, asked of each leader, as Kafka's admin
// client does: the leaders by Metadata, then one request for each; partitions without a leader, and
// those that were asked in the wrong place, again after retry.backoff.ms.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "cli/api_caller.h"
#include "gen/metadata.h"

namespace semel::cli {

class LeaderCalls {
 public:
  /// To the broker at "host:port".
  using ConnectTo = std::function<Result<std::unique_ptr<ApiCaller>>(const std::string& server)>;
  using Partitions = std::vector<TopicPartition>;
  using Codes = std::map<TopicPartition, ErrorCode>;
  /// Asks `leader` about partitions that it leads: the code of each that it answered for.
  using Ask = std::function<Result<Codes>(ApiCaller& leader, const Partitions& partitions)>;
  using Failures = std::map<TopicPartition, Error>;

  struct Name {
    std::string_view call;   // "listOffsets", as Java's client names it in its errors
    std::string_view api;    // "LIST_OFFSETS"
    bool is_patient = true;  // tries until default.api.timeout.ms; else once
  };

  /// `any` is borrowed: any broker of the cluster.
  LeaderCalls(ApiCaller& any, ConnectTo connect) : any_(any), connect_(std::move(connect)) {}

  /// Which partitions no leader answered for, and why; for the others `ask` has told the last word.
  /// Errors: what asking for the leaders ends with, and what `ask` ends with but a broken
  /// connection.
  Result<Failures> ask(const Name& name, const Partitions& partitions, const Ask& ask);

 private:
  struct Wanted {
    std::map<std::string, Partitions> by_server;
    /// Codes for which Java's client asks again.
    Failures leaderless;
    Failures refused;
  };

  Result<Wanted> find_leaders(const std::set<TopicPartition>& partitions);
  Result<void> ask_one(const std::string& server, const Partitions& partitions, const Ask& ask);

  ApiCaller& any_;
  ConnectTo connect_;
  Failures again_;  // of the attempt under way
};

}  // namespace semel::cli
