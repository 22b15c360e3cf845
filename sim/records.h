// The records of a run: batches whose every record says who it is.
#pragma once

#include <functional>
#include <optional>

#include "bytes/compressor.h"
#include "history.h"
#include "record/batch_builder.h"
#include "record/record_feed.h"
#include "rt/sim/random.h"

namespace semel::sim {

/// What a batch says besides its records.
struct BatchStamp {
  ProducerId producer_id;
  ProducerEpoch epoch;
  Sequence base_sequence;
  int64_t timestamp = 0;
  bytes::CodecId codec = bytes::CodecId::kNone;
};

/// Writes and reads batches; one per client.
class RecordCodec {
 public:
  /// `count` records from `first` on. `value_bytes` is the size of each value; the filler follows from
  /// the key, so that writing the same records again gives the same content.
  bytes::Buffer write(const BatchStamp& stamp, const RecordKey& first, int32_t count,
                      size_t value_bytes);

  /// Calls `found(key, offset)` for each record of `region` from `from` on; offsets below are skipped.
  /// The offset behind the last whole batch, or what is wrong with the bytes.
  Result<Offset> read(bytes::ByteSpan region, Offset from,
                      const std::function<void(const RecordKey&, Offset)>& found);

 private:
  record::BatchBuilder builder_;
  bytes::Compressor compressor_;
  record::RecordScratch scratch_;
};

}  // namespace semel::sim
