// SystemClock: CLOCK_MONOTONIC and the wall clock.
#pragma once

#include <time.h>

#include "rt/clock.h"

namespace semel::rt::linux_os {

class SystemClock final : public Clock {
 public:
  Instant now() const override {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return {t.tv_sec * 1'000'000'000 + t.tv_nsec};
  }
  int64_t unix_ms() const override {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1'000 + t.tv_nsec / 1'000'000;
  }
};

}  // namespace semel::rt::linux_os
