// What a producer is given and what it reports back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "record/record_view.h"

namespace semel::client {

/// A record to send. Everything is borrowed for the call. `partition` empty: the partitioner
/// decides.
struct ProducerRecord {
  std::string_view topic;
  std::optional<int32_t> partition;
  std::optional<bytes::ByteSpan> key;
  std::optional<bytes::ByteSpan> value;
  std::span<const record::HeaderView> headers;
  std::optional<int64_t> timestamp;  // ms since 1970; nothing = when it is sent
};

/// What is known about a record that was not acknowledged.
enum class Fate : uint8_t {
  kStored,      // acknowledged (acks=0: written to the connection)
  kNotStored,   // no broker has it
  kMaybeStored  // it was sent, and no answer tells; sending it again may store it twice
};

/// The end of one record's way; every accepted record gets exactly one.
struct Delivery {
  uint64_t tag = 0;  // as given to send
  std::string_view topic;
  int32_t partition = 0;
  Fate fate = Fate::kStored;
  Offset offset =
      kNoOffset;  // kNoOffset: stored, at an offset that the broker does not tell (acks=0, 46)
  int64_t timestamp = -1;  // the record's, or the log's append time
  Error error{ErrorCode::kNone, {}};
};

/// Called on the producer's executor, in order per partition; may call send again.
class DeliveryListener {
 public:
  virtual ~DeliveryListener() = default;
  virtual void on_delivery(const Delivery& delivery) = 0;
};

}  // namespace semel::client
