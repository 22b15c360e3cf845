// `semel completion bash|zsh|fish`: shell completion made from the table of commands and their
// helps.
#pragma once

#include <span>
#include <string>

#include "cli/commands.h"

namespace semel::cli {

/// `arguments` come after "semel completion". Returns the exit code (output.h).
int run_completion_command(std::span<const std::string> arguments, CommandContext& context);

/// What a command's help tells: its options ("--all", "-o") and its subcommands.
struct HelpWords {
  std::vector<std::string> options;
  std::vector<std::string> subcommands;
};
HelpWords read_help(std::string_view help);

}  // namespace semel::cli
