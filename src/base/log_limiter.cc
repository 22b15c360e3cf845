#include "base/log_limiter.h"

#include <algorithm>
#include <utility>

namespace semel {

std::optional<uint64_t> LogLimiter::admit(std::string_view area, int64_t now_ms) {
  auto found = areas_.find(area);
  if (found == areas_.end())
    found = areas_.emplace(std::string(area), Area{static_cast<double>(burst_), now_ms}).first;
  Area& state = found->second;
  const double gained = static_cast<double>(now_ms - state.at_ms) * per_second_ / 1000.0;
  state.lines_left = std::min<double>(burst_, state.lines_left + gained);
  state.at_ms = now_ms;
  if (state.lines_left < (state.silent ? std::min(burst_, per_second_) : 1)) {
    state.silent = true;
    ++state.left_out;
    return std::nullopt;
  }
  state.silent = false;
  state.lines_left -= 1;
  return std::exchange(state.left_out, 0);
}

}  // namespace semel
