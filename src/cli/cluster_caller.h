// The ApiCaller of the tools: one connection of the client library, on a runtime of its own.
#pragma once

#include "cli/api_caller.h"
#include "rt/disk.h"

namespace semel::cli {

/// Tries the servers in random order. Errors: kInvalidConfig (no settings
/// file: Cause::kNotFound; an address or a setting that Kafka refuses, or one of security that this
/// client cannot do: Cause::kRefused), kNetworkException with every address and why it failed.
Result<std::unique_ptr<ApiCaller>> connect_to_cluster(const ClusterAddress& address,
                                                      rt::Disk& disk);

}  // namespace semel::cli
