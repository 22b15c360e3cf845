// Random: the only source of chance.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace semel::rt {

class Random {
 public:
  virtual ~Random() = default;
  /// 64 uniform bits. Any thread.
  virtual uint64_t next() = 0;
  /// Uniform in [0, bound), bound > 0.
  uint64_t below(uint64_t bound) { return next() % bound; }
  /// A random id whose text never starts with '-' and that is none of the reserved ones.
  Uuid uuid();
};

}  // namespace semel::rt
