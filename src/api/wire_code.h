// The one place where an error inside the broker becomes a number on the wire.
#pragma once

#include <cstdint>

#include "base/error_code.h"
#include "base/result.h"

namespace semel::api {

inline int16_t wire_code(ErrorCode code) { return static_cast<int16_t>(code); }

/// For answers about data: a failure of the environment is retriable for the client (56), whatever
/// code it came with, unless it is retriable or the request's own fault already.
inline ErrorCode code_for_data(const Error& error) {
  if (error.cause != Cause::kNone) return ErrorCode::kKafkaStorageError;
  return error.code;
}

}  // namespace semel::api
