// Expected failures. A function that can fail for a reason outside the program returns Result<T>;
// a broken invariant is SEMEL_ASSERT's business; exceptions never cross a folder.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/error_code.h"

namespace semel {

/// What the environment said, where a caller reacts to it.
enum class Cause : uint8_t {
  kNone,
  kNoSpace,     // ENOSPC, EDQUOT: cut back, answer a retriable code, go on when space returns
  kIo,          // EIO and any fsync error: the log directory goes offline
  kNotFound,    // ENOENT
  kExists,      // EEXIST
  kPermission,  // EACCES, EPERM, EROFS
  kLocked,      // another process holds the lock
  kClosed,      // the peer or the local side closed the connection
  kRefused,     // nobody listens at the address
  kInUse,       // the port is taken
  kCancelled,   // the work was cancelled by its owner
};

/// Why something failed: Kafka's code (the reaction), a short context for people (what, where,
/// why), and, for failures of the environment, the cause.
struct Error {
  ErrorCode code = ErrorCode::kUnknownServerError;
  std::string context;
  Cause cause = Cause::kNone;
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand: `return fail(ErrorCode::kCorruptMessage, "crc differs at byte 17");`
inline std::unexpected<Error> fail(ErrorCode code, std::string context = {},
                                   Cause cause = Cause::kNone) {
  return std::unexpected<Error>(Error{code, std::move(context), cause});
}

/// Passes an error on, with `where` put before its context ("where: context").
inline std::unexpected<Error> fail(Error error, std::string_view where = {}) {
  if (!where.empty()) error.context = std::string(where) + ": " + error.context;
  return std::unexpected<Error>(std::move(error));
}

}  // namespace semel

#define SEMEL_CONCAT_INNER(a, b) a##b
#define SEMEL_CONCAT(a, b) SEMEL_CONCAT_INNER(a, b)

/// `SEMEL_TRY(auto size, file.size());` binds the value or returns the error. Not in coroutines.
#define SEMEL_TRY(declaration, expression) \
  SEMEL_TRY_INNER(SEMEL_CONCAT(semel_try_, __LINE__), declaration, expression)
#define SEMEL_TRY_INNER(temporary, declaration, expression)                             \
  auto temporary = (expression);                                                        \
  if (!temporary) return std::unexpected<::semel::Error>(std::move(temporary.error())); \
  declaration = std::move(*temporary)

/// `SEMEL_CHECK(file.sync());` returns the error of a Result<void>. Not in coroutines.
#define SEMEL_CHECK(expression)                                               \
  do {                                                                        \
    if (auto semel_check = (expression); !semel_check)                        \
      return std::unexpected<::semel::Error>(std::move(semel_check.error())); \
  } while (false)
