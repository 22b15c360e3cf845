// CurrentLeader and NodeEndpoints (KIP-951): where a client finds the leader that it should have
// asked.
#pragma once

#include "cluster/image.h"

namespace semel::api::broker {

/// Who asked about which partition.
struct LeaderQuestion {
  const cluster::MetadataImage& image;
  const cluster::PartitionRegistration* partition;  // null: unknown
  BrokerId self;
  std::string_view listener;
};

/// Fills `answer.current_leader` of a partition that this broker does not lead, and adds the
/// leader's endpoint on the listener to `endpoints`. Leaves −1 while the metadata names this broker
/// itself.
template <class Answer, class Endpoints>
void hint_leader(const LeaderQuestion& asked, Answer& answer, Endpoints& endpoints) {
  const cluster::PartitionRegistration* partition = asked.partition;
  if (partition == nullptr || !partition->has_leader() || partition->leader == asked.self) return;
  answer.current_leader.leader_id = partition->leader.value;
  answer.current_leader.leader_epoch = partition->leader_epoch.value;
  for (const auto& known : endpoints) {
    if (known.node_id == partition->leader.value) return;
  }
  const cluster::BrokerRegistration* broker = asked.image.broker(partition->leader);
  const cluster::Endpoint* endpoint =
      broker != nullptr ? broker->endpoint(asked.listener) : nullptr;
  if (endpoint == nullptr) return;
  auto& node = endpoints.append();
  node.node_id = broker->id.value;
  node.host = endpoint->host;
  node.port = endpoint->port;
  node.rack = broker->rack;
}

}  // namespace semel::api::broker
