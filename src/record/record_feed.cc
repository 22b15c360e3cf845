#include "record/record_feed.h"

#include <algorithm>

namespace semel::record {
namespace {

constexpr size_t kCarryKept = 1024 * 1024;

}  // namespace

RecordFeed::RecordFeed(const BatchView& batch, RecordScratch& scratch,
                       const DecompressLimits& limits)
    : scratch_(scratch), is_streamed_(batch.is_compressed()) {
  const auto codec = batch.codec();
  if (!codec) {
    fail_with({ErrorCode::kCorruptMessage, "unknown compression codec"});
    return;
  }
  if (!is_streamed_) {
    view_ = batch.payload();
    return;
  }
  if (scratch_.carry_.capacity() > kCarryKept) scratch_.carry_ = {};
  scratch_.decompressor_.start(*codec, batch.payload(), limits);
}

void RecordFeed::fail_with(Error error) {
  if (!failed_) error_ = std::move(error);
  failed_ = true;
  view_ = {};
}

bool RecordFeed::refill() {
  if (!is_streamed_ || failed_) return false;
  auto chunk = scratch_.decompressor_.next();
  if (!chunk) {
    fail_with(std::move(chunk.error()));
    return false;
  }
  view_ = *chunk;
  return !view_.empty();
}

bool RecordFeed::at_end() { return view_.empty() && !refill() && !failed_; }

uint8_t RecordFeed::take_byte() {
  if (view_.empty() && !refill()) {
    fail_with({ErrorCode::kCorruptMessage, "the records end early"});
    return 0;
  }
  const auto byte = static_cast<uint8_t>(view_.front());
  view_ = view_.subspan(1);
  return byte;
}

int32_t RecordFeed::take_length() {
  bool malformed = false;
  const int32_t length = take_varint(*this, malformed);
  if (malformed) fail_with({ErrorCode::kCorruptMessage, "a record length is too long"});
  if (!failed_ && length < 0)
    fail_with({ErrorCode::kCorruptMessage, "a record has a negative length"});
  return failed_ ? -1 : length;
}

ByteSpan RecordFeed::take(size_t count) {
  if (view_.size() >= count) [[likely]] {
    const ByteSpan taken = view_.first(count);
    view_ = view_.subspan(count);
    return taken;
  }
  auto& carry = scratch_.carry_;
  if (is_streamed_) carry.assign(view_.begin(), view_.end());
  while (is_streamed_ && carry.size() < count && refill()) {
    const ByteSpan piece = view_.first(std::min(view_.size(), count - carry.size()));
    carry.insert(carry.end(), piece.begin(), piece.end());
    view_ = view_.subspan(piece.size());
  }
  if (is_streamed_ && !failed_ && carry.size() == count) return carry;
  fail_with({ErrorCode::kCorruptMessage, "the records end early"});
  return {};
}

void RecordFeed::skip(size_t count) {
  while (count > view_.size()) {
    count -= view_.size();
    view_ = {};
    if (!refill()) {
      fail_with({ErrorCode::kCorruptMessage, "the records end early"});
      return;
    }
  }
  view_ = view_.subspan(count);
}

}  // namespace semel::record
