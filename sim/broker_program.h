// BrokerProgram: a broker as the simulator runs it. Which one is behind it is the factory's
// business: the real composition, or the small stand-in of the simulator's own tests.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rt/network.h"
#include "rt/sim/process.h"

namespace semel::sim {

struct BrokerSpec {
  int32_t node_id = 1;
  rt::Address listen;
  std::vector<rt::Address> brokers;  // all of the cluster; position i is node id i + 1
  std::string data = "/data";
  std::map<std::string, std::string> settings;  // as in server.properties
};

class BrokerProgram : public rt::sim::Program {
 public:
  /// It gave up by itself; the process must be taken away and booted anew.
  virtual bool has_exited() const = 0;
  virtual std::string exit_reason() const = 0;
};

using BrokerFactory =
    std::function<std::unique_ptr<BrokerProgram>(rt::Runtime runtime, const BrokerSpec& spec)>;

}  // namespace semel::sim
