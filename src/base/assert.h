// SEMEL_ASSERT states an invariant of the program itself. It is always on: a broker that has lost
// an invariant must stop before it stores or acknowledges anything more.
#pragma once

#include <string_view>

namespace semel {

/// Called with the failed expression and its place; must not return. `main` may replace it once,
/// before threads start (the one process-wide handler besides the log sink).
using AssertHandler = void (*)(std::string_view expression, std::string_view file, int line,
                               std::string_view message);
void set_assert_handler(AssertHandler handler);

[[noreturn]] void assert_failed(std::string_view expression, std::string_view file, int line,
                                std::string_view message);

}  // namespace semel

#define SEMEL_ASSERT(expression, ...)                                                         \
  do {                                                                                        \
    if (!(expression)) [[unlikely]]                                                           \
      ::semel::assert_failed(#expression, __FILE__, __LINE__, std::string_view{__VA_ARGS__}); \
  } while (false)
