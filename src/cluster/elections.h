// Which partitions change, and how, when a broker leaves, comes back or loses its records.
#pragma once

#include "cluster/controller_view.h"
#include "cluster/partition_change.h"

namespace semel::cluster {

/// What happened to brokers; kNoBroker = to none.
struct BrokerNews {
  BrokerId gone = kNoBroker;     // leaves every ISR
  BrokerId back = kNoBroker;     // counts as live although the image does not say so yet
  BrokerId unclean = kNoBroker;  // stopped without order: leaves ISR and ELR
  /// With `gone`: only the replicas in these directories are gone; null = all of them.
  const std::vector<DirectoryId>* directories = nullptr;
};

/// The rules for one partition of `topic`.
PartitionChange::Rules rules_for(const ControllerView& view, const TopicImage& topic,
                                 const PartitionRegistration& partition, const BrokerNews& news);

/// Adds the changes of every partition that `news` touches: those with `gone` or `unclean` in ISR
/// or ELR; with `back`: those without a leader.
void add_partition_changes(const ControllerView& view, const BrokerNews& news, Records& records);

/// True if any partition is led by `broker`.
bool leads_anything(const MetadataImage& image, BrokerId broker);

}  // namespace semel::cluster
