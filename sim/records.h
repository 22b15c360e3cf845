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

/// A value of about `size` bytes (16 at least) that says who the record is; its filler follows from
/// the key, so that writing it again gives the same bytes.
std::vector<std::byte> write_value(const RecordKey& key, size_t size);
/// Whose value it is; nothing if it is not, byte by byte, one that write_value made.
std::optional<RecordKey> read_value(const std::optional<bytes::ByteSpan>& value);

/// Writes and reads batches; one per client.
class RecordCodec {
 public:
  /// `count` records from `first` on, with values of `value_bytes`.
  bytes::Buffer write(const BatchStamp& stamp, const RecordKey& first, int32_t count,
                      size_t value_bytes);

  /// Calls `found(key, offset)` for each record of `region` from `position` on, and moves it behind
  /// each whole batch; offsets below are skipped. What is wrong with the bytes at `position`.
  Result<void> read(bytes::ByteSpan region, Offset& position,
                    const std::function<void(const RecordKey&, Offset)>& found);

 private:
  record::BatchBuilder builder_;
  bytes::Compressor compressor_;
  record::RecordScratch scratch_;
};

}  // namespace semel::sim
