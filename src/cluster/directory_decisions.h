// Decisions about the log directories that replicas lie in (AssignReplicasToDirs; KIP-858).
#pragma once

#include "base/result.h"
#include "cluster/controller_view.h"
#include "gen/assign_replicas_to_dirs.h"

namespace semel::cluster {

/// Per partition; a replica in a directory that is not online leaves its ISR. The top-level error
/// is kUnsupportedVersion (metadata.version), kBrokerIdNotRegistered or kStaleBrokerEpoch.
Result<Decision<gen::AssignReplicasToDirsResponse>> decide_assign_replicas(
    const ControllerView& view, const gen::AssignReplicasToDirsRequest& request);

}  // namespace semel::cluster
