// Rot: damages stored records below the recovery point of a running broker, as a disk does that
// loses bits, and tells the history what was there before.
#pragma once

#include "history.h"
#include "rt/sim/node.h"
#include "rt/sim/random.h"

namespace semel::sim {

/// Flips one bit of a batch in a closed segment of `topic` that lies below the recovery point. Of
/// the batch's header only what a reader can check is hit: base offset and leader epoch lie outside
/// the CRC (KIP-98). False if no segment is there yet.
bool let_rot(rt::sim::Node& node, std::string_view topic, rt::sim::SimRandom& random,
             History& history);

}  // namespace semel::sim
