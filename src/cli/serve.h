// `semel serve` and kafka-server-start.sh: words → Config.
#pragma once

#include <span>
#include <string>
#include <variant>

#include "broker/config.h"
#include "cli/output.h"
#include "rt/disk.h"

namespace semel::cli {

/// What to run, or the exit code to end with (help, usage errors).
using ServePlan = std::variant<broker::Config, ExitCode>;

/// `semel serve [server.properties] [--data DIR] [--listen HOST:PORT] [--set key=value]…`
ServePlan plan_serve(std::span<const std::string> arguments, rt::Disk& disk, Output& output);
/// `kafka-server-start.sh [-daemon] server.properties [--override property=value]*`
ServePlan plan_kafka_server_start(std::span<const std::string> arguments, rt::Disk& disk,
                                  Output& output);

}  // namespace semel::cli
