// Cluster: the brokers of a run on their nodes: booting, dying, coming back.
#pragma once

#include <string>
#include <vector>

#include "broker_program.h"
#include "rt/sim/world.h"
#include "workload.h"

namespace semel::sim {

class Cluster {
 public:
  /// Told of a node before a broker boots on it.
  using BeforeBoot = std::function<void(rt::sim::Node& node)>;

  Cluster(rt::sim::World& world, const Workload& workload, BrokerFactory factory,
          BeforeBoot before_boot = {});

  size_t size() const { return specs_.size(); }
  std::vector<rt::Address> addresses() const;
  rt::sim::Node& node(size_t index);
  /// Boots it if it is down.
  void boot(size_t index);
  /// Boots every broker that is down. From the time of the first boot on.
  void boot_all();
  /// Takes away what has exited by itself; the number of such.
  int sweep();
  /// A broker that gave up is booted again after a while (default), or stays away.
  bool is_all_running();

 private:
  rt::sim::World& world_;
  const Workload& workload_;
  BrokerFactory factory_;
  BeforeBoot before_boot_;
  std::vector<BrokerSpec> specs_;
};

}  // namespace semel::sim
