// The real broker composition as a program of the simulator.
#pragma once

#include "broker_program.h"

namespace semel::sim {

BrokerFactory real_broker_factory();

}  // namespace semel::sim
