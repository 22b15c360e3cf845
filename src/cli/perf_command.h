// `semel perf`: how fast records are stored and read, and how long each takes.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code.
int run_perf_command(std::span<const std::string> words, rt::Runtime& runtime, Output& output);

}  // namespace semel::cli
