// Plants: bugs that can be planted on purpose, so that the simulator proves that its checker sees
// them. Only the simulation binary sets a flag; everywhere else the pointer in Runtime is null.
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
  /// A batch whose range is remembered counts as a duplicate, whatever it contains.
  bool trust_sequences = false;
  /// Producers expire by the time of their records, not of their appends.
  bool expire_by_record_time = false;
  /// Readers get what is appended before it is committed.
  bool read_uncommitted_end = false;
  /// A look-up in an index answers the batch behind the one that was asked for.
  bool index_skips_a_batch = false;
  /// A sync that failed counts as done.
  bool ignore_sync_error = false;
  /// Neither the folder of a new segment nor that of a new partition is ever synced.
  bool forget_folder_sync = false;
  /// The recovery point follows the log end without a flush.
  bool recovery_point_ahead = false;
  /// The sequence behind 2^31 − 1 is taken for a gap.
  bool wrap_is_a_gap = false;
  /// A duplicate is answered with an offset that is not its original's.
  bool wrong_duplicate_offset = false;
  /// An append that failed is answered as done.
  bool answer_failed_append = false;
  /// A new epoch of a producer counts as the old one.
  bool ignore_epoch = false;
  /// The producer's state changes although the batch was not written.
  bool state_before_write = false;
  /// Two clients get one producer id.
  bool same_producer_id = false;
  /// A producer (src/client) sends a batch whose answer was lost again under a new sequence.
  bool client_renumbers = false;
  /// A producer with acks=0 sends again what a lost connection may have carried.
  bool client_repeats = false;
  /// A consumer (src/client) believes what it fetched without checking the CRC.
  bool client_skips_crc = false;
  /// A consumer takes an answer for what it asked last, although it has been sought meanwhile.
  bool client_takes_stale_answer = false;
};

/// True if `flag` is planted; `plants` may be null.
inline bool is_planted(const Plants* plants, bool Plants::* flag) {
  return plants != nullptr && plants->*flag;
}

}  // namespace semel::rt
