// Placement: on which brokers the replicas of new partitions lie. Replicas are striped over racks
// and brokers, fenced brokers last (Kafka's StripedReplicaPlacer).
#pragma once

#include <vector>

#include "base/result.h"
#include "cluster/image.h"
#include "rt/random.h"

namespace semel::cluster {

struct PlacementAsk {
  int32_t first_partition = 0;
  int32_t partitions = 1;
  int16_t replicas = 1;
};

/// Replicas of each partition, the preferred leader first. kInvalidReplicationFactor with Kafka's
/// text.
Result<std::vector<std::vector<BrokerId>>> place_replicas(const MetadataImage& image,
                                                          const PlacementAsk& ask,
                                                          rt::Random& random);

}  // namespace semel::cluster
