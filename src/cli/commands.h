// The one table of commands: semel's own words and Kafka's names, found by the name the program was
// called with or by its first word. Help and shell completion are made from it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/api_caller.h"
#include "cli/dump_file.h"
#include "cli/dump_java.h"
#include "cli/output.h"
#include "cli/serve.h"
#include "rt/runtime.h"

namespace semel::cli {

/// What commands run with.
struct CommandContext {
  Output& output;
  /// Its clock, disk and chance may be used from the calling thread; its reactors do not run.
  rt::Runtime& runtime;
  DumpPaths paths;
  Connect connect;
  /// Which Kafka the look-alikes speak like: SEMEL_AS_VERSION.
  DumpStyle style = DumpStyle::kKafka43;
  /// Runs a broker until it is stopped; returns the exit code.
  std::function<int(const ServePlan&)> serve;
};

struct Command {
  std::string_view name;
  std::string_view about;  // one line for the help; empty for Kafka's names
  /// `words` come after the name; returns the exit code.
  int (*run)(std::span<const std::string> words, CommandContext& context);
};

/// In the order of the help.
std::span<const Command> semel_commands();
std::span<const Command> kafka_commands();

/// Runs what `name` (the program's own name, without folders) or else the first word asks for.
int run_program(std::string_view name, std::span<const std::string> words, CommandContext& context);

}  // namespace semel::cli
