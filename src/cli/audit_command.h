// `semel audit DIR…`: was every record of a data directory stored once, in order and whole?
#pragma once

#include <span>
#include <string>

#include "cli/dump_file.h"
#include "cli/output.h"

namespace semel::cli {

/// `arguments` come after "semel audit". Returns kOk if nothing was found, kFailed with findings or
/// when something could not be read, kUsage, kNotFound (no such folder, or no partition in it).
int run_audit_command(std::span<const std::string> arguments, const DumpPaths& paths,
                      Output& output);

}  // namespace semel::cli
