// `semel config get|set|unset|list`: settings of topics and brokers.
#pragma once

#include <span>
#include <string>

#include "cli/api_caller.h"
#include "cli/output.h"

namespace semel::cli {

/// `arguments` come after "semel config". Returns the exit code (output.h).
int run_config_command(std::span<const std::string> arguments, const Connect& connect,
                       Output& output);

}  // namespace semel::cli
