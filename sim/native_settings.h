// The settings that native clients of a run have in common.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "client/config_table.h"
#include "client_world.h"
#include "rt/sim/random.h"

namespace semel::sim {

/// Waits that fit runs of a few seconds; some choices are the seed's.
std::vector<client::ClientSetting> native_settings(const ClientWorld& world,
                                                   rt::sim::SimRandom& random);

template <size_t kCount>
std::string draw_word(rt::sim::SimRandom& random, const std::array<const char*, kCount>& words) {
  return words[random.below(kCount)];
}

}  // namespace semel::sim
