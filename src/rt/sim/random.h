// SimRandom: xoshiro256** seeded by splitmix64, so that a seed means the same run with every
// library.
#pragma once

#include <array>
#include <cstdint>

#include "rt/clock.h"
#include "rt/random.h"

namespace semel::rt::sim {

class SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed);

  uint64_t next() override;
  /// Uniform in [low, high].
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  Duration between(Duration low, Duration high) {
    return Duration{static_cast<int64_t>(
        between(static_cast<uint64_t>(low.count()), static_cast<uint64_t>(high.count())))};
  }
  /// True with a probability of `ppm` millionths. Draws only if 0 < ppm < 1,000,000.
  bool hits(uint32_t ppm) {
    if (ppm == 0) return false;
    return ppm >= 1'000'000 || below(1'000'000) < ppm;
  }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace semel::rt::sim
