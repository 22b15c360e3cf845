// Do two batches hold the same records? The question behind a re-sent batch whose bytes differ.
#pragma once

#include "base/result.h"
#include "record/record_feed.h"

namespace semel::record {

/// True if `stored` and `sent` span equally many offsets, and each record that `stored` still has
/// equals, in key, value and headers, the record of `sent` at the same place. Timestamps, codec and
/// encoding are ignored; records that compaction removed from `stored` count as equal. The producer
/// fields are the caller's business.
///
/// Both must be v2; `limits` hold for each. kCorruptMessage if `stored` cannot be read; a `sent`
/// batch that cannot be read is not the same. The two scratches must differ.
Result<bool> same_content(const BatchView& stored, const BatchView& sent,
                          RecordScratch& stored_scratch, RecordScratch& sent_scratch,
                          const DecompressLimits& limits = {});

}  // namespace semel::record
