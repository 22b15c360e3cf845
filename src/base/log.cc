#include "base/log.h"

#include <atomic>
#include <cstdio>

namespace semel {
namespace {

void print_to_stderr(LogLevel, std::string_view area, std::string_view line) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(area.size()), area.data(),
               static_cast<int>(line.size()), line.data());
}

std::atomic<LogSink> log_sink{&print_to_stderr};
std::atomic<LogLevel> lowest_level{LogLevel::kWarn};

}  // namespace

void set_log_sink(LogSink sink, LogLevel lowest) {
  log_sink.store(sink);
  lowest_level.store(lowest);
}

bool log_is_on(LogLevel level) { return level >= lowest_level.load(std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view area, std::string_view line) {
  log_sink.load()(level, area, line);
}

}  // namespace semel
