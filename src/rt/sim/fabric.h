// Fabric: the network between simulated nodes. Connections are TCP-like byte streams: bytes arrive
// in order or not at all. Loss is a reset connection; a partition holds bytes back until it heals.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rt/network.h"
#include "rt/sim/random.h"

namespace semel::rt::sim {

class World;
class Node;
class Process;
class Connection;
class SimListener;

struct NetworkOptions {
  Duration latency_min = std::chrono::microseconds{20};
  Duration latency_max = std::chrono::microseconds{500};
  uint32_t slow_ppm = 2'000;      // chunks that take 200 times as long
  uint32_t reset_ppm = 0;         // delivered chunks that reset their connection
  uint32_t connect_fail_ppm = 0;  // connects that are lost
  uint32_t spurious_wake_ppm = 20'000;
  uint64_t window = 256 * 1024;        // bytes under way or unread per direction
  uint32_t short_write_ppm = 100'000;  // writes that take only a part
  uint32_t short_read_ppm = 300'000;   // reads that give only a part
};

class Fabric {
 public:
  Fabric(World& world, NetworkOptions options);
  ~Fabric();

  NetworkOptions& options() { return options_; }

  /// Nothing from `from` reaches `to` until heal.
  void block(const Node& from, const Node& to);
  /// Neither direction.
  void partition(const Node& a, const Node& b);
  void isolate(const Node& node);
  void heal();
  bool is_blocked(const Node& from, const Node& to) const;
  /// Resets every connection between the two nodes.
  void cut(const Node& a, const Node& b);
  /// Resets one random connection; false if there is none.
  bool cut_any();
  size_t connection_count() const;

  // For SimNetwork and Connection:
  Duration draw_latency();
  uint64_t next_connection() { return ++last_connection_; }
  void add(std::shared_ptr<Connection> connection);
  void remove(uint64_t connection);
  Result<void> add_listener(SimListener& listener);
  void remove_listener(SimListener& listener);
  SimListener* find_listener(const Node& node, uint16_t port);
  uint16_t pick_port(const Node& node);
  void forget_process(Process& process);

 private:
  using Link = std::pair<uint32_t, uint32_t>;  // node indexes
  World& world_;
  NetworkOptions options_;
  std::set<Link> blocked_;
  uint64_t last_connection_ = 0;
  std::map<uint64_t, std::shared_ptr<Connection>> connections_;
  std::map<Link, SimListener*> listeners_;  // node index, port
};

}  // namespace semel::rt::sim
