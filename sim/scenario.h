// Scenario: one seed of one workload from the first boot to the verdict.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker_program.h"
#include "history.h"
#include "rt/function.h"
#include "rt/plants.h"
#include "workload.h"

namespace semel::sim {

struct Report {
  std::vector<Violation> violations;
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  int64_t virtual_ms = 0;
  uint64_t sent = 0;
  uint64_t acked = 0;
  uint64_t read = 0;
  std::map<std::string, uint64_t> probes;
};

struct ScenarioOptions {
  uint64_t seed = 1;
  const rt::Plants* plants = nullptr;
  /// Where crash images go (sim/images.h): a folder of the real disk; null = nowhere.
  rt::Disk* images_disk = nullptr;
  std::string images;
  /// Wall time at the start, Unix milliseconds; 0 = the world's own.
  int64_t unix_start_ms = 0;
  /// Takes the notes of the run (`--trace`), or empty.
  rt::UniqueFunction<void(std::string_view)> printer;
};

Report run_scenario(const Workload& workload, const BrokerFactory& factory,
                    ScenarioOptions options);

}  // namespace semel::sim
