// Controller: the cluster's state as its active controller sees it, uncommitted records included,
// and the one place where records are made: decide, append, replay. Pure but for what is passed in;
// one thread (executor 0).
#pragma once

#include <deque>
#include <map>

#include "base/result.h"
#include "cluster/broker_decisions.h"
#include "cluster/controller_view.h"
#include "cluster/heartbeats.h"
#include "gen/allocate_producer_ids.h"

namespace semel::cluster {

inline constexpr int32_t kProducerIdBlock = 1000;

class Controller {
 public:
  /// `random` outlives *this.
  Controller(ControllerSettings settings, rt::Random& random);

  /// Takes what the log says. `now_ms`: monotonic milliseconds.
  void load(ImagePtr image, std::map<BrokerId, Offset> registered_at, int64_t now_ms);
  /// Appended records take effect; `first` is the offset of the first. An error is fatal: the
  /// records are this program's own.
  Result<void> replay(const Records& records, Offset first, LeaderEpoch epoch, int64_t now_ms);

  /// What becoming active asks for: bootstrap records into an empty log, this node's registration,
  /// fencing of `own_broker` (the broker of this process, whose old registration cannot be alive).
  std::vector<Records> activation(std::optional<BrokerId> own_broker) const;

  Result<Decision<gen::BrokerRegistrationResponse>> register_broker(
      const gen::BrokerRegistrationRequest& request, Offset next_offset, int64_t now_ms);
  /// Also notes that the broker was heard.
  Result<HeartbeatDecision> heartbeat(const gen::BrokerHeartbeatRequest& request, int64_t now_ms);
  /// The records of a heartbeat that begins a controlled shutdown end at `end`.
  void shutdown_begins(BrokerId broker, Offset end) {
    heartbeats_.set_shutdown_offset(broker, end);
  }
  /// kStaleBrokerEpoch, kBrokerIdNotRegistered; kUnknownServerError when ids run out.
  Result<Decision<gen::AllocateProducerIdsResponse>> allocate_producer_ids(
      const gen::AllocateProducerIdsRequest& request) const;
  /// Fences one broker whose session is over; empty if there is none.
  Records fence_stale(int64_t now_ms);
  /// The broker's session ends now (its connection broke and its listener refuses).
  void end_session(BrokerId broker) { heartbeats_.expire(broker); }

  ControllerView view() const { return {*image_, settings_, random_}; }
  const ImagePtr& image() const { return image_; }
  const ControllerSettings& settings() const { return settings_; }
  /// True if a broker other than `own` or another controller is registered.
  bool has_other_nodes(std::optional<BrokerId> own) const;

 private:
  void follow_sessions(const Records& records, Offset first, int64_t now_ms);

  ControllerSettings settings_;
  rt::Random& random_;
  ImagePtr image_;
  Heartbeats heartbeats_;
  std::map<BrokerId, Offset> registered_at_;
};

}  // namespace semel::cluster
