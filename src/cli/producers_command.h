// `semel producers list|show|why`: what brokers know of producers, with semel's counters of
// suppressed duplicates and refused batches.
#pragma once

#include <span>
#include <string>

#include "cli/api_caller.h"
#include "cli/output.h"

namespace semel::cli {

/// `arguments` come after "semel producers". Returns the exit code (output.h).
int run_producers_command(std::span<const std::string> arguments, const Connect& connect,
                          Output& output);

}  // namespace semel::cli
