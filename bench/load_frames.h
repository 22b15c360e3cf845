// Requests made once and patched in place, and the few fields of responses that a load needs.
// Versions: Produce 9, Fetch 12, InitProducerId 1, which every Kafka since 2.8 speaks by topic
// name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load_options.h"
#include "bytes/buffer.h"

namespace semel::bench {

/// A batch of one producer's, uncompressed, its first sequence 0 (or none, if `producer_id` is −1).
std::vector<std::byte> make_load_batch(const LoadOptions& options, int64_t producer_id);

/// A Produce request around a batch.
class ProduceFrame {
 public:
  ProduceFrame(const LoadOptions& options, const std::vector<std::byte>& batch);

  bytes::ByteSpan span() const { return bytes_; }
  int32_t records() const { return records_; }
  size_t batch_size() const { return batch_size_; }

  void set_correlation(int32_t id);
  void set_partition(int32_t partition);
  /// Both change the batch's checksum by what the changed bytes add to it.
  void set_sequence(int32_t sequence);
  void set_producer(int64_t producer_id);

 private:
  template <class T>
  void patch_checked(size_t at_in_batch, T value);

  std::vector<std::byte> bytes_;
  size_t batch_at_ = 0;
  size_t batch_size_ = 0;
  size_t partition_at_ = 0;
  int32_t records_ = 0;
};

/// A Fetch request for one partition, outside of any fetch session.
class FetchFrame {
 public:
  explicit FetchFrame(const LoadOptions& options, int32_t partition);
  bytes::ByteSpan span() const { return bytes_; }
  void set_correlation(int32_t id);
  void set_offset(int64_t offset);

 private:
  std::vector<std::byte> bytes_;
  size_t offset_at_ = 0;
};

/// The answer about the one partition of a Produce request.
struct ProduceAnswer {
  int32_t correlation = -1;
  int16_t error = 0;
  int64_t base_offset = -1;
};
ProduceAnswer read_produce_answer(bytes::ByteSpan frame);

/// The answer about the one partition of a Fetch request.
struct FetchAnswer {
  int32_t correlation = -1;
  int16_t error = 0;
  int64_t high_watermark = -1;
  uint64_t record_bytes = 0;
  int64_t batches = 0;  // whole ones
  int64_t records = 0;  // in them
};
FetchAnswer read_fetch_answer(bytes::ByteSpan frame);

/// Asks for a producer id, over a connection of its own; exits with a message if it is refused.
int64_t new_producer_id(uint16_t port);

}  // namespace semel::bench
