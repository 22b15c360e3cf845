// kafka-console-producer.sh: options, precedence and texts of 4.3.1, or of 2.6.0 with its trap:
// there the tool's own default acks=1 counts as set by the user, so that enable.idempotence=true in
// the file fails.
#pragma once

#include <span>
#include <string>

#include "cli/client_settings.h"
#include "cli/line_reader.h"
#include "cli/output.h"
#include "rt/runtime.h"

namespace semel::cli {

/// What the console producer runs with.
struct ConsoleInput {
  LineSource& lines;
  bool is_terminal = false;
};

/// The producer's settings that `words` come to: an explicit option beats the file, the file beats
/// the tool's own default. Errors: kInvalidRequest, kInvalidConfig, with the text that the tool
/// prints.
Result<Settings> console_producer_settings(std::span<const std::string> words, rt::Disk& disk,
                                           bool is_26);

/// Returns the exit code. `is_26`: speak as 2.6.0, unless `--as-version` in `arguments` says
/// otherwise.
int run_kafka_console_producer(std::span<const std::string> words, rt::Runtime& runtime, bool is_26,
                               ConsoleInput input, Output& output);

}  // namespace semel::cli
