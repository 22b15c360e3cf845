#include "rt/sim/network.h"

#include "rt/sim/node.h"
#include "rt/sim/process.h"
#include "rt/sim/stream.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

namespace {

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

bool is_any(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

std::unexpected<Error> fail_at(const Address& address, std::string_view why, Cause cause) {
  return fail(ErrorCode::kNetworkException, address.to_text() + ": " + std::string(why), cause);
}

}  // namespace

SimListener::SimListener(Process& process, Address address, bool is_local_only)
    : process_(process), address_(std::move(address)), is_local_only_(is_local_only) {}

void SimListener::close() {
  if (is_closed_) return;
  is_closed_ = true;
  process_.world().fabric().remove_listener(*this);
}

Executor& SimListener::pick_executor() {
  return *executors[process_.world().random().below(executors.size())];
}

void SimListener::accept(std::unique_ptr<Stream> stream, Executor& executor) {
  executor.post([handler = on_accept, accepted = std::move(stream)]() mutable {
    (*handler)(std::move(accepted));
  });
}

Result<std::unique_ptr<Listener>> SimNetwork::listen(const Address& address,
                                                     std::span<Executor* const> executors,
                                                     OnAccept on_accept) {
  if (is_cut_off_) return fail_at(address, "the process is dead", Cause::kPermission);
  const bool is_local = is_loopback(address.host);
  if (!is_local && !is_any(address.host) && address.host != process_.node().name())
    return fail_at(address, "no address of this node", Cause::kNotFound);
  Fabric& fabric = process_.world().fabric();
  Address bound = address;
  if (bound.port == 0) bound.port = fabric.pick_port(process_.node());
  auto listener = std::make_unique<SimListener>(process_, bound, is_local);
  listener->executors.assign(executors.begin(), executors.end());
  listener->on_accept = std::make_shared<OnAccept>(std::move(on_accept));
  SEMEL_CHECK(fabric.add_listener(*listener));
  return listener;
}

Node* SimNetwork::resolve(const std::string& host) {
  return is_loopback(host) ? &process_.node() : process_.world().find_node(host);
}

Task<Result<std::unique_ptr<Stream>>> SimNetwork::connect(Executor& executor, Address address,
                                                          Duration timeout) {
  Attempt attempt(*this, executor);
  const uint64_t id = ++last_attempt_;
  attempts_.emplace(id, &attempt);
  begin(attempt, id, address);
  if (!attempt.outcome)
    process_.world().schedule(
        timeout, [serial = process_.serial(), &world = process_.world(), id, address] {
          Process* process = world.find_process(serial);
          if (process == nullptr || process->is_dead()) return;
          process->network().finish(id, fail_at(address, "timed out", Cause::kClosed));
        });
  co_await attempt;
  co_return std::move(*attempt.outcome);
}

void SimNetwork::begin(Attempt& attempt, uint64_t id, const Address& address) {
  World& world = process_.world();
  Node* target = resolve(address.host);
  const auto give_up = [&](std::string_view why, Cause cause) {
    attempts_.erase(id);
    attempt.outcome.emplace(fail_at(address, why, cause));
  };
  if (is_cut_off_) return give_up("the process is dead", Cause::kClosed);
  if (target == nullptr) return give_up("unknown host", Cause::kNotFound);
  world.trace().add(Trace::Kind::kConnect, process_.serial(), address.port);
  if (world.random().hits(world.fabric().options().connect_fail_ppm)) return;
  world.schedule(world.fabric().draw_latency(),
                 [serial = process_.serial(), &world, id, target, address] {
                   Process* process = world.find_process(serial);
                   if (process == nullptr || process->is_dead()) return;
                   process->network().arrive(id, *target, address);
                 });
}

void SimNetwork::arrive(uint64_t id, Node& target, const Address& address) {
  World& world = process_.world();
  Fabric& fabric = world.fabric();
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || !target.is_powered()) return;
  if (fabric.is_blocked(process_.node(), target) || fabric.is_blocked(target, process_.node()))
    return;
  SimListener* listener = fabric.find_listener(target, address.port);
  const bool is_far = &target != &process_.node();
  if (listener == nullptr || (listener->is_local_only() && is_far))
    return finish(id, fail_at(address, "refused", Cause::kRefused));
  auto connection = std::make_shared<Connection>(world, fabric.next_connection());
  Executor& server = listener->pick_executor();
  Connection::End& client_end = connection->end(0);
  client_end.node = &process_.node();
  client_end.process = process_.serial();
  client_end.executor = &found->second->executor;
  client_end.address = {process_.node().name(),
                        static_cast<uint16_t>(40'000 + connection->id() % 20'000)};
  Connection::End& server_end = connection->end(1);
  server_end.node = &target;
  server_end.process = listener->process().serial();
  server_end.executor = &server;
  server_end.address = {target.name(), address.port};
  fabric.add(connection);
  listener->accept(std::make_unique<SimStream>(connection, 1), server);
  world.schedule(fabric.draw_latency(), [serial = process_.serial(), &world, id, connection] {
    Process* process = world.find_process(serial);
    if (process == nullptr || process->is_dead()) return;
    auto stream = std::make_unique<SimStream>(connection, 0);
    process->network().finish(id, std::move(stream));
  });
}

void SimNetwork::finish(uint64_t id, Outcome outcome) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  Attempt& attempt = *found->second;
  attempts_.erase(found);
  attempt.outcome.emplace(std::move(outcome));
  attempt.executor.post(attempt);
}

void SimNetwork::cut_off() {
  if (is_cut_off_) return;
  is_cut_off_ = true;
  process_.world().fabric().forget_process(process_);
  while (!attempts_.empty()) {
    const uint64_t id = attempts_.begin()->first;
    finish(id, fail(ErrorCode::kNetworkException, "the process is dead", Cause::kClosed));
  }
}

}  // namespace semel::rt::sim
