// AuditSequences: which sequences of which producers a partition's batches carried, and where that
// breaks the rule that a producer's records are stored once, in order.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace semel::cli {

/// Producer, epoch and sequences of one stored batch.
struct AuditBatch {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  Sequence base_sequence;
  int32_t last_offset_delta = 0;

  Sequence last_sequence() const { return base_sequence.plus(last_offset_delta); }
};

enum class SequenceStep : uint8_t {
  kInOrder,
  kFirst,     // the first batch of the producer, or of a newer epoch
  kGap,       // ahead: sequences between are missing
  kSeen,      // some of its sequences came before: repeated or re-used
  kBehind,    // lower than the last sequence, but not seen
  kOldEpoch,  // a newer epoch came before
};

struct SequenceVerdict {
  SequenceStep step = SequenceStep::kInOrder;
  Sequence expected;  // the sequence that would have been in order; none for kFirst
  ProducerEpoch known_epoch = kNoProducerEpoch;
  /// The mark given with the producer's previous batch; 0 if there was none.
  uint64_t previous_mark = 0;
};

/// Bounded: at most `producers_max` producers are remembered (about 100 bytes each); the half that
/// wrote longest ago is forgotten at the bound, and a producer's scattered ranges are merged, so
/// that kSeen may be a false alarm that the caller proves by reading the log.
class AuditSequences {
 public:
  explicit AuditSequences(size_t producers_max) : producers_max_(producers_max) {}

  /// Takes in the next batch of the log; its base sequence is ≥ 0. `mark` is handed back with the
  /// producer's next batch.
  SequenceVerdict add(const AuditBatch& batch, uint64_t mark);
  /// A transaction marker, whose epoch may be newer than that of the data.
  void add_marker(ProducerId producer_id, ProducerEpoch epoch, uint64_t mark);

  uint64_t seen() const { return seen_; }
  uint64_t forgotten() const { return forgotten_; }

 private:
  /// Sequences counted on through wraps, both inclusive.
  struct Range {
    int64_t first = 0;
    int64_t last = -1;  // below first: empty
  };
  struct Producer {
    ProducerEpoch epoch = kNoProducerEpoch;
    Range newest;
    std::vector<Range> older;
    uint64_t mark = 0;
  };
  Producer& of(ProducerId id, bool& is_new);
  void make_room();
  static void remember(Producer& producer, Range range);

  size_t producers_max_;
  std::unordered_map<ProducerId, Producer> producers_;
  uint64_t seen_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace semel::cli
