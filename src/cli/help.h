// The order of a help: what the command does, examples, then usage and options.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace semel::cli {

/// Puts the footer of `app`, its examples, below its description; subcommands that are added later
/// do the same.
void put_examples_first(CLI::App& app);

}  // namespace semel::cli
