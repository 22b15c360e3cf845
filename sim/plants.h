// The bugs that can be planted, by name.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "rt/plants.h"

namespace semel::sim {

struct PlantInfo {
  std::string_view name;
  bool rt::Plants::* flag;
  std::string_view workload;  // where it shows
  uint64_t seed;              // a seed that exposes it
};

std::span<const PlantInfo> all_plants();
const PlantInfo* find_plant(std::string_view name);

}  // namespace semel::sim
