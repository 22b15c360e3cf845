// kafka-producer-perf-test.sh: 4.3.1's options and lines, over the client library.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code.
int run_kafka_producer_perf(std::span<const std::string> words, rt::Runtime& runtime,
                            Output& output);

}  // namespace semel::cli
