// PairWindow: the newest (offset, position) pairs of a file that grows, for readers without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

namespace semel::log {

struct OffsetPosition {
  uint32_t relative = 0;  // offset − base offset of the segment
  uint32_t position = 0;  // byte in the segment
};

/// One writer, any readers. Both parts of a pair ascend.
///
/// Race: a reader may meet a slot that the writer has just used again. A slot is one atomic word,
/// so what is read is always a pair that was pushed; a newer one is greater than the pair before it
/// was expected to be, and ends the walk.
class PairWindow {
 public:
  static constexpr uint64_t kSize = 64;

  void push(OffsetPosition pair) {
    const uint64_t count = count_.load(std::memory_order_relaxed);
    const uint64_t word = (uint64_t{pair.relative} << 32) | pair.position;
    slots_[count % kSize].store(word, std::memory_order_release);
    count_.store(count + 1, std::memory_order_release);
  }
  /// The greatest pair with relative ≤ `target` that is still here. Exact: no pair pushed before
  /// the call, and none between it and the target, is passed over.
  std::optional<OffsetPosition> floor(uint64_t target) const {
    const uint64_t count = count_.load(std::memory_order_acquire);
    uint64_t newer = ~uint64_t{0};
    for (uint64_t back = 1; back <= kSize && back <= count; ++back) {
      const uint64_t word = slots_[(count - back) % kSize].load(std::memory_order_acquire);
      if (word > newer) return std::nullopt;
      if (word >> 32 <= target)
        return OffsetPosition{static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word)};
      newer = word;
    }
    return std::nullopt;
  }

 private:
  std::array<std::atomic<uint64_t>, kSize> slots_{};
  std::atomic<uint64_t> count_{0};
};

}  // namespace semel::log
