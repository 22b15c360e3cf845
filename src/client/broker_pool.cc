#include "client/broker_pool.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/log.h"

namespace semel::client {

BrokerPool::BrokerPool(Environment environment, const ConnectionSettings& settings,
                       std::function<void()> on_change)
    : environment_(environment), settings_(settings), on_change_(std::move(on_change)) {}

BrokerPool::~BrokerPool() { close(); }

rt::WaitLimits BrokerPool::request_limits() const {
  return {.deadline = now() + settings_.request_timeout, .cancel = nullptr};
}

void BrokerPool::postpone(Node& node) {
  const int64_t base = std::max<int64_t>(settings_.reconnect_backoff.count(), 1);
  const int64_t wait =
      std::min(settings_.reconnect_backoff_max.count(), base << std::min(node.failures, 10));
  const auto jitter =
      static_cast<int64_t>(environment_.random.below(static_cast<uint64_t>(wait * 2 / 5 + 1)));
  node.retry_at = now() + Milliseconds{wait - wait / 5 + jitter};
  ++node.failures;
}

ConnectionPtr BrokerPool::find(int32_t id) {
  const auto at = nodes_.find(id);
  if (at == nodes_.end() || is_closed_) return nullptr;
  Node& node = at->second;
  if (node.connection != nullptr && !node.connection->is_broken()) return node.connection;
  if (node.connection != nullptr) {
    node.connection.reset();
    postpone(node);
  }
  if (!node.is_opening && now() >= node.retry_at) {
    node.is_opening = true;
    rt::spawn(open_node(id, gate_.enter()));
  }
  // The attempt may have ended at once.
  return node.connection;
}

rt::Instant BrokerPool::retry_at() const {
  rt::Instant earliest{std::numeric_limits<int64_t>::max()};
  for (const auto& [id, node] : nodes_)
    if (!node.is_opening && node.connection == nullptr && node.retry_at > now())
      earliest = std::min(earliest, node.retry_at);
  return earliest;
}

rt::Task<Result<ConnectionPtr>> BrokerPool::open(rt::Address address, rt::WaitLimits limits) {
  rt::Duration patience = settings_.connection_setup_timeout;
  if (limits.deadline != rt::kNever) patience = std::min(patience, limits.deadline - now());
  auto stream = co_await environment_.network.connect(environment_.executor, std::move(address),
                                                      std::max(patience, rt::Duration{0}));
  if (!stream) co_return fail(stream.error());
  peer::ConnectionOptions options;
  options.client_id = settings_.client_id;
  options.gate = &gate_;
  auto connection = std::make_shared<peer::Connection>(std::move(*stream), options);
  if (is_closed_)
    co_return fail(ErrorCode::kNetworkException, "the client is closed", Cause::kCancelled);
  const rt::CancelToken token = cancel_.token();
  const rt::Instant deadline = std::min(request_limits().deadline, limits.deadline);
  auto negotiated = co_await connection->negotiate({deadline, &token});
  if (!negotiated) co_return fail(negotiated.error());
  co_return connection;
}

rt::Task<void> BrokerPool::open_node(int32_t id, rt::Gate::Entry entry) {
  const rt::Address address = nodes_[id].address;
  const uint32_t moves = nodes_[id].moves;
  auto connection = co_await open(address, {});
  Node& node = nodes_[id];
  if (is_closed_ || node.moves != moves) co_return;
  node.is_opening = false;
  if (connection) {
    node.connection = std::move(*connection);
    node.failures = 0;
  } else {
    if (node.failures == 0)
      log_warn("client", "no connection to broker {} at {}: {}", id, address.to_text(),
               connection.error().context);
    postpone(node);
  }
  if (on_change_) on_change_();
}

rt::Task<Result<ConnectionPtr>> BrokerPool::any(rt::WaitLimits limits) {
  std::vector<rt::Address> candidates;
  std::vector<ConnectionPtr> open_ones;
  for (const auto& [id, node] : nodes_) {
    if (node.connection != nullptr && !node.connection->is_broken())
      open_ones.push_back(node.connection);
    candidates.push_back(node.address);
  }
  if (open_ones.empty() && bootstrap_ != nullptr && !bootstrap_->is_broken())
    open_ones.push_back(bootstrap_);
  if (!open_ones.empty()) co_return open_ones[environment_.random.below(open_ones.size())];
  for (const rt::Address& address : settings_.bootstrap)
    if (std::find(candidates.begin(), candidates.end(), address) == candidates.end())
      candidates.push_back(address);
  const size_t first = environment_.random.below(candidates.size());
  std::rotate(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(first),
              candidates.end());
  std::string failures;
  for (const rt::Address& address : candidates) {
    const bool is_late =
        now() >= limits.deadline || (limits.cancel != nullptr && limits.cancel->is_cancelled());
    if (is_closed_ || is_late) break;
    auto connection = co_await open(address, limits);
    if (connection) {
      bootstrap_ = std::move(*connection);
      co_return bootstrap_;
    }
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", address.to_text(),
                            connection.error().context);
  }
  if (failures.empty()) failures = "there was no time to try one";
  co_return fail(ErrorCode::kNetworkException, "no broker is reached: " + failures,
                 is_closed_ ? Cause::kCancelled : Cause::kRefused);
}

void BrokerPool::learn(const gen::MetadataResponse& response) {
  for (const auto& broker : response.brokers) {
    if (broker.port <= 0 || broker.port > 65'535) continue;
    const rt::Address address{broker.host, static_cast<uint16_t>(broker.port)};
    Node& node = nodes_[broker.node_id];
    if (node.address == address) continue;
    node.address = address;
    node.connection.reset();
    node.is_opening = false;
    ++node.moves;
    node.failures = 0;
    node.retry_at = rt::Instant{0};
  }
}

rt::Task<Result<gen::MetadataResponse>> BrokerPool::metadata(const std::vector<std::string>* topics,
                                                             bool may_create,
                                                             rt::WaitLimits limits) {
  gen::MetadataRequest request;
  request.allow_auto_topic_creation = may_create;
  if (topics == nullptr) request.topics.set_null();
  if (topics != nullptr)
    for (const std::string& name : *topics) request.topics.append().name = name;
  auto connection = co_await any(limits);
  if (!connection) co_return fail(connection.error());
  limits.deadline = std::min(limits.deadline, request_limits().deadline);
  const ConnectionPtr& held = *connection;
  auto response = co_await peer::call_typed<gen::MetadataResponse>(*held, request, limits);
  if (response) learn(*response);
  co_return response;
}

void BrokerPool::close() {
  if (std::exchange(is_closed_, true)) return;
  cancel_.cancel();
  for (auto& [id, node] : nodes_)
    if (node.connection != nullptr) node.connection->close();
  if (bootstrap_ != nullptr) bootstrap_->close();
}

rt::Task<void> BrokerPool::join() { co_await gate_.close(environment_.executor); }

}  // namespace semel::client
