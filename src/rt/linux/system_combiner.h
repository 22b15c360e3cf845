// SystemCombiner: the Combiner of rt/combiner.h, without locks that block.
#pragma once

#include <atomic>

#include "rt/combiner.h"

namespace semel::rt::linux_os {

class SystemCombiner final : public Combiner {
 public:
  /// `turn_end` may be empty.
  explicit SystemCombiner(Drain drain, TurnEnd turn_end = {})
      : drain_(std::move(drain)), turn_end_(std::move(turn_end)) {}
  void enqueue(Entry& entry) override;
  void drain() override;

 private:
  static constexpr int kEntriesPerTurn = 64;

  bool has_work() const { return newest_.load() != nullptr || has_rest_.load(); }
  void drain_turn();
  void take_pushed();

  Drain drain_;
  TurnEnd turn_end_;
  std::atomic<Entry*> newest_{nullptr};  // pushed, newest first
  std::atomic<bool> is_taken_{false};    // the try-lock
  std::atomic<bool> has_rest_{false};    // first_ is not null; written under the lock
  Entry* first_ = nullptr;               // taken over, oldest first; under the lock
};

}  // namespace semel::rt::linux_os
