// StubBroker: the smallest broker that can be correct: one node, every request handled alone, every
// append synced before its answer. It tries the simulator itself, and shows with planted bugs that
// the checker sees.
#pragma once

#include "../broker_program.h"

namespace semel::sim {

BrokerFactory stub_broker_factory();

}  // namespace semel::sim
