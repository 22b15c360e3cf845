// Faults: breaks things on a schedule that the seed draws, and mends them again.
#pragma once

#include "cluster.h"
#include "history.h"
#include "rt/sim/world.h"
#include "workload.h"

namespace semel::sim {

class Faults {
 public:
  /// `history` is told what rots.
  Faults(rt::sim::World& world, Cluster& cluster, const Workload& workload, History& history);

  /// Schedules the first of each fault; a part of the seeds leaves some out.
  void begin();
  /// No more faults; everything is mended, and every broker runs again.
  void end();

 private:
  void plan(const FaultPlan& fault);
  void strike(const FaultPlan& fault);
  bool strike_process(const FaultPlan& fault, size_t victim);
  bool strike_disk(const FaultPlan& fault, size_t victim);
  bool strike_space(const FaultPlan& fault, rt::sim::Node& node);
  void fail_a_call(const FaultPlan& fault, rt::sim::Node& node);
  void slow_down(const FaultPlan& fault, rt::sim::Node& node);
  void jump_clock(const FaultPlan& fault, rt::sim::Node& node);
  void strike_world(const FaultPlan& fault, size_t victim);
  void kill(size_t victim, rt::sim::Death death);
  void boot_later(size_t victim);
  void note(const std::string& text);
  rt::Duration draw(int64_t mean_ms);

  rt::sim::World& world_;
  Cluster& cluster_;
  const Workload& workload_;
  History& history_;
  rt::sim::SimRandom random_;
  bool is_over_ = false;
};

}  // namespace semel::sim
