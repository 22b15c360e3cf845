#include "record/batch_iterator.h"

#include <algorithm>

namespace semel::record {
namespace {

constexpr int32_t length_min(int8_t magic) {
  if (magic == kMagicV0) return kLengthMinV0;
  return magic == kMagicV1 ? kLengthMinV1 : kLengthMinV2;
}

}  // namespace

std::optional<BatchView> BatchIterator::next() {
  if (stop_ != BatchStop::kNone) return std::nullopt;
  const ByteSpan rest = region_.subspan(position_);
  if (rest.empty()) return halt(BatchStop::kEnd, "");
  if (rest.size() < kHeaderSizeUpToMagic) {
    bytes_wanted_ = kHeaderSizeUpToMagic;
    return halt(BatchStop::kTorn, "the bytes end inside a batch header");
  }
  const auto length = bytes::load_be<int32_t>(rest.data() + SEMEL_BATCH_FIELD(batch_length));
  const auto magic = bytes::load_be<int8_t>(rest.data() + SEMEL_BATCH_FIELD(magic));
  if (length < kLengthMinV0) {
    const ByteSpan start = rest.first(kHeaderSizeUpToMagic);
    if (std::ranges::all_of(start, [](std::byte b) { return b == std::byte{0}; }))
      return halt(BatchStop::kBlank, "zero bytes where a batch header should be");
    return halt(BatchStop::kCorrupt, "a batch length is below the minimum");
  }
  if (magic < kMagicV0 || magic > kMagicV2)
    return halt(BatchStop::kCorrupt, "a batch has an unknown magic");
  if (length < length_min(magic))
    return halt(BatchStop::kCorrupt, "a batch length is below the minimum of its format");
  const size_t size = kLogOverhead + static_cast<size_t>(length);
  if (size > batch_size_max_)
    return halt(BatchStop::kCorrupt, "a batch is greater than the greatest size allowed");
  if (size > rest.size()) {
    bytes_wanted_ = size;
    return halt(BatchStop::kTorn, "the bytes end inside a batch");
  }
  position_ += size;
  return BatchView(rest.first(size));
}

std::optional<BatchView> BatchIterator::halt(BatchStop stop, const char* reason) {
  stop_ = stop;
  reason_ = reason;
  return std::nullopt;
}

}  // namespace semel::record
