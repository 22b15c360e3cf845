// `semel lab duplicates`: acknowledgements are lost on purpose; what becomes of the records with
// and without idempotence, and over a restart of the broker.
#pragma once

#include <span>
#include <string>

#include "cli/dump_file.h"
#include "cli/output.h"

namespace semel::cli {

/// `arguments` come after "semel lab". Returns kOk if everything came out as it must, kFailed if
/// not, kUsage, kConflict (the data directory is there already).
int run_lab_command(std::span<const std::string> arguments, const DumpPaths& paths, Output& output);

}  // namespace semel::cli
