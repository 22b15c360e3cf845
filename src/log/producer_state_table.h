// The storage of ProducerState: dense 64-byte slots with an open-addressing index over them, and the
// older remembered batches in blocks of their own, so that a producer with one batch costs little
// more than its slot (docs: README.md). Nothing shrinks or grows by more than one chunk at a time,
// except the index (8 bytes an entry), which doubles.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "log/producer_state_types.h"

namespace semel::log {

/// One producer: everything that an in-order batch touches, in one cache line.
struct alignas(64) HotSlot {
  static constexpr uint16_t kHasBatch = 1;         // last_* hold a batch
  static constexpr uint16_t kCrcKnown = 2;         // crc is that of the newest batch
  static constexpr uint16_t kTxnOpen = 4;          // PartitionTxns has its first offset
  static constexpr uint16_t kEpochStartKnown = 8;  // first_known began the epoch
  static constexpr uint16_t kHasCounters = 16;     // CounterTable has an entry
  static constexpr uint32_t kNoBlock = 0xffffffff;

  ProducerId producer_id;
  Offset last_offset = kNoOffset;
  int64_t batch_timestamp_ms = -1;
  int64_t entry_timestamp_ms = -1;  // of the newest batch or marker
  Sequence last_sequence;
  int32_t offset_delta = 0;
  uint32_t crc = 0;
  Sequence first_known;
  int32_t coordinator_epoch = -1;
  uint32_t older_block = kNoBlock;
  uint32_t last_append_s = 0;  // broker's clock, Unix seconds, rounded up
  ProducerEpoch epoch = kNoProducerEpoch;
  uint16_t flags = 0;

  bool has(uint16_t flag) const { return (flags & flag) != 0; }
  void set(uint16_t flag, bool on) {
    flags = static_cast<uint16_t>(on ? flags | flag : flags & ~flag);
  }
};
static_assert(sizeof(HotSlot) == 64);

/// Slots by producer id. Slot numbers are dense, 0 … size() − 1; removing one moves the last one into
/// its place.
class ProducerTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit ProducerTable(uint64_t hash_seed) : seed_(hash_seed) {}

  size_t size() const { return size_; }
  HotSlot& at(uint32_t number) { return chunks_[number / kChunk][number % kChunk]; }
  const HotSlot& at(uint32_t number) const { return chunks_[number / kChunk][number % kChunk]; }
  /// The slot's number, or kNone.
  uint32_t find(ProducerId producer_id) const {
    if (size_ == 0) return kNone;
    const uint32_t tag = hash(producer_id);
    for (uint32_t place = tag & mask_;; place = (place + 1) & mask_) {
      const Entry& entry = index_[place];
      if (entry.number == kNone) return kNone;
      if (entry.tag == tag && at(entry.number).producer_id == producer_id) return entry.number;
    }
  }
  /// A fresh slot for a producer id that is not in the table.
  uint32_t insert(ProducerId producer_id);
  void remove(uint32_t number);
  void clear();
  size_t memory_bytes() const;

 private:
  static constexpr size_t kChunk = 256;
  struct Entry {
    uint32_t number = kNone;
    uint32_t tag = 0;
  };

  uint32_t hash(ProducerId producer_id) const {
    uint64_t x = static_cast<uint64_t>(producer_id.value) ^ seed_;
    x = (x ^ (x >> 32)) * 0x9fb21c651e98df25ull;
    x = (x ^ (x >> 29)) * 0xd6e8feb86659fd93ull;
    return static_cast<uint32_t>(x >> 32);
  }
  uint32_t place_of(uint32_t number) const;
  void put(uint32_t tag, uint32_t number);
  void grow_index();

  uint64_t seed_;
  uint32_t mask_ = 0;
  size_t size_ = 0;
  std::vector<Entry> index_;
  std::vector<std::unique_ptr<HotSlot[]>> chunks_;
};

/// Rings of older batches. A block holds 4, 8, 16 … batches; a freed block is used again.
class OlderBatches {
 public:
  /// Puts `batch` as the newest into the block `handle` (HotSlot::kNoBlock: a new one), which keeps the
  /// newest `limit` ≥ 1. Returns the handle to use from now on.
  uint32_t push(uint32_t handle, const RememberedBatch& batch, uint32_t limit);
  uint32_t count(uint32_t handle) const;
  /// Batch `index` of count(), 0 = newest.
  RememberedBatch get(uint32_t handle, uint32_t index) const;
  /// Keeps the newest `limit`; returns the handle to use from now on.
  uint32_t trim(uint32_t handle, uint32_t limit);
  void release(uint32_t handle);
  void clear();
  size_t memory_bytes() const;

 private:
  static constexpr uint32_t kClasses = 9;       // 4 … 1,024 batches
  static constexpr uint32_t kWordsPerBatch = 7;  // 28 bytes
  static constexpr uint32_t kNumberBits = 28;

  struct SizeClass {
    std::vector<std::unique_ptr<uint32_t[]>> chunks;
    std::vector<uint32_t> free_numbers;
    uint32_t used = 0;
  };

  static uint32_t capacity(uint32_t size_class) { return 4u << size_class; }
  static uint32_t block_words(uint32_t size_class) { return 1 + capacity(size_class) * kWordsPerBatch; }
  static uint32_t blocks_per_chunk(uint32_t size_class) { return size_class < 6 ? 64u >> size_class : 1; }
  uint32_t* block(uint32_t handle);
  const uint32_t* block(uint32_t handle) const;
  uint32_t allocate(uint32_t size_class);

  std::array<SizeClass, kClasses> classes_;
};

/// Counters of the producers that have any.
class CounterTable {
 public:
  ProducerCounters& get(ProducerId producer_id);
  const ProducerCounters* find(ProducerId producer_id) const;
  void remove(ProducerId producer_id);
  void clear() { entries_.clear(); }
  size_t memory_bytes() const;

 private:
  std::vector<std::pair<ProducerId, ProducerCounters>> entries_;  // ascending
};

}  // namespace semel::log
