// SocketServer: the listeners of a broker and the connections they took. One per process.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/dispatch.h"
#include "net/connection.h"
#include "net/connection_limits.h"
#include "net/memory_budget.h"
#include "rt/gate.h"
#include "rt/runtime.h"
#include "rt/task.h"

namespace semel::net {

/// One name of `listeners`.
struct ListenerConfig {
  std::string name;
  rt::Address address;  // port 0: any free one
  api::ListenerKind kind = api::ListenerKind::kBroker;
};

struct SocketServerConfig {
  int32_t frame_bytes_max = 104857600;                             // socket.request.max.bytes
  uint32_t connections_max = ConnectionLimits::kUnlimited;         // max.connections
  uint32_t connections_per_ip_max = ConnectionLimits::kUnlimited;  // max.connections.per.ip
  ConnectionTimes times;
};

class SocketServer {
 public:
  /// Makes the dispatcher of one listener kind for one reactor; called on that reactor, at most
  /// once per pair.
  using MakeDispatcher =
      std::function<std::unique_ptr<api::Dispatcher>(api::ListenerKind, rt::Executor&)>;

  /// `budget` must outlive every Buffer of a request; SlabPool::reserved_size(frame_bytes_max + 4)
  /// must fit into it (kInvalidConfig from listen() otherwise).
  SocketServer(rt::Runtime& runtime, const SocketServerConfig& config, MemoryBudget& budget,
               MakeDispatcher make_dispatcher);
  ~SocketServer();

  /// Listens; returns the bound address. On executor 0. Errors of rt::Network::listen.
  Result<rt::Address> listen(const ListenerConfig& config);
  /// Serves a stream that came another way (the in-process controller). On the stream's executor.
  void adopt(std::unique_ptr<rt::Stream> stream, const std::string& listener_name,
             api::ListenerKind kind);
  /// Stops listening, ends every connection and waits for the last of them. On executor 0, once.
  rt::Task<void> stop();

  uint32_t connection_count() { return limits_.total(); }
  /// For connections that come from now on. Any thread.
  void set_connection_limits(uint32_t total_max, uint32_t per_ip_max) {
    limits_.set(total_max, per_ip_max);
  }

 private:
  class Reactor;

  Reactor& reactor_of(rt::Executor& executor);

  rt::Runtime& runtime_;
  const SocketServerConfig config_;
  MemoryBudget& budget_;
  MakeDispatcher make_dispatcher_;
  ConnectionLimits limits_;
  std::vector<std::unique_ptr<Reactor>> reactors_;  // by executor index
  std::vector<std::unique_ptr<rt::Listener>> listeners_;
  std::atomic<uint64_t> next_connection_id_{1};
  std::atomic<bool> is_stopping_{false};
  rt::Gate gate_;
};

}  // namespace semel::net
