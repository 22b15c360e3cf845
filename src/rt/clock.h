// Clock: the two notions of time. Only an implementation of this interface may ask the system.
#pragma once

#include <chrono>
#include <cstdint>

namespace semel::rt {

using Duration = std::chrono::nanoseconds;

/// A point of monotonic time, in nanoseconds since some start. For intervals and timeouts.
struct Instant {
  int64_t ns = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const { return {ns + d.count()}; }
  constexpr Duration operator-(Instant other) const { return Duration{ns - other.ns}; }
};

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic; never goes back. Any thread.
  virtual Instant now() const = 0;
  /// Wall time, milliseconds since 1970-01-01 UTC; may jump. Any thread.
  virtual int64_t unix_ms() const = 0;
};

}  // namespace semel::rt
