// Decisions about brokers: registration, heartbeat, fencing, leaving (KIP-631, KIP-841, KIP-858).
#pragma once

#include "base/result.h"
#include "cluster/controller_view.h"
#include "cluster/heartbeats.h"
#include "gen/broker_heartbeat.h"
#include "gen/broker_registration.h"
#include "gen/unregister_broker.h"

namespace semel::cluster {

/// `next_offset` is where the first record would be appended: it becomes the broker epoch of a new
/// incarnation. Errors: kInconsistentClusterId, kDuplicateBrokerRegistration (an older
/// incarnation's session lives), kInvalidRegistration, kUnsupportedVersion (the text names the
/// feature and, where Kafka allows it, the command that lowers it).
Result<Decision<gen::BrokerRegistrationResponse>> decide_registration(
    const ControllerView& view, const Heartbeats& heartbeats,
    const gen::BrokerRegistrationRequest& request, Offset next_offset, int64_t now_ms);

/// What a heartbeat leads to besides records.
struct HeartbeatOutcome {
  bool is_fenced = true;
  bool enters_shutdown = false;  // set the broker's shutdown offset to the end of the records
};
struct HeartbeatDecision : Decision<gen::BrokerHeartbeatResponse> {
  HeartbeatOutcome outcome;
};
/// `registered_at` is the offset of the broker's RegisterBroker record. Errors:
/// kBrokerIdNotRegistered, kStaleBrokerEpoch.
Result<HeartbeatDecision> decide_heartbeat(const ControllerView& view, const Heartbeats& heartbeats,
                                           const gen::BrokerHeartbeatRequest& request,
                                           Offset registered_at);

/// Fences the broker if it is not.
Records decide_fencing(const ControllerView& view, BrokerId broker);

Result<Decision<gen::UnregisterBrokerResponse>> decide_unregistration(const ControllerView& view,
                                                                      BrokerId broker);

/// kBrokerIdNotRegistered or kStaleBrokerEpoch.
Result<void> check_broker_epoch(const MetadataImage& image, BrokerId broker, BrokerEpoch epoch);

}  // namespace semel::cluster
