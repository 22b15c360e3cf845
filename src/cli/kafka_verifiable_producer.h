// kafka-verifiable-producer.sh: increasing numbers, and one line of JSON about each.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code. TERM and INT end it in order.
int run_kafka_verifiable_producer(std::span<const std::string> words, rt::Runtime& runtime,
                                  Output& output);

}  // namespace semel::cli
