// Error codes in the words of Java's clients.
#pragma once

#include <string>

#include "base/error_code.h"

namespace semel::cli {

/// "org.apache.kafka.common.errors.TimeoutException": the class with which they tell `code`.
std::string java_exception_of(ErrorCode code);
/// The text that they give an error that came without one.
std::string java_message(ErrorCode code);

}  // namespace semel::cli
