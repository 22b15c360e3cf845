// Decisions about topics: creating, growing, deleting (KIP-4, KIP-516), with Kafka 4.3.1's error
// texts.
#pragma once

#include "cluster/controller_view.h"
#include "gen/create_partitions.h"
#include "gen/create_topics.h"
#include "gen/delete_topics.h"

namespace semel::cluster {

/// A request that would make more partitions than this is refused with kPolicyViolation.
inline constexpr int32_t kPartitionsPerRequestMax = 10'000;

Decision<gen::CreateTopicsResponse> decide_create_topics(const ControllerView& view,
                                                         const gen::CreateTopicsRequest& request);
Decision<gen::DeleteTopicsResponse> decide_delete_topics(const ControllerView& view,
                                                         const gen::DeleteTopicsRequest& request,
                                                         int16_t version);
Decision<gen::CreatePartitionsResponse> decide_create_partitions(
    const ControllerView& view, const gen::CreatePartitionsRequest& request);

}  // namespace semel::cluster
