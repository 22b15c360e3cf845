// kafka-console-consumer.sh: 4.3.1's options, texts and exit codes. It reads partitions without
// joining a group: --group is refused.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code.
int run_kafka_console_consumer(std::span<const std::string> arguments, rt::Runtime& runtime,
                               Output& output);

}  // namespace semel::cli
