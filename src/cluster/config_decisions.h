// Decisions about settings: IncrementalAlterConfigs and the older AlterConfigs (KIP-133, KIP-339),
// for topics and brokers, with Kafka 4.3.1's error texts.
#pragma once

#include "cluster/controller_view.h"
#include "gen/alter_configs.h"
#include "gen/incremental_alter_configs.h"

namespace semel::cluster {

Decision<gen::IncrementalAlterConfigsResponse> decide_incremental_alter_configs(
    const ControllerView& view, const gen::IncrementalAlterConfigsRequest& request);
/// What is not named falls back to its default.
Decision<gen::AlterConfigsResponse> decide_alter_configs(const ControllerView& view,
                                                         const gen::AlterConfigsRequest& request);

}  // namespace semel::cluster
