// Receiving: a consumer on a session that reads the partitions of some topics until it has enough.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/client_session.h"
#include "client/consumer.h"

namespace semel::cli {

struct ReceivePlan {
  std::vector<std::string> topics;
  std::optional<int32_t> partition;      // nothing = all
  std::optional<int64_t> offset;         // where to begin …
  int64_t time = client::kLatestOffset;  // … or the time, kEarliestOffset or kLatestOffset
  std::optional<uint64_t> records_max;
  std::optional<client::Milliseconds> idle_max;  // ends after so long without a record
  bool until_end = false;                        // ends at what was the end when it began
};

/// Why it ended, if nothing failed.
enum class ReceiveEnd : uint8_t { kEnough, kIdle, kAtEnd, kStopped };

/// `on_record` runs on the session's reactor; `on_pause` after each group of records (to flush).
/// Errors as client::Consumer; kUnknownTopicOrPartition also for a partition that the topic does
/// not have.
Result<ReceiveEnd> receive(ClientSession& session, client::ConsumerConfig config,
                           const ReceivePlan& plan,
                           const std::function<void(const client::ConsumedRecord&)>& on_record,
                           const std::function<void()>& on_pause);

/// The names of all topics that match `expression` as a whole. Errors: kInvalidRequest,
/// kNetworkException.
Result<std::vector<std::string>> topics_matching(ClientSession& session,
                                                 const client::ConnectionSettings& settings,
                                                 const std::string& expression);

}  // namespace semel::cli
