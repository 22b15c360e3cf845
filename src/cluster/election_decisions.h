// Decisions about elections that somebody asks for (ElectLeaders; KIP-183, KIP-460).
#pragma once

#include "cluster/controller_view.h"
#include "gen/elect_leaders.h"

namespace semel::cluster {

/// Partitions that have the wanted leader are answered with kElectionNotNeeded if they were named.
Decision<gen::ElectLeadersResponse> decide_elect_leaders(const ControllerView& view,
                                                         const gen::ElectLeadersRequest& request);

}  // namespace semel::cluster
