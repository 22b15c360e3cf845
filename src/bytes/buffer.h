// Buffer: an immutable, shared slice of bytes. The one shared thing of the program: copying a
// Buffer copies a reference (one atomic increment), slicing keeps the storage alive.
//
// Storage is owned by a BufferStorage with an intrusive count; who made it decides how it is freed
// (heap, slab of a reactor). The last reference may be dropped on any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace semel::bytes {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Counted storage. `release` is called once, on the thread that dropped the last reference.
struct BufferStorage {
  using Release = void (*)(BufferStorage*);
  explicit BufferStorage(Release release_function) : release(release_function) {}
  BufferStorage(const BufferStorage&) = delete;
  BufferStorage& operator=(const BufferStorage&) = delete;

  std::atomic<uint32_t> references{1};
  Release release;
};

class Buffer {
 public:
  Buffer() = default;
  /// Adopts one reference to `storage`; `view` lies inside what it keeps alive.
  Buffer(BufferStorage* adopted, ByteSpan view) : storage_(adopted), view_(view) {}
  Buffer(const Buffer& other) : storage_(other.storage_), view_(other.view_) { retain(); }
  Buffer(Buffer&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)), view_(std::exchange(other.view_, {})) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~Buffer() { drop(); }

  /// Copies `bytes` into fresh heap storage.
  static Buffer copy_of(ByteSpan bytes);
  static Buffer copy_of(std::string_view text) { return copy_of(as_bytes(text)); }
  /// Takes the vector's bytes without copying them.
  static Buffer take(std::vector<std::byte> bytes);
  /// Bytes that outlive every Buffer (string literals, tables); nothing is counted.
  static Buffer borrow_static(ByteSpan bytes) { return Buffer(nullptr, bytes); }

  ByteSpan span() const { return view_; }
  const std::byte* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  std::string_view text() const { return as_text(view_); }

  /// [from, from + count) of this buffer; both must lie inside.
  Buffer slice(size_t from, size_t count) const {
    SEMEL_ASSERT(from <= size() && count <= size() - from);
    retain();
    return Buffer(storage_, view_.subspan(from, count));
  }
  /// A Buffer over `part`, which must lie inside this buffer's bytes.
  Buffer share(ByteSpan part) const {
    SEMEL_ASSERT(part.empty() ||
                 (part.data() >= data() && part.data() + part.size() <= data() + size()));
    retain();
    return Buffer(storage_, part);
  }
  /// True if no other Buffer shares the storage (then the owner may write into it).
  bool is_sole_owner() const {
    return storage_ != nullptr && storage_->references.load(std::memory_order_acquire) == 1;
  }

  /// Equal bytes, whatever keeps them.
  bool operator==(const Buffer& other) const {
    return size() == other.size() && (empty() || std::memcmp(data(), other.data(), size()) == 0);
  }

 private:
  void retain() const {
    if (storage_ != nullptr) storage_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void drop() {
    if (storage_ != nullptr && storage_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      storage_->release(storage_);
  }

  BufferStorage* storage_ = nullptr;
  ByteSpan view_;
};

}  // namespace semel::bytes
