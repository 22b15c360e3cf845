// `semel topic create|list|describe|delete`.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/api_caller.h"
#include "cli/output.h"

namespace semel::cli {

/// `arguments` come after "semel topic". Returns the exit code (output.h).
int run_topic_command(std::span<const std::string> arguments, const Connect& connect,
                      Output& output);

/// The exit code that belongs to an error from a broker or from the way to it.
int exit_code_of(const Error& error);
/// `error`, and if it says that a topic is not there, the topic's name and where to look.
Error about_topic(Error error, std::string_view topic);
/// Why no cluster was reached, with what to try.
std::string connect_failure(const Error& error);

}  // namespace semel::cli
