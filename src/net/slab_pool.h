// SlabPool: memory for request frames, in four sizes, kept by the reactor that reads into it (last
// in, first out, so that it stays in the cache). A slab's bytes are reserved from the MemoryBudget
// before it is taken, and given back when the last Buffer on it is dropped, on whatever thread.
//
// Race: slabs dropped on other threads are pushed onto a lock-free stack; only the owner pops, and
// it takes the whole stack at once, so that no node can come back in between (no ABA).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "bytes/buffer.h"
#include "net/memory_budget.h"
#include "rt/executor.h"

namespace semel::net {

/// A writable slab. `whole` covers all of it; slices of `whole` keep the slab alive.
struct Slab {
  bytes::Buffer whole;
  std::byte* data = nullptr;
  size_t capacity = 0;
  explicit operator bool() const { return data != nullptr; }
};

class SlabPool {
 public:
  static constexpr std::array<size_t, 4> kSizes = {16_KiB, 64_KiB, 256_KiB, 1_MiB};
  /// Free slabs of each size that one reactor keeps; more go back to the heap.
  static constexpr std::array<size_t, 4> kKept = {128, 32, 8, 4};

  /// `owner` is the executor that takes slabs. `budget` must outlive every Buffer.
  SlabPool(MemoryBudget& budget, rt::Executor& owner);
  ~SlabPool();
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  /// The bytes to reserve for a frame of `size` bytes: the smallest slab that holds it; frames
  /// above the largest slab get their own size.
  static size_t reserved_size(size_t size);
  /// On the owner. `reserved` was reserved_size() of something and is reserved; it is released with
  /// the last Buffer.
  Slab take(size_t reserved);
  /// Frees what is kept and unused. On the owner.
  void trim();
  size_t kept_bytes() const;
  /// Slabs taken so far.
  uint64_t taken() const { return taken_; }

 private:
  struct Core;
  struct Node;
  static void release(bytes::BufferStorage* storage);

  Core* core_;
  uint64_t taken_ = 0;
};

}  // namespace semel::net
