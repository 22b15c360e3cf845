#include "rt/sim/fabric.h"

#include "rt/sim/network.h"
#include "rt/sim/node.h"
#include "rt/sim/process.h"
#include "rt/sim/stream.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

Fabric::Fabric(World& world, NetworkOptions options) : world_(world), options_(options) {}
Fabric::~Fabric() = default;

void Fabric::block(const Node& from, const Node& to) { blocked_.emplace(from.index(), to.index()); }

void Fabric::partition(const Node& a, const Node& b) {
  block(a, b);
  block(b, a);
}

void Fabric::isolate(const Node& node) {
  for (const auto& other : world_.nodes())
    if (other.get() != &node) partition(node, *other);
}

void Fabric::heal() { blocked_.clear(); }

bool Fabric::is_blocked(const Node& from, const Node& to) const {
  return blocked_.contains({from.index(), to.index()});
}

void Fabric::cut(const Node& a, const Node& b) {
  const auto connections = connections_;
  for (const auto& [id, connection] : connections) {
    const Node* first = connection->end(0).node;
    const Node* second = connection->end(1).node;
    if ((first == &a && second == &b) || (first == &b && second == &a)) connection->reset();
  }
}

bool Fabric::cut_any() {
  if (connections_.empty()) return false;
  auto chosen = connections_.begin();
  std::advance(chosen, world_.random().below(connections_.size()));
  world_.trace().probe("network: connection reset");
  chosen->second->reset();
  return true;
}

size_t Fabric::connection_count() const { return connections_.size(); }

Duration Fabric::draw_latency() {
  Duration latency = world_.random().between(options_.latency_min, options_.latency_max);
  if (world_.random().hits(options_.slow_ppm)) latency *= 200;
  return latency;
}

void Fabric::add(std::shared_ptr<Connection> connection) {
  connections_.emplace(connection->id(), std::move(connection));
}

void Fabric::remove(uint64_t connection) { connections_.erase(connection); }

Result<void> Fabric::add_listener(SimListener& listener) {
  const Link key{listener.process().node().index(), listener.local().port};
  if (!listeners_.emplace(key, &listener).second)
    return fail(ErrorCode::kUnknownServerError, listener.local().to_text() + ": in use",
                Cause::kInUse);
  return {};
}

void Fabric::remove_listener(SimListener& listener) {
  const Link key{listener.process().node().index(), listener.local().port};
  const auto found = listeners_.find(key);
  if (found != listeners_.end() && found->second == &listener) listeners_.erase(found);
}

SimListener* Fabric::find_listener(const Node& node, uint16_t port) {
  const auto found = listeners_.find(Link{node.index(), port});
  return found == listeners_.end() ? nullptr : found->second;
}

uint16_t Fabric::pick_port(const Node& node) {
  uint16_t port = 32768;
  while (find_listener(node, port) != nullptr) ++port;
  return port;
}

void Fabric::forget_process(Process& process) {
  std::erase_if(listeners_,
                [&process](const auto& entry) { return &entry.second->process() == &process; });
  const auto connections = connections_;
  for (const auto& [id, connection] : connections)
    for (const int side : {0, 1})
      if (connection->end(side).process == process.serial())
        connection->die(side, process.node().is_powered());
}

}  // namespace semel::rt::sim
