// `semel dump FILE…`: any file of a data directory of semel's or Kafka's, as text or JSON lines,
// and the producer state of a partition at an offset.
#pragma once

#include <span>
#include <string>

#include "cli/dump_file.h"
#include "cli/output.h"

namespace semel::cli {

/// `arguments` come after "semel dump". Returns the exit code (output.h): kNotFound if a file is
/// not there, kFailed if one is damaged.
int run_dump_command(std::span<const std::string> arguments, const DumpPaths& paths,
                     Output& output);

}  // namespace semel::cli
