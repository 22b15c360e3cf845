// `semel consume`: prints the records of a topic.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code.
int run_consume_command(std::span<const std::string> words, rt::Runtime& runtime, Output& output);

}  // namespace semel::cli
