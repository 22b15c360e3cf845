// What a new leader appends to an empty metadata log.
#pragma once

#include "cluster/metadata_record.h"

namespace semel::cluster {

/// What the first leader appends: the bootstrap records in one metadata transaction where the
/// version has them, with the cluster-wide min.insync.replicas that ELR asks for.
Records activation_records(const Records& bootstrap);

}  // namespace semel::cluster
