// Between registrations and their records.
#pragma once

#include "cluster/features.h"
#include "cluster/image.h"
#include "cluster/metadata_record.h"

namespace semel::cluster {

VersionedRecord to_record(const BrokerRegistration& broker, MetadataVersion version);
VersionedRecord to_record(const ControllerRegistration& controller);

}  // namespace semel::cluster
