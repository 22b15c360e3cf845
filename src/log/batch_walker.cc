#include "log/batch_walker.h"

#include <algorithm>

#include <fmt/format.h>

#include "log/log_config.h"

namespace semel::log {
namespace {

int32_t length_min(int8_t magic) {
  switch (magic) {
    case record::kMagicV0:
      return record::kLengthMinV0;
    case record::kMagicV1:
      return record::kLengthMinV1;
    default:
      return record::kLengthMinV2;
  }
}

}  // namespace

Result<bytes::ByteSpan> BatchWalker::header() {
  const size_t wanted = std::min<uint64_t>(record::kBatchHeaderSize, end_ - at_);
  if (at_ < piece_at_ || at_ + wanted > piece_at_ + piece_size_) {
    const size_t size = std::min<uint64_t>(piece_.size(), end_ - at_);
    SEMEL_TRY(piece_size_, file_.pread(at_, std::span(piece_).first(size)));
    piece_at_ = at_;
  }
  return bytes::ByteSpan(piece_).subspan(at_ - piece_at_,
                                         std::min(wanted, piece_size_ - (at_ - piece_at_)));
}

Result<std::optional<BatchPlace>> BatchWalker::next() {
  if (at_ >= end_) return std::nullopt;
  SEMEL_TRY(const bytes::ByteSpan bytes, header());
  const record::BatchView view(bytes);
  const bool has_magic = bytes.size() >= record::kHeaderSizeUpToMagic;
  const int8_t magic = has_magic ? view.magic() : int8_t{-1};
  if (magic < record::kMagicV0 || magic > record::kMagicV2 ||
      view.batch_length() < length_min(magic) ||
      bytes.size() <
          std::min<size_t>(record::kBatchHeaderSize,
                           record::kLogOverhead + static_cast<size_t>(length_min(magic)))) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("no batch at position {}", at_));
  }
  BatchPlace place;
  place.position = at_;
  place.size = record::kLogOverhead + static_cast<uint64_t>(view.batch_length());
  if (place.size > end_ - at_) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("the batch at position {} runs past the end", at_));
  }
  place.base_offset = view.base_offset();
  place.last_offset = view.last_offset();
  if (place.base_offset.value < 0 || place.last_offset < place.base_offset ||
      place.last_offset.value > kOffsetMax) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("the batch at position {} has impossible offsets", at_));
  }
  place.max_timestamp = view.max_timestamp();
  place.leader_epoch = view.leader_epoch();
  place.magic = magic;
  at_ = place.end();
  std::ranges::copy(bytes, last_header_.begin());
  return place;
}

}  // namespace semel::log
