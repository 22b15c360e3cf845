// What may be changed of a broker's settings while it runs (KIP-226), with Kafka 4.3.1's texts.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "cluster/config_schema.h"

namespace semel::cluster {

struct BrokerConfigChange {
  const ConfigMap& after;                // everything that is set on the resource then
  const std::set<std::string>& changed;  // names in `after` that were given a value
  bool is_for_one_broker = false;        // else for all brokers
  ConfigLayers effective;                // what holds now
};

/// kInvalidRequest. Names that neither Kafka nor semel knows are allowed, as Kafka allows them for
/// its plugins, unless they begin with "semel.".
Result<void> check_broker_config_change(const BrokerConfigChange& change);

}  // namespace semel::cluster
