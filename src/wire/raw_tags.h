// RawTags: the tagged fields of a struct that this program does not know (KIP-482). They are kept
// as bytes and written back in ascending order among the known ones. Empty costs one pointer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bytes/buffer.h"

namespace semel::wire {

struct RawTag {
  uint32_t tag = 0;
  bytes::Buffer content;
  bool operator==(const RawTag&) const = default;
};

class RawTags {
 public:
  RawTags() = default;
  RawTags(const RawTags& other)
      : tags_(other.tags_ ? std::make_unique<std::vector<RawTag>>(*other.tags_) : nullptr) {}
  RawTags(RawTags&&) noexcept = default;
  RawTags& operator=(RawTags other) noexcept {
    tags_ = std::move(other.tags_);
    return *this;
  }
  ~RawTags() = default;

  bool empty() const { return tags_ == nullptr || tags_->empty(); }
  size_t size() const { return tags_ == nullptr ? 0 : tags_->size(); }
  /// In ascending order of tags.
  std::span<const RawTag> all() const {
    return tags_ == nullptr ? std::span<const RawTag>() : std::span<const RawTag>(*tags_);
  }
  /// The content of `tag`, or null.
  const bytes::Buffer* find(uint32_t tag) const;
  /// Keeps the order; a tag that is there already gets the new content.
  void set(uint32_t tag, bytes::Buffer content);
  /// `tag` must be greater than all others.
  void append(uint32_t tag, bytes::Buffer content);
  void clear() { tags_.reset(); }

  bool operator==(const RawTags& other) const { return std::ranges::equal(all(), other.all()); }

 private:
  std::unique_ptr<std::vector<RawTag>> tags_;
};

}  // namespace semel::wire
