#include "log/producer_state_table.h"

#include <cstring>

namespace semel::log {

/// A partition without producers, or with Kafka's window, has none or one.
void OlderBatches::make_classes(uint32_t up_to) {
  SEMEL_ASSERT(up_to < kClasses);
  for (auto next = static_cast<uint32_t>(classes_.size()); next <= up_to; ++next) {
    const unsigned chunk_bits = next < kSmallestChunkBits ? kSmallestChunkBits - next : 0;
    classes_.push_back(
        {ChunkedArray<uint32_t>(1 + capacity(next) * kWordsPerBatch, chunk_bits), {}, 0});
  }
}

OlderBatches::Head OlderBatches::head_of(const uint32_t* block) {
  return {static_cast<uint16_t>(block[0] & 0xffff), static_cast<uint16_t>(block[0] >> 16)};
}

void OlderBatches::store_head(uint32_t* block, Head head) {
  block[0] = static_cast<uint32_t>(head.newest) | static_cast<uint32_t>(head.count) << 16;
}

void OlderBatches::store(uint32_t* block, uint32_t place, const RememberedBatch& batch) {
  uint32_t* words = block + 1 + place * kWordsPerBatch;
  std::memcpy(words, &batch.last_offset.value, sizeof(int64_t));
  std::memcpy(words + 2, &batch.timestamp_ms, sizeof(int64_t));
  words[4] = static_cast<uint32_t>(batch.last_sequence.value);
  words[kDeltaWord] =
      static_cast<uint32_t>(batch.offset_delta) | (batch.crc_is_known ? 0 : kCrcUnknownBit);
  words[6] = batch.crc;
}

RememberedBatch OlderBatches::load(const uint32_t* block, uint32_t place) {
  const uint32_t* words = block + 1 + place * kWordsPerBatch;
  RememberedBatch batch;
  std::memcpy(&batch.last_offset.value, words, sizeof(int64_t));
  std::memcpy(&batch.timestamp_ms, words + 2, sizeof(int64_t));
  batch.last_sequence = Sequence{static_cast<int32_t>(words[4])};
  batch.offset_delta = static_cast<int32_t>(words[kDeltaWord] & ~kCrcUnknownBit);
  batch.crc = words[6];
  batch.crc_is_known = (words[kDeltaWord] & kCrcUnknownBit) == 0;
  return batch;
}

uint32_t* OlderBatches::block(uint32_t handle) const {
  if (is_small(handle)) [[likely]]
    return small_block(handle);
  return classes_[class_of(handle)].blocks.at(handle & ((1u << kNumberBits) - 1));
}

uint32_t OlderBatches::allocate(uint32_t size_class) {
  if (size_class >= classes_.size()) [[unlikely]]
    make_classes(size_class);
  SizeClass& blocks = classes_[size_class];
  uint32_t number = 0;
  if (!blocks.free_numbers.empty()) {
    number = blocks.free_numbers.back();
    blocks.free_numbers.pop_back();
  } else {
    number = blocks.used++;
    SEMEL_ASSERT(number < (1u << kNumberBits));
    blocks.blocks.reserve(blocks.used);
  }
  const uint32_t handle = size_class << kNumberBits | number;
  store_head(block(handle), {0, 0});
  return handle;
}

uint32_t OlderBatches::move_to_class(uint32_t handle, uint32_t size_class) {
  const uint32_t target = allocate(size_class);
  const uint32_t kept = std::min(count(handle), capacity(size_class));
  for (uint32_t index = 0; index < kept; ++index)
    store(block(target), kept - 1 - index, get(handle, index));
  store_head(block(target),
             {static_cast<uint16_t>(kept == 0 ? 0 : kept - 1), static_cast<uint16_t>(kept)});
  release(handle);
  return target;
}

uint32_t OlderBatches::push(uint32_t handle, const RememberedBatch& batch, uint32_t limit) {
  if (handle == HotSlot::kNoBlock) handle = allocate(0);
  uint32_t* words = block(handle);
  uint32_t room = capacity(class_of(handle));
  if (head_of(words).count == room && room < limit) [[unlikely]] {
    handle = move_to_class(handle, class_of(handle) + 1);
    words = block(handle);
    room = capacity(class_of(handle));
  }
  const Head head = head_of(words);
  const uint32_t newest = (head.newest + 1u) & (room - 1);
  const uint32_t count = std::min(head.count + 1u, std::min(room, limit));
  store(words, newest, batch);
  store_head(words, {static_cast<uint16_t>(newest), static_cast<uint16_t>(count)});
  return handle;
}

uint32_t OlderBatches::count(uint32_t handle) const {
  return handle == HotSlot::kNoBlock ? 0 : head_of(block(handle)).count;
}

RememberedBatch OlderBatches::get(uint32_t handle, uint32_t index) const {
  const uint32_t* words = block(handle);
  const uint32_t mask = capacity(class_of(handle)) - 1;
  return load(words, (head_of(words).newest - index) & mask);
}

void OlderBatches::release(uint32_t handle) {
  if (handle == HotSlot::kNoBlock) return;
  classes_[class_of(handle)].free_numbers.push_back(handle & ((1u << kNumberBits) - 1));
}

void OlderBatches::clear() {
  for (SizeClass& blocks : classes_) {
    blocks.blocks.clear();
    blocks.free_numbers = {};
    blocks.used = 0;
  }
}

size_t OlderBatches::memory_bytes() const {
  size_t bytes = classes_.capacity() * sizeof(SizeClass);
  for (const SizeClass& blocks : classes_)
    bytes += blocks.blocks.memory_bytes() + blocks.free_numbers.capacity() * sizeof(uint32_t);
  return bytes;
}

}  // namespace semel::log
