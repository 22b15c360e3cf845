// What semel_load is asked to do, as given on its command line.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace semel::bench {

enum class LoadMode : uint8_t { kProduce, kFetch, kFanOut };

struct LoadOptions {
  LoadMode mode = LoadMode::kProduce;
  uint16_t port = 9092;
  std::string topic = "bench";
  int32_t partitions = 1;
  int32_t connections = 1;
  int32_t in_flight = 1;  // requests of one connection that wait for their answer
  int32_t acks = -1;
  bool is_idempotent = false;

  /// Records of about record_bytes each fill a batch of at most batch_bytes; 0 = one record a
  /// batch.
  int64_t batch_bytes = 0;
  int64_t record_bytes = 100;

  int64_t requests = 10'000;  // measured, after `warm_up` that are not
  int64_t warm_up = 1'000;
  /// Requests per second, sent whether or not the answers of earlier ones have come; 0 = closed
  /// loop.
  double rate = 0;

  /// Every request is the first of another producer; after that many, the first one comes again
  /// with its next sequence. 0 = each connection is one producer.
  int64_t producers = 0;

  int32_t consumers = 3;  // of fan-out
  int32_t passes = 1;     // of fetch: how often each connection reads its partition from the start
  int32_t fetch_bytes = 1 << 20;

  int32_t pid = 0;  // the broker's process, whose CPU time is measured; 0 = none
};

/// Of `semel_load MODE --name value …`; a failure says what is wrong and names the option.
Result<LoadOptions> parse_load_options(int argc, char** argv);
const char* load_usage();

}  // namespace semel::bench
