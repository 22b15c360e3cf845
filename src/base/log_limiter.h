// LogLimiter: keeps one talkative area (a hostile peer's complaints, say) from filling the log's
// disk.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace semel {

class LogLimiter {
 public:
  /// An area may write `burst` lines at once, and `per_second` a second after that: an area that
  /// has used up its lines is silent until it may write a second's worth together, so that what was
  /// left out is told once a second and not with every line.
  LogLimiter(uint32_t burst, uint32_t per_second) : burst_(burst), per_second_(per_second) {}

  /// Nothing: the line is to be left out. Otherwise how many lines of this area were left out since
  /// the last one that was not. `now_ms` comes from a clock that does not go back.
  std::optional<uint64_t> admit(std::string_view area, int64_t now_ms);

 private:
  struct Area {
    double lines_left;
    int64_t at_ms;
    uint64_t left_out = 0;
    bool silent = false;
  };

  uint32_t burst_;
  uint32_t per_second_;
  std::map<std::string, Area, std::less<>> areas_;
};

}  // namespace semel
