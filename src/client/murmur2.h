// murmur2 as Kafka's clients hash keys (formats of org.apache.kafka.common.utils.Utils.murmur2).
#pragma once

#include <cstdint>

#include "bytes/buffer.h"

namespace semel::client {

uint32_t murmur2(bytes::ByteSpan key);

/// The partition of a record with `key`, of `count` > 0 partitions, available or not.
inline int32_t partition_of_key(bytes::ByteSpan key, int32_t count) {
  return static_cast<int32_t>((murmur2(key) & 0x7fffffff) % static_cast<uint32_t>(count));
}

}  // namespace semel::client
