// ClientWorld: what all clients of a run share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "history.h"
#include "rt/network.h"
#include "rt/sim/trace.h"
#include "workload.h"

namespace semel::sim {

struct ClientWorld {
  const Workload& workload;
  History& history;
  rt::sim::Trace& trace;
  std::string topic;
  std::vector<rt::Address> brokers;  // position i is node id i + 1
  bool may_lose = false;             // power cuts may take acknowledged records
  std::function<int64_t()> now_ns;   // virtual time of the whole run
};

}  // namespace semel::sim
