// `semel produce`: lines of standard input become records.
#pragma once

#include <span>
#include <string>

#include "cli/line_reader.h"
#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code: kOk if every record was stored.
int run_produce_command(std::span<const std::string> words, rt::Runtime& runtime, LineSource& lines,
                        Output& output);

}  // namespace semel::cli
