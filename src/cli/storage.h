// kafka-storage.sh: `format`, `info` and `random-uuid` of Kafka 4.3.1, on the settings that semel
// takes.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// Returns the exit code. Differences from Kafka, told in the output: a new directory is finalized
/// at metadata.version 4.0-IV3 unless --release-version or --feature ask for another level that
/// semel serves; --add-scram, --initial-controllers, version-mapping and feature-dependencies are
/// refused.
int run_kafka_storage(std::span<const std::string> arguments, rt::Runtime& runtime, Output& output);

}  // namespace semel::cli
