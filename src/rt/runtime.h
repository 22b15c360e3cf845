// Runtime: the six interfaces in one hand, as the composition root passes them down.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "rt/clock.h"
#include "rt/combiner.h"
#include "rt/disk.h"
#include "rt/executor.h"
#include "rt/network.h"
#include "rt/plants.h"
#include "rt/random.h"

namespace semel::rt {

/// Borrowed parts; whoever built them (rt/linux, rt/sim) outlives every user.
struct Runtime {
  Clock* clock = nullptr;
  Disk* disk = nullptr;
  Network* network = nullptr;
  Random* random = nullptr;
  std::vector<Executor*> executors;  // the reactors; executors[0] also runs background loops
  std::function<std::unique_ptr<Combiner>(Combiner::Drain, Combiner::TurnEnd)> make_combiner;
  const Plants* plants = nullptr;  // null except in the simulator
};

}  // namespace semel::rt
