// What the clients of one listener can reach: Kafka tells them only of brokers that have the
// listener they came in by.
#pragma once

#include <string_view>

#include "cluster/image.h"

namespace semel::api::broker {

/// Borrows its arguments.
class ListenerView {
 public:
  ListenerView(const cluster::MetadataImage& image, std::string_view listener)
      : image_(image), listener_(listener) {}

  bool is_reachable(BrokerId id) const {
    const cluster::BrokerRegistration* broker = image_.broker(id);
    return broker != nullptr && !broker->fenced && broker->endpoint(listener_) != nullptr;
  }
  /// −1 if there is none, or none that can be reached.
  BrokerId leader_of(const cluster::PartitionRegistration& partition) const {
    return partition.has_leader() && is_reachable(partition.leader) ? partition.leader : kNoBroker;
  }
  /// The part of Metadata's and DescribeTopicPartitions' answers that is the same.
  template <class Answer>
  void put_replicas(const cluster::PartitionRegistration& partition, Answer& answer) const {
    for (const BrokerId replica : partition.replicas) {
      answer.replica_nodes.push_back(replica.value);
      if (!is_reachable(replica)) answer.offline_replicas.push_back(replica.value);
    }
    for (const BrokerId replica : partition.isr) answer.isr_nodes.push_back(replica.value);
    answer.leader_epoch = partition.leader_epoch.value;
    answer.leader_id = leader_of(partition).value;
  }

 private:
  const cluster::MetadataImage& image_;
  std::string_view listener_;
};

}  // namespace semel::api::broker
