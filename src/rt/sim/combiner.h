// SimCombiner: a Combiner whose lock is sometimes "taken": then the entry waits until another
// virtual reactor drains it, as if that one had held the lock.
#pragma once

#include <memory>

#include "rt/combiner.h"

namespace semel::rt::sim {

class Process;

class SimCombiner final : public Combiner {
 public:
  SimCombiner(Process& process, Drain drain, TurnEnd turn_end);
  ~SimCombiner() override;
  void enqueue(Entry& entry) override;
  void drain() override;

 private:
  struct State;
  static void drain_all(State& state);

  Process& process_;
  std::shared_ptr<State> state_;
};

}  // namespace semel::rt::sim
