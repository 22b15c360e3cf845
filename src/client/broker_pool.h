// BrokerPool: the brokers of a cluster and one connection to each, opened when first wanted and
// again, with a growing pause, after it broke.
//
// Contract: everything on the executor. Cause::kCancelled after close().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/producer_config.h"
#include "gen/metadata.h"
#include "peer/connection.h"
#include "rt/gate.h"
#include "rt/plants.h"
#include "rt/random.h"

namespace semel::client {

/// What clients run on; borrowed.
struct Environment {
  rt::Executor& executor;
  rt::Network& network;
  rt::Random& random;
  const rt::Plants* plants = nullptr;  // simulation only
};

using ConnectionPtr = std::shared_ptr<peer::Connection>;

class BrokerPool {
 public:
  /// `on_change` runs whenever a connection was opened or could not be. `settings` outlives it.
  BrokerPool(Environment environment, const ConnectionSettings& settings,
             std::function<void()> on_change = {});
  ~BrokerPool();
  BrokerPool(const BrokerPool&) = delete;
  BrokerPool& operator=(const BrokerPool&) = delete;

  /// The open connection to broker `node`, or null; then one is being opened, or will be by the
  /// first find() after retry_at().
  ConnectionPtr find(int32_t node);
  /// False: no metadata told of such a broker, so find() will never find it.
  bool knows(int32_t node) const { return nodes_.contains(node); }
  /// When the next closed connection may be tried again; max if none waits.
  rt::Instant retry_at() const;

  /// A connection to any broker: an open one, else the first that can be reached of those known and
  /// of the bootstrap list. Errors: kNetworkException with every address that was tried and why it
  /// failed.
  rt::Task<Result<ConnectionPtr>> any(rt::WaitLimits limits = {});

  /// Asks any broker about `topics` (null: every topic) and remembers the brokers in the answer.
  rt::Task<Result<gen::MetadataResponse>> metadata(const std::vector<std::string>* topics,
                                                   bool may_create, rt::WaitLimits limits = {});

  rt::WaitLimits request_limits() const;
  /// Closes every connection; what waits for an answer fails.
  void close();
  /// After close(): continues when nothing of it runs any more.
  rt::Task<void> join();

  /// For work that close() cancels and join() waits for.
  rt::Gate::Entry enter() { return gate_.enter(); }
  rt::CancelToken token() const { return cancel_.token(); }

  const Environment& environment() const { return environment_; }

 private:
  struct Node {
    rt::Address address;
    ConnectionPtr connection;
    bool is_opening = false;
    uint32_t moves = 0;  // an attempt that began before the last one counts no more
    int32_t failures = 0;
    rt::Instant retry_at{0};
  };

  rt::Task<void> open_node(int32_t id, rt::Gate::Entry entry);
  rt::Task<Result<ConnectionPtr>> open(rt::Address address, rt::WaitLimits limits);
  void learn(const gen::MetadataResponse& response);
  void postpone(Node& node);
  rt::Instant now() const { return environment_.executor.clock().now(); }

  Environment environment_;
  const ConnectionSettings& settings_;
  std::function<void()> on_change_;
  std::map<int32_t, Node> nodes_;
  ConnectionPtr bootstrap_;
  bool is_closed_ = false;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::client
