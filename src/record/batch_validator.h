// BatchValidator: what the broker thinks of a produced `records` field, before any lock is taken.
//
// The answer comes in two parts. Duplicate detection speaks under the partition's lock, and first:
// a batch that was stored before is answered as stored, whatever the size or timestamp settings say
// today. So the verdict tells apart what no stored batch can be (malformed: answered at once) and
// what today's settings refuse (counts only if the batch would have to be appended).
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/batch_builder.h"
#include "record/record_feed.h"

namespace semel::record {

/// The topic's settings and the request's facts. `partition` names it in messages ("topic-3").
struct ProduceRules {
  std::string_view partition;
  int16_t produce_version = 13;
  int32_t batch_size_max = 1048588;  // max.message.bytes, compared with the whole batch
  TimestampType timestamp_type = TimestampType::kCreateTime;
  int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();  // both ≥ 0
  int64_t timestamp_after_max_ms = 3'600'000;
  bool keys_are_required = false;  // cleanup.policy has compact
  std::optional<CodecId> codec;    // compression.type; nothing = producer
  std::optional<int> level;        // compression.<codec>.level
  int64_t now_ms = 0;
  DecompressLimits limits;
  /// So many bytes of records may be unpacked, and a quarter of it encoded anew, in this call.
  uint64_t work_max = std::numeric_limits<uint64_t>::max();
};

/// One entry of the response's RecordErrors.
struct RecordError {
  int32_t index = 0;  // position of the record in the batch, from 0
  std::string message;
};

/// What the header says, as received: what duplicate detection needs.
struct BatchFacts {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  Sequence base_sequence;
  Sequence last_sequence;
  int32_t last_offset_delta = 0;
  int32_t records_count = 0;
  uint32_t crc = 0;
  bool is_transactional = false;

  bool has_producer_id() const { return producer_id.value >= 0; }
};

struct ProduceVerdict {
  enum class Standing : uint8_t {
    kAccepted,   // append `batch` if dedup says so
    kRefused,    // `error` is the answer if dedup says append
    kMalformed,  // `error` is the answer; dedup is not asked, `facts` is unset
    kPutOff,  // more work than `work_max`: ask again with a higher one, where waiting hurts nobody
  };

  ProduceVerdict() = default;
  ProduceVerdict(ProduceVerdict&&) = default;
  ProduceVerdict& operator=(ProduceVerdict&&) = default;

  Standing standing = Standing::kMalformed;
  /// Code and text for ErrorMessage; kNone if accepted.
  Error error{ErrorCode::kNone, {}};
  /// With kInvalidRecord or kInvalidTimestamp caused by single records: at most kRecordErrorsMax.
  std::vector<RecordError> record_errors;
  BatchFacts facts;
  /// What to append, unless malformed: the batch inside the request, or `rebuilt`. On CreateTime
  /// topics the maximal timestamp and the timestamp type are right already; on LogAppendTime topics
  /// the appender stamps its clock (stamp_timestamps).
  MutableByteSpan batch;
  /// Holds `batch` if it had to be encoded anew (compression.type, or wrong inner offsets).
  std::vector<std::byte> rebuilt;
  int64_t max_timestamp = kNoTimestamp;  // greatest record timestamp, as sent
};

inline constexpr size_t kRecordErrorsMax = 1000;

/// Owns what validation needs between calls; one per reactor. A valid uncompressed batch is
/// validated without heap allocation; of a compressed one only a window is kept in memory.
class BatchValidator {
 public:
  /// Checks in Kafka's order (docs/formats/record-batch.md, "Validation"): exactly one whole batch
  /// of magic 2, codec allowed by the version, base offset 0, CRC, offsets and count, not control,
  /// sequence; size; every record's structure, offset, key and timestamp. May change `records`: the
  /// maximal timestamp of a CreateTime batch is mended in place.
  ProduceVerdict validate(MutableByteSpan records, const ProduceRules& rules);

 private:
  struct Walk;

  bool check_framing(MutableByteSpan records, const ProduceRules& rules, ProduceVerdict& verdict);
  bool check_header(const BatchView& batch, const ProduceRules& rules, ProduceVerdict& verdict);
  bool walk_records(const BatchView& batch, Walk& walk);
  bool walk_plain(const BatchView& batch, Walk& walk);
  bool walk_compressed(const BatchView& batch, Walk& walk);
  bool check_size(size_t size, const ProduceRules& rules, ProduceVerdict& verdict);
  bool rebuild(const BatchView& batch, const ProduceRules& rules, ProduceVerdict& verdict);

  RecordScratch scratch_;
  bytes::Compressor compressor_;
  BatchBuilder builder_;
};

}  // namespace semel::record
