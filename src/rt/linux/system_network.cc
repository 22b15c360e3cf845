#include "rt/linux/system_network.h"

#include <cerrno>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "rt/blocking.h"
#include "rt/linux/acceptor.h"
#include "rt/linux/congestion.h"
#include "rt/linux/errors.h"
#include "rt/linux/socket_stream.h"
#include "rt/wait.h"

namespace semel::rt::linux_os {
namespace {

class SystemListener final : public Listener {
 public:
  explicit SystemListener(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  ~SystemListener() override { acceptor_->close(); }
  Address local() const override { return acceptor_->local(); }
  void close() override { acceptor_->close(); }

 private:
  std::shared_ptr<Acceptor> acceptor_;
};

Result<FileHandle> open_socket(const Endpoint& endpoint) {
  FileHandle socket(::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return network_failure(errno, "socket", endpoint.to_address().to_text());
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return socket;
}

// Accepted sockets inherit what is set here.
Result<FileHandle> open_listener(const Endpoint& endpoint) {
  const std::string where = endpoint.to_address().to_text();
  SEMEL_TRY(auto socket, open_socket(endpoint));
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (endpoint.family() == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(socket.get(), endpoint.get(), endpoint.length) != 0) {
    return network_failure(errno, "bind", where);
  }
  if (::listen(socket.get(), SOMAXCONN) != 0) return network_failure(errno, "listen", where);
  return socket;
}

// The stream is connected, or will be once it is writable.
Result<std::unique_ptr<SocketStream>> begin_connect(Reactor& reactor, const Endpoint& endpoint) {
  SEMEL_TRY(auto socket, open_socket(endpoint));
  if (endpoint.is_loopback()) CongestionControl::make_unpaced(socket.get());
  if (::connect(socket.get(), endpoint.get(), endpoint.length) != 0 && errno != EINPROGRESS) {
    return network_failure(errno, "connect", endpoint.to_address().to_text());
  }
  return SocketStream::adopt(reactor, std::move(socket));
}

Task<Result<std::unique_ptr<Stream>>> connect_one(Reactor& reactor, Endpoint endpoint,
                                                  Instant deadline) {
  const std::string where = endpoint.to_address().to_text();
  auto stream = begin_connect(reactor, endpoint);
  if (!stream) co_return fail(std::move(stream.error()));
  const WaitLimits limits{.deadline = deadline};
  const auto outcome = co_await writable(**stream, limits);
  if (outcome != WaitOutcome::kReady) co_return network_failure(ETIMEDOUT, "connect", where);
  if (const int error = (*stream)->finish_connect(); error != 0) {
    co_return network_failure(error, "connect", where);
  }
  co_return std::move(*stream);
}

}  // namespace

Result<std::unique_ptr<Listener>> SystemNetwork::listen(const Address& address,
                                                        std::span<Executor* const> executors,
                                                        OnAccept on_accept) {
  SEMEL_ASSERT(!executors.empty());
  std::vector<Endpoint> endpoints = Endpoint::wildcards(address.port);
  if (!address.host.empty()) {
    SEMEL_TRY(endpoints, resolve(address));
    endpoints.resize(1);
  }
  auto socket = open_listener(endpoints.front());
  if (!socket && endpoints.size() > 1 && socket.error().cause == Cause::kNotFound) {
    socket = open_listener(endpoints.back());
  }
  if (!socket) return fail(std::move(socket.error()));
  const std::string system_default = CongestionControl::of(socket->get());
  CongestionControl::make_unpaced(socket->get());
  std::vector<Reactor*> reactors;
  for (Executor* executor : executors) reactors.push_back(&dynamic_cast<Reactor&>(*executor));
  auto acceptor = std::make_shared<Acceptor>(std::move(*socket), std::move(reactors),
                                             std::move(on_accept), system_default);
  acceptor->start();
  return std::make_unique<SystemListener>(std::move(acceptor));
}

Task<Result<std::unique_ptr<Stream>>> SystemNetwork::connect(Executor& executor, Address address,
                                                             Duration timeout) {
  auto& reactor = dynamic_cast<Reactor&>(executor);
  const Instant deadline = reactor.clock().now() + timeout;
  std::vector<Endpoint> endpoints;
  if (const auto numeric = Endpoint::from_numeric(address)) {
    endpoints.push_back(*numeric);
  } else {
    auto look_up = [&address] { return resolve(address); };
    auto resolved = co_await run_blocking(disk_, executor, look_up);
    if (!resolved) co_return fail(std::move(resolved.error()));
    endpoints = std::move(*resolved);
  }
  Result<std::unique_ptr<Stream>> last = network_failure(ETIMEDOUT, "connect", address.to_text());
  for (const Endpoint& endpoint : endpoints) {
    last = co_await connect_one(reactor, endpoint, deadline);
    if (last || reactor.clock().now() >= deadline) break;
  }
  co_return last;
}

}  // namespace semel::rt::linux_os
