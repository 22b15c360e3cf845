// The log facade: one process-wide sink, set by `main` before threads start; until then, and in
// tests, lines of level warn and above go to standard error. Thread-safe if the sink is.
//
//   log_info("log", "partition {} opened in {} ms", name, ms);
#pragma once

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace semel {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

/// Takes one finished line. Called from any thread.
using LogSink = void (*)(LogLevel level, std::string_view area, std::string_view line);

void set_log_sink(LogSink sink, LogLevel lowest);
bool log_is_on(LogLevel level);
void log_line(LogLevel level, std::string_view area, std::string_view line);

template <class... Args>
void log_at(LogLevel level, std::string_view area, fmt::format_string<Args...> format,
            Args&&... args) {
  if (log_is_on(level)) log_line(level, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kDebug, area, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kInfo, area, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kWarn, area, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kError, area, format, std::forward<Args>(args)...);
}

}  // namespace semel
