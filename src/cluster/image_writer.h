// The records that say what an image says: the content of a snapshot, in Kafka's order (features,
// brokers, controllers, topics, configs, quotas, producer ids, rules, credentials, tokens).
#pragma once

#include "cluster/image.h"
#include "cluster/metadata_record.h"

namespace semel::cluster {

/// Versions follow the image's own metadata.version.
Records to_records(const MetadataImage& image);

}  // namespace semel::cluster
