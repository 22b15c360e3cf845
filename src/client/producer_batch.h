// ProducerBatch: records of one partition on their way together. Open while records are added;
// sealed (compressed) once; stamped with identity and sequence when it is first sent, and again
// only if the broker has proved that it does not have it.
#pragma once

#include <vector>

#include "client/delivery.h"
#include "record/batch_builder.h"
#include "record/record_feed.h"
#include "rt/clock.h"

namespace semel::client {

/// Identity of an idempotent producer; the empty one has id −1.
struct Identity {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  bool operator==(const Identity&) const = default;
  bool is_known() const { return id != kNoProducerId; }
};

struct ProducerBatch {
  enum class State : uint8_t {
    kQueued,    // waits to be sent, for the first time or again
    kInFlight,  // sent, not answered
  };
  struct Record {
    uint64_t tag;
    int64_t timestamp;
  };

  uint64_t number = 0;  // grows with the time of creation; the parts of a split batch keep it
  State state = State::kQueued;
  bool is_sealed = false;
  bool is_sequenced = false;
  bool is_given_up = false;  // reported; kept while it is in flight, so that its answer is awaited
  bool is_maybe_stored = false;   // an attempt ended without a telling answer
  bool was_out_of_order = false;  // the latest answer was 45, 47 or 59
  int32_t attempts = 0;
  rt::Instant created{0};
  Identity identity;
  Sequence base_sequence;
  std::vector<Record> records;
  record::BatchBuilder builder;  // while open
  size_t uncompressed_size = 0;
  bytes::Buffer bytes;  // once sealed
  size_t memory = 0;    // counted against buffer.memory

  int32_t count() const { return static_cast<int32_t>(records.size()); }
  Sequence next_sequence() const { return base_sequence.plus(count()); }
};

/// Compresses and closes. Error: kInvalidConfig only, as the compressor.
Result<void> seal(ProducerBatch& batch, bytes::Compressor& compressor);

/// Writes identity and first sequence into the sealed bytes.
void stamp_identity(ProducerBatch& batch, Identity identity, Sequence first);

/// Divides a sealed batch in two of about half its size; it has at least two records. The parts
/// keep its number, time, what is known of its fate and, if it has one, its sequence range in
/// order: a broker that has the whole refuses its parts. Error: kCorruptMessage if its own bytes
/// cannot be read back.
struct SplitOptions {
  record::BatchOptions batch;
  record::RecordScratch& scratch;
  bytes::Compressor& compressor;
};
Result<std::pair<std::unique_ptr<ProducerBatch>, std::unique_ptr<ProducerBatch>>> split(
    const ProducerBatch& batch, const SplitOptions& options);

}  // namespace semel::client
