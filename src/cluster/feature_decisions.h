// Decisions about feature levels (UpdateFeatures; KIP-584, KIP-778), with Kafka 4.3.1's error
// texts.
#pragma once

#include "cluster/controller_view.h"
#include "gen/update_features.h"

namespace semel::cluster {

/// All or nothing: one refused feature refuses them all (kInvalidUpdateVersion).
Decision<gen::UpdateFeaturesResponse> decide_update_features(
    const ControllerView& view, const gen::UpdateFeaturesRequest& request, int16_t version);

}  // namespace semel::cluster
