// What semel's own commands have in common: the order of a help (what it does, examples, then usage
// and options), and reading the command line.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/output.h"

namespace semel::cli {

/// Puts the footer of `app`, its examples, below its description; subcommands that are added later
/// do the same.
void put_examples_first(CLI::App& app);

/// Takes whole numbers from `least` to `most`, and says so of anything else.
CLI::Validator whole_number(int64_t least, int64_t most = std::numeric_limits<int64_t>::max());
/// Takes finite numbers above 0, or from 0 on.
enum class Zero : uint8_t { kAllowed, kRefused };
CLI::Validator positive_number(Zero zero);

/// Reads the words behind the command's name into `app`. Nothing: go on. Else the exit code: --help
/// was printed, or the mistake, with where to look.
std::optional<int> parse_command_line(CLI::App& app, std::span<const std::string> arguments,
                                      Output& output);

}  // namespace semel::cli
