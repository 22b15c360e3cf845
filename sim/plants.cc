#include "plants.h"

#include <array>

namespace semel::sim {

namespace {

constexpr std::array kPlants{
    PlantInfo{"forget_state", &rt::Plants::forget_state_on_restart, "kill", 1},
    PlantInfo{"skip_sequence", &rt::Plants::skip_sequence_check, "network", 1},
    PlantInfo{"early_ack", &rt::Plants::ack_before_flush, "power", 1},
    PlantInfo{"torn_batch", &rt::Plants::keep_torn_batch, "power", 2},
    PlantInfo{"early_duplicate", &rt::Plants::answer_duplicate_early, "power", 20},
    PlantInfo{"reorder", &rt::Plants::reorder_combiner, "calm", 1},
};

}  // namespace

std::span<const PlantInfo> all_plants() { return kPlants; }

const PlantInfo* find_plant(std::string_view name) {
  for (const PlantInfo& plant : kPlants)
    if (plant.name == name) return &plant;
  return nullptr;
}

}  // namespace semel::sim
