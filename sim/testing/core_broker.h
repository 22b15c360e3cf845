// CoreBroker: everything of a broker but its controller: sockets, handlers, partitions and logs are
// the real ones, the metadata comes from a small file. It runs the record path at the simulator's
// full speed, with topic settings (tiny segments) that a controller would not accept.
#pragma once

#include "../broker_program.h"

namespace semel::sim {

BrokerFactory core_broker_factory();

}  // namespace semel::sim
