// The storage of ProducerState: dense slots with an open-addressing index over them, and the older
// remembered batches in blocks of their own, so that a producer with one batch costs little more
// than its slot. Slots and blocks grow by small chunks; only the index (8 bytes an entry) doubles.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "log/producer_state_types.h"

namespace semel::log {

/// One producer: everything that an in-order batch touches, in one cache line.
struct alignas(64) HotSlot {
  static constexpr uint16_t kHasBatch = 1;         // last_* hold a batch
  static constexpr uint16_t kCrcKnown = 2;         // crc is that of the newest batch
  static constexpr uint16_t kTxnOpen = 4;          // PartitionTxns has its first offset
  static constexpr uint16_t kEpochStartKnown = 8;  // first_known began the epoch
  static constexpr uint16_t kHasCounters = 16;     // there is an entry in the table of counters
  static constexpr uint16_t kIsPlain = 32;         // see ProducerState::applied()
  static constexpr uint32_t kNoBlock = 0xffffffff;

  ProducerId producer_id;
  int64_t entry_timestamp_ms = -1;  // of the newest batch or marker
  // The newest batch, laid out as OlderBatches keeps it.
  Offset last_offset = kNoOffset;
  int64_t batch_timestamp_ms = -1;
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
static_assert(offsetof(HotSlot, first_known) - offsetof(HotSlot, last_offset) == 28);

struct CounterSlot {
  ProducerId producer_id;
  ProducerCounters counters;
};

/// Elements of `stride` T each, numbered from 0, in chunks of 2^chunk_bits elements. The first
/// chunk begins small and doubles, so that a partition with few producers stays small.
template <class T>
class ChunkedArray {
 public:
  ChunkedArray(size_t stride, unsigned chunk_bits) : stride_(stride), chunk_bits_(chunk_bits) {}
  ChunkedArray(ChunkedArray&&) noexcept = default;
  ChunkedArray& operator=(ChunkedArray&&) noexcept = default;
  ChunkedArray(const ChunkedArray& other) : ChunkedArray(other.stride_, other.chunk_bits_) {
    size_t left = other.capacity_;
    for (const auto& chunk : other.chunks_) {
      const size_t count = std::min(left, chunk_size());
      auto copy = std::make_unique_for_overwrite<T[]>(count * stride_);
      std::copy_n(chunk.get(), count * stride_, copy.get());
      chunks_.push_back(std::move(copy));
      left -= count;
    }
    capacity_ = other.capacity_;
  }
  ChunkedArray& operator=(const ChunkedArray& other) { return *this = ChunkedArray(other); }

  T* at(size_t number) const {
    return chunks_[number >> chunk_bits_].get() + (number & (chunk_size() - 1)) * stride_;
  }
  /// As at(), where the caller knows what the array was made with: a third of the instructions.
  template <size_t kStride, unsigned kChunkBits>
  T* at_known(size_t number) const {
    return chunks_[number >> kChunkBits].get() +
           (number & ((size_t{1} << kChunkBits) - 1)) * kStride;
  }
  /// Makes room for elements 0 … count − 1; moves those of the first chunk while there is only one.
  void reserve(size_t count) {
    while (capacity_ < count) {
      if (capacity_ >= chunk_size()) {
        chunks_.push_back(std::make_unique<T[]>(chunk_size() * stride_));
        capacity_ += chunk_size();
        continue;
      }
      const size_t larger = std::min(chunk_size(), std::max<size_t>(1, capacity_ * 2));
      auto chunk = std::make_unique<T[]>(larger * stride_);
      if (capacity_ > 0) std::copy_n(chunks_[0].get(), capacity_ * stride_, chunk.get());
      chunks_.resize(1);
      chunks_[0] = std::move(chunk);
      capacity_ = larger;
    }
  }
  /// Gives back chunks that lie wholly behind the first `count` elements, except one as a reserve.
  void shrink(size_t count) {
    while (chunks_.size() > 1 && capacity_ - count >= 2 * chunk_size()) {
      chunks_.pop_back();
      capacity_ -= chunk_size();
    }
  }
  void clear() {
    chunks_.clear();
    chunks_.shrink_to_fit();
    capacity_ = 0;
  }
  size_t memory_bytes() const {
    return capacity_ * stride_ * sizeof(T) + chunks_.capacity() * sizeof(chunks_[0]);
  }

 private:
  size_t chunk_size() const { return size_t{1} << chunk_bits_; }

  size_t stride_;
  unsigned chunk_bits_;
  size_t capacity_ = 0;
  std::vector<std::unique_ptr<T[]>> chunks_;
};

/// Slots by producer id. Slot numbers are dense, 0 … size() − 1; removing one moves the last one
/// into its place. Slot needs a member `producer_id` and must be copyable.
template <class Slot>
class PidTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit PidTable(uint64_t hash_seed) : seed_(hash_seed) {}

  size_t size() const { return size_; }
  Slot& at(uint32_t number) { return *slots_.template at_known<1, kChunkBits>(number); }
  const Slot& at(uint32_t number) const { return *slots_.template at_known<1, kChunkBits>(number); }
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
  uint32_t insert(ProducerId producer_id) {
    SEMEL_ASSERT(size_ < kNone - 1);
    if ((size_ + 1) * 4 > index_.size() * 3) grow_index();
    slots_.reserve(size_ + 1);
    const auto number = static_cast<uint32_t>(size_++);
    at(number) = Slot{};
    at(number).producer_id = producer_id;
    put(Entry{number, hash(producer_id)});
    return number;
  }
  void remove(uint32_t number) {
    const auto last = static_cast<uint32_t>(size_ - 1);
    take_out(place_of(number));
    if (number != last) {
      index_[place_of(last)].number = number;
      at(number) = at(last);
    }
    --size_;
    slots_.shrink(size_);
  }
  void clear() {
    size_ = 0;
    mask_ = 0;
    index_.clear();
    index_.shrink_to_fit();
    slots_.clear();
  }
  size_t memory_bytes() const { return index_.capacity() * sizeof(Entry) + slots_.memory_bytes(); }

 private:
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
  uint32_t place_of(uint32_t number) const {
    uint32_t place = hash(at(number).producer_id) & mask_;
    while (index_[place].number != number) place = (place + 1) & mask_;
    return place;
  }
  void put(Entry entry) {
    uint32_t place = entry.tag & mask_;
    while (index_[place].number != kNone) place = (place + 1) & mask_;
    index_[place] = entry;
  }
  /// Removes an entry and closes the hole, so that no search ends too early.
  void take_out(uint32_t hole) {
    for (uint32_t next = (hole + 1) & mask_; index_[next].number != kNone;
         next = (next + 1) & mask_) {
      const uint32_t home = index_[next].tag & mask_;
      if (((next - home) & mask_) < ((next - hole) & mask_)) continue;
      index_[hole] = index_[next];
      hole = next;
    }
    index_[hole] = Entry{};
  }
  void grow_index() {
    const std::vector<Entry> old = std::exchange(index_, {});
    index_.resize(std::max<size_t>(8, old.size() * 2));
    mask_ = static_cast<uint32_t>(index_.size() - 1);
    for (const Entry& entry : old)
      if (entry.number != kNone) put(entry);
  }

  static constexpr unsigned kChunkBits = 8;

  uint64_t seed_;
  uint32_t mask_ = 0;
  size_t size_ = 0;
  std::vector<Entry> index_;
  ChunkedArray<Slot> slots_{1, kChunkBits};
};

using ProducerTable = PidTable<HotSlot>;
using CounterTable = PidTable<CounterSlot>;

/// Rings of older batches. A block holds 4, 8, 16 … 1,024 batches; a freed block is used again.
class OlderBatches {
 public:
  /// Puts `batch` as the newest into the ring `handle` (HotSlot::kNoBlock: a new one), which keeps
  /// the newest `limit` ≥ 1. Returns the handle to use from now on.
  uint32_t push(uint32_t handle, const RememberedBatch& batch, uint32_t limit);
  /// A ring as Kafka's window of five needs it.
  static bool is_small(uint32_t handle) { return handle < 1u << kNumberBits; }
  /// As push() of the slot's newest batch, whose CRC is known, into its small ring, which keeps
  /// four.
  void push_newest(const HotSlot& slot) {
    uint32_t* words = small_block(slot.older_block);
    const uint32_t newest = (words[0] + 1) & 3;
    const uint32_t count = std::min((words[0] >> 16) + 1, 4u);
    uint32_t* place = words + 1 + newest * kWordsPerBatch;
    std::memcpy(place, reinterpret_cast<const std::byte*>(&slot) + offsetof(HotSlot, last_offset),
                kWordsPerBatch * sizeof(uint32_t));
    words[0] = newest | count << 16;
  }
  /// 0 for kNoBlock.
  uint32_t count(uint32_t handle) const;
  /// Batch `index` of count(), 0 = newest.
  RememberedBatch get(uint32_t handle, uint32_t index) const;
  void release(uint32_t handle);
  void clear();
  size_t memory_bytes() const;

 private:
  static constexpr uint32_t kClasses = 9;
  static constexpr uint32_t kWordsPerBatch = 7;  // offset, timestamp, sequence, delta, CRC
  static constexpr uint32_t kDeltaWord = 5;
  static constexpr uint32_t kCrcUnknownBit = 0x80000000u;  // beside the offset delta, which is ≥ 0
  static constexpr uint32_t kNumberBits = 28;
  static constexpr unsigned kSmallestChunkBits = 6;  // of the blocks of class 0

  struct SizeClass {
    ChunkedArray<uint32_t> blocks;
    std::vector<uint32_t> free_numbers;
    uint32_t used = 0;
  };
  /// The first word of a block: place of the newest batch, and how many there are.
  struct Head {
    uint16_t newest;
    uint16_t count;
  };

  static constexpr uint32_t capacity(uint32_t size_class) { return 4u << size_class; }
  static uint32_t class_of(uint32_t handle) { return handle >> kNumberBits; }
  static Head head_of(const uint32_t* block);
  static void store_head(uint32_t* block, Head head);
  static void store(uint32_t* block, uint32_t place, const RememberedBatch& batch);
  static RememberedBatch load(const uint32_t* block, uint32_t place);
  uint32_t* block(uint32_t handle) const;
  uint32_t* small_block(uint32_t handle) const {
    constexpr size_t kSmallest = 1 + capacity(0) * kWordsPerBatch;
    return classes_.front().blocks.at_known<kSmallest, kSmallestChunkBits>(handle);
  }
  void make_classes(uint32_t up_to);
  uint32_t allocate(uint32_t size_class);
  uint32_t move_to_class(uint32_t handle, uint32_t size_class);

  std::vector<SizeClass> classes_;
};

}  // namespace semel::log
