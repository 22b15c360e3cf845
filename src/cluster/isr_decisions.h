// Decisions about ISRs (AlterPartition; KIP-497, KIP-841, KIP-903, KIP-966).
#pragma once

#include "base/result.h"
#include "cluster/controller_view.h"
#include "gen/alter_partition.h"

namespace semel::cluster {

/// Per partition in Kafka's order of checks (reference: KIP-497); the top-level error is
/// kStaleBrokerEpoch or kBrokerIdNotRegistered.
Result<Decision<gen::AlterPartitionResponse>> decide_alter_partition(
    const ControllerView& view, const gen::AlterPartitionRequest& request, int16_t version);

}  // namespace semel::cluster
