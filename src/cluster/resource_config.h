// Settings of groups and of client metrics subscriptions (KIP-848, KIP-714), with Kafka 4.3.1's
// texts. They are stored and described; what they mean is not decided here.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "cluster/config_schema.h"

namespace semel::cluster {

/// Of kGroup and kClientMetrics, sorted by name; empty for other types.
std::span<const BrokerConfigKey> resource_config_keys(ConfigResourceType type);

/// Everything that would be set on one such resource. kInvalidConfig, kInvalidRequest.
Result<void> check_resource_config(ConfigResourceType type, const ConfigMap& configs,
                                   const ConfigLayers& broker);

/// Where a value comes from: `own` is what is set on the resource (null = nothing); a group's
/// default is the broker setting "group." + name, where there is one.
EffectiveConfig effective_resource_config(ConfigResourceType type, const BrokerConfigKey& key,
                                          const ConfigMap* own, const ConfigLayers& broker);

}  // namespace semel::cluster
