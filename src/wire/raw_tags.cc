#include "wire/raw_tags.h"

#include <algorithm>

namespace semel::wire {

const bytes::Buffer* RawTags::find(uint32_t tag) const {
  for (const RawTag& raw : all())
    if (raw.tag == tag) return &raw.content;
  return nullptr;
}

void RawTags::append(uint32_t tag, bytes::Buffer content) {
  if (tags_ == nullptr) tags_ = std::make_unique<std::vector<RawTag>>();
  SEMEL_ASSERT(tags_->empty() || tags_->back().tag < tag);
  tags_->push_back({tag, std::move(content)});
}

void RawTags::set(uint32_t tag, bytes::Buffer content) {
  if (tags_ == nullptr) tags_ = std::make_unique<std::vector<RawTag>>();
  const auto at = std::ranges::lower_bound(*tags_, tag, {}, &RawTag::tag);
  if (at != tags_->end() && at->tag == tag) {
    at->content = std::move(content);
  } else {
    tags_->insert(at, RawTag{tag, std::move(content)});
  }
}

}  // namespace semel::wire
