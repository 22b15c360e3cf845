// From the process's Config to the settings of each part.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/broker/services.h"
#include "broker/config.h"
#include "broker/directories.h"
#include "cluster/broker_lifecycle.h"
#include "cluster/embedded_controller.h"
#include "log/log_manager.h"
#include "net/socket_server.h"
#include "replica/partition.h"
#include "rt/random.h"

namespace semel::broker {

net::SocketServerConfig server_config(const Config& config);
api::broker::BrokerFacts broker_facts(const Config& config, const Identity& identity);
cluster::BrokerIdentity broker_identity(const Config& config, const Identity& identity,
                                        std::vector<DirectoryId> directories, rt::Random& random);
cluster::LifecycleTimes lifecycle_times(const Config& config);
cluster::ControllerNodeConfig controller_config(const Config& config, const Identity& identity,
                                                rt::Random& random);
/// "ack", "os" or "auto".
replica::FlushPolicy flush_policy(std::string_view text);
/// Without `config_of`.
log::LogManagerConfig log_manager_config(const Config& config, const Identity& identity,
                                         rt::Random& random);
replica::PartitionConfig partition_config(const Config& config, const Identity& identity);

/// On a single node that Kafka formatted, levels of features that semel does not offer yet (groups,
/// share groups, streams, …) stay as they are: the registration is widened by them, with a warning
/// for each. Levels that no Kafka 4.3 knows are not kept: the registration is then refused.
void keep_finalized_levels(const cluster::FeatureLevels& finalized,
                           std::map<std::string, cluster::LevelRange>& offered);

/// The directory.id of each directory's meta.properties. Blocks.
Result<std::vector<DirectoryId>> read_directory_ids(rt::Disk& disk,
                                                    const std::vector<std::string>& directories);

}  // namespace semel::broker
