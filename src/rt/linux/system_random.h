// SystemRandom: the kernel's generator, drawn in blocks.
#pragma once

#include <array>
#include <cstdint>

#include "rt/guarded.h"
#include "rt/random.h"

namespace semel::rt::linux_os {

class SystemRandom final : public Random {
 public:
  uint64_t next() override;

 private:
  struct Block {
    std::array<uint64_t, 64> words{};
    size_t used = 64;
  };
  Guarded<Block> block_;
};

}  // namespace semel::rt::linux_os
