// What stands in a new metadata log before anything else: feature levels, credentials.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "cluster/image.h"
#include "cluster/metadata_record.h"

namespace semel::cluster {

/// The records of `bootstrap.checkpoint`: metadata.version first, other features above level 0 by name
/// (kraft.version has no record), then `extra`.
Records bootstrap_records(const FeatureLevels& features, const Records& extra = {});
/// The levels a new semel directory gets.
FeatureLevels default_feature_levels();

/// What the first leader appends: the bootstrap records in one metadata transaction where the version
/// has them, with the cluster-wide min.insync.replicas that ELR asks for.
Records activation_records(const Records& bootstrap);

}  // namespace semel::cluster
