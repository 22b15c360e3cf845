// Plants: bugs that can be planted on purpose, so that the simulator proves that its checker sees them.
// Only the simulation binary sets a flag; everywhere else the pointer in Runtime is null.
#pragma once

namespace semel::rt {

struct Plants {
  /// Loading a log forgets its producer state (no snapshot, no sidecar, no replay).
  bool forget_state_on_restart = false;
  /// The sequence of a batch is not looked at: neither duplicates nor gaps are seen.
  bool skip_sequence_check = false;
  /// In durability class `ack` an append counts as flushed at once.
  bool ack_before_flush = false;
  /// Recovery believes a batch's header and does not check its CRC.
  bool keep_torn_batch = false;
  /// A duplicate is answered without waiting for what its original waits for.
  bool answer_duplicate_early = false;
  /// The Combiner hands entries to the drain in another order than they were pushed.
  bool reorder_combiner = false;
};

/// True if `flag` is planted; `plants` may be null.
inline bool is_planted(const Plants* plants, bool Plants::* flag) {
  return plants != nullptr && plants->*flag;
}

}  // namespace semel::rt
