// Combiner: FIFO queue plus try-lock. Reactors that want to change one shared thing push an entry;
// who gets the lock drains the queue for everybody, nobody blocks.
//
// Contract: entries are handed to `drain` in the order in which they were pushed (pushes of one
// thread keep their order); at most 64 a turn, then `turn_end` is called, the lock is released and
// the queue is looked at again, so that entries of one turn can be finished together; `drain` runs
// on the thread of some pusher (or of who calls drain()), never twice at a time; what one drain
// wrote, the next sees. Race: an entry pushed while the holder leaves is seen either by the
// holder's second look or by its own pusher, whose try-lock then succeeds.
#pragma once

#include <memory>

#include "rt/function.h"

namespace semel::rt {

class Combiner {
 public:
  /// Embedded by its owner; must stay alive until drained.
  struct Entry {
    Entry* next = nullptr;
  };
  using Drain = UniqueFunction<void(Entry& entry)>;
  using TurnEnd = UniqueFunction<void()>;

  virtual ~Combiner() = default;
  /// Any executor's thread. May run `drain` for this and other entries before it returns, or leave
  /// this entry to the thread that is draining now.
  void push(Entry& entry) {
    enqueue(entry);
    drain();
  }
  /// The first half of push(): takes the entry's place in the order; somebody must call drain()
  /// after it. Any thread.
  virtual void enqueue(Entry& entry) = 0;
  /// The second half: handles what is queued, unless another thread does it already. Any thread,
  /// also one that may block.
  virtual void drain() = 0;
};

}  // namespace semel::rt
