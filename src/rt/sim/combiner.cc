#include "rt/sim/combiner.h"

#include <deque>

#include "base/assert.h"
#include "rt/sim/process.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

struct SimCombiner::State {
  Drain drain;
  TurnEnd turn_end;
  std::deque<Entry*> queue;
  bool is_locked = false;  // draining now, or another reactor will
  bool is_reordering = false;
  bool is_gone = false;
};

SimCombiner::SimCombiner(Process& process, Drain drain, TurnEnd turn_end)
    : process_(process), state_(std::make_shared<State>()) {
  state_->drain = std::move(drain);
  state_->turn_end = std::move(turn_end);
  state_->is_reordering = is_planted(process.runtime().plants, &Plants::reorder_combiner);
}

SimCombiner::~SimCombiner() {
  SEMEL_ASSERT(state_->queue.empty(), "a combiner is destroyed with entries in it");
  state_->is_gone = true;
}

void SimCombiner::drain_all(State& state) {
  while (!state.queue.empty()) {
    Entry* entry = state.is_reordering ? state.queue.back() : state.queue.front();
    if (state.is_reordering)
      state.queue.pop_back();
    else
      state.queue.pop_front();
    state.drain(*entry);
    if (state.is_gone) return;
    if (state.queue.empty() && state.turn_end) state.turn_end();
    if (state.is_gone) return;
  }
  state.is_locked = false;
}

void SimCombiner::enqueue(Entry& entry) { state_->queue.push_back(&entry); }

void SimCombiner::drain() {
  const std::shared_ptr<State> state = state_;
  if (state->is_locked || state->queue.empty()) return;
  state->is_locked = true;
  World& world = process_.world();
  if (!world.random().hits(world.options().combiner_taken_ppm)) return drain_all(*state);
  world.trace().probe("combiner: drained by another reactor");
  const auto count = process_.runtime().executors.size();
  const auto other = static_cast<uint32_t>(world.random().below(count));
  process_.executor(other).post([state] {
    if (!state->is_gone) drain_all(*state);
  });
}

}  // namespace semel::rt::sim
