// ClusterCaller: an ApiCaller over one TCP connection, with a runtime of its own.
#pragma once

#include <memory>
#include <string>

#include "cli/api_caller.h"
#include "rt/clock.h"

namespace semel::cli {

/// Tries the addresses of `servers` ("host:port,host:port") in order; `timeout` bounds each connection
/// attempt and each call. Errors: kInvalidRequest (no address), kNetworkException with every address and
/// why it failed.
Result<std::unique_ptr<ApiCaller>> connect_to_cluster(const std::string& servers, rt::Duration timeout);

}  // namespace semel::cli
