#include "net/socket_server.h"

#include <array>

#include "base/log.h"

namespace semel::net {

/// The connections of one executor and what they share.
class SocketServer::Reactor final : public Connection::Owner {
 public:
  Reactor(SocketServer& server, rt::Executor& executor)
      : server_(server),
        executor_(executor),
        slabs_(server.budget_, executor),
        memory_(server.budget_, executor),
        shared_{server.budget_,      memory_,  slabs_,
                exchanges_,          scratch_, server.config_.frame_bytes_max,
                server.config_.times} {}

  void add(std::unique_ptr<rt::Stream> stream, api::ConnectionInfo info, bool is_counted) {
    rt::Gate::Entry entry = server_.gate_.enter();
    if (!entry) return stream->close();
    auto member = std::make_unique<Member>(std::move(entry), is_counted, info.peer.host);
    const api::Dispatcher& dispatcher = dispatcher_for(info.kind);
    member->connection.emplace(shared_, dispatcher, std::move(stream), std::move(info), *this);
    Connection& connection = *member->connection;
    connection.next = first_;
    if (first_ != nullptr) first_->previous = &connection;
    first_ = &connection;
    members_.emplace(&connection, std::move(member));
    connection.start();
    arm_sweep();
  }

  void retire(Connection& connection) override {
    (connection.previous != nullptr ? connection.previous->next : first_) = connection.next;
    if (connection.next != nullptr) connection.next->previous = connection.previous;
    if (sweep_next_ == &connection) sweep_next_ = connection.next;
    const auto at = members_.find(&connection);
    if (at->second->is_counted) server_.limits_.leave(at->second->host);
    // The Gate opens last: whoever waits for it may destroy this reactor.
    rt::Gate::Entry entry = std::move(at->second->entry);
    members_.erase(at);
  }

  void close_all() {
    for_each([](Connection& connection) { connection.close("the broker stops"); });
  }

  /// After the last connection: what belongs to this executor goes away on it.
  void tear_down() {
    if (sweep_timer_.value != 0) executor_.cancel(sweep_timer_);
    sweep_timer_ = {};
    for (auto& dispatcher : dispatchers_) dispatcher.reset();
    slabs_.trim();
  }

 private:
  struct Member {
    Member(rt::Gate::Entry e, bool counted, std::string h)
        : entry(std::move(e)), is_counted(counted), host(std::move(h)) {}
    rt::Gate::Entry entry;
    bool is_counted;
    std::string host;
    std::optional<Connection> connection;
  };
  static constexpr rt::Duration kSweepInterval = std::chrono::seconds(1);
  /// After so many sweeps without a request the kept memory goes back.
  static constexpr int kQuietSweeps = 10;

  const api::Dispatcher& dispatcher_for(api::ListenerKind kind) {
    auto& dispatcher = dispatchers_[static_cast<size_t>(kind)];
    if (dispatcher == nullptr) dispatcher = server_.make_dispatcher_(kind, executor_);
    return *dispatcher;
  }

  /// `visit` may retire the connection that it is given, and others.
  template <class Visit>
  void for_each(Visit visit) {
    for (Connection* at = first_; at != nullptr; at = sweep_next_) {
      sweep_next_ = at->next;
      visit(*at);
    }
    sweep_next_ = nullptr;
  }

  void arm_sweep() {
    if (sweep_timer_.value != 0 || first_ == nullptr || server_.is_stopping_.load()) return;
    sweep_timer_ = executor_.run_at(executor_.clock().now() + kSweepInterval, [this] { sweep(); });
  }

  void sweep() {
    sweep_timer_ = {};
    const rt::Instant now = executor_.clock().now();
    for_each([now](Connection& connection) { connection.check_times(now); });
    arm_sweep();
    if (std::exchange(slabs_seen_, slabs_.taken()) != slabs_.taken())
      quiet_sweeps_ = 0;
    else if (++quiet_sweeps_ == kQuietSweeps)
      slabs_.trim();
  }

  SocketServer& server_;
  rt::Executor& executor_;
  SlabPool slabs_;
  MemoryShare memory_;
  ExchangePool exchanges_;
  SendScratch scratch_;
  ConnectionShared shared_;
  std::array<std::unique_ptr<api::Dispatcher>, 2> dispatchers_;  // by ListenerKind
  std::unordered_map<Connection*, std::unique_ptr<Member>> members_;
  Connection* first_ = nullptr;
  Connection* sweep_next_ = nullptr;
  rt::TimerId sweep_timer_;
  uint64_t slabs_seen_ = 0;
  int quiet_sweeps_ = 0;
};

SocketServer::SocketServer(rt::Runtime& runtime, const SocketServerConfig& config,
                           MemoryBudget& budget, MakeDispatcher make_dispatcher)
    : runtime_(runtime),
      config_(config),
      budget_(budget),
      make_dispatcher_(std::move(make_dispatcher)),
      limits_(config.connections_max, config.connections_per_ip_max) {
  for (rt::Executor* executor : runtime_.executors)
    reactors_.push_back(std::make_unique<Reactor>(*this, *executor));
}

SocketServer::~SocketServer() = default;

SocketServer::Reactor& SocketServer::reactor_of(rt::Executor& executor) {
  return *reactors_[executor.index()];
}

Result<rt::Address> SocketServer::listen(const ListenerConfig& config) {
  const size_t frame_max =
      SlabPool::reserved_size(static_cast<size_t>(config_.frame_bytes_max) + 4);
  if (frame_max > budget_.largest())
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("a request of socket.request.max.bytes={} does not fit into the memory "
                            "for requests ({} bytes)",
                            config_.frame_bytes_max, budget_.largest()));
  auto on_accept = [this, config](std::unique_ptr<rt::Stream> stream) {
    const rt::Address peer = stream->peer();
    if (is_stopping_.load() || !limits_.enter(peer.host)) {
      log_info("net", "connection from {} refused: too many connections", peer.to_text());
      stream->close();
      return;
    }
    api::ConnectionInfo info;
    info.kind = config.kind;
    info.listener = config.name;
    info.peer = peer;
    info.id = next_connection_id_.fetch_add(1, std::memory_order_relaxed);
    rt::Executor& executor = stream->executor();
    reactor_of(executor).add(std::move(stream), std::move(info), true);
  };
  SEMEL_TRY(auto listener,
            runtime_.network->listen(config.address, runtime_.executors, std::move(on_accept)));
  rt::Address bound = listener->local();
  listeners_.push_back(std::move(listener));
  return bound;
}

void SocketServer::adopt(std::unique_ptr<rt::Stream> stream, const std::string& listener_name,
                         api::ListenerKind kind) {
  api::ConnectionInfo info;
  info.kind = kind;
  info.listener = listener_name;
  info.id = next_connection_id_.fetch_add(1, std::memory_order_relaxed);
  rt::Executor& executor = stream->executor();
  reactor_of(executor).add(std::move(stream), std::move(info), false);
}

rt::Task<void> SocketServer::stop() {
  is_stopping_.store(true);
  for (auto& listener : listeners_) listener->close();
  for (rt::Executor* executor : runtime_.executors) {
    co_await rt::resume_on(*executor);
    reactor_of(*executor).close_all();
  }
  rt::Executor& home = *runtime_.executors[0];
  co_await rt::resume_on(home);
  co_await gate_.close(home);
  for (rt::Executor* executor : runtime_.executors) {
    co_await rt::resume_on(*executor);
    reactor_of(*executor).tear_down();
  }
  co_await rt::resume_on(home);
}

}  // namespace semel::net
