// Feeds stored batches to producer state: at load, after truncation, on followers.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "log/producer_state.h"
#include "log/segment.h"
#include "record/batch_view.h"

namespace semel::log {

/// What dedup wants to know of a stored batch with a producer id and a sequence.
BatchIdentity identity_of(const record::BatchView& batch);
StoredBatch place_of(const record::BatchView& batch);

/// Nothing for batches without a producer id, and for markers already cleaned. A marker returns the
/// transaction that it ended here. kCorruptMessage: a marker that cannot be read.
Result<std::optional<CompletedTxn>> replay_batch(ProducerState& producers,
                                                 const record::BatchView& batch, int64_t now_ms);

/// The batches of `segment` in [from, to).
Result<void> replay_segment(Segment& segment, Offset from, Offset to, ProducerState& producers,
                            int64_t now_ms);

}  // namespace semel::log
