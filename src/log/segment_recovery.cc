// The scan of a segment that may end badly: what Segment::recover and Segment::cut do.
#include <algorithm>

#include <fmt/format.h>

#include "base/units.h"
#include "log/file_names.h"
#include "log/segment.h"
#include "record/batch_iterator.h"

namespace semel::log {
namespace {

constexpr uint64_t kPieceSize = 1_MiB;

/// Reads a file batch by batch, in pieces that grow to the greatest batch.
class BatchScan {
 public:
  BatchScan(rt::File& file, uint64_t end) : file_(file), end_(end) {}

  /// The next whole batch, or nothing; then stop() and reason() tell why. The view lives until the
  /// next call.
  Result<std::optional<record::BatchView>> next() {
    while (true) {
      if (auto batch = iterator_.next()) return batch;
      const uint64_t at = position();
      const uint64_t wanted = std::max<uint64_t>(iterator_.bytes_wanted(), 1);
      const bool has_more =
          iterator_.stop() == record::BatchStop::kEnd
              ? at < end_
              : iterator_.stop() == record::BatchStop::kTorn && at + wanted <= end_;
      if (!has_more) return std::nullopt;
      SEMEL_CHECK(read_piece(at, wanted));
    }
  }
  /// Behind the last batch returned.
  uint64_t position() const { return piece_at_ + iterator_.position(); }
  bool is_at_end() const { return position() == end_; }
  const char* reason() const { return iterator_.reason(); }

 private:
  Result<void> read_piece(uint64_t at, uint64_t wanted) {
    const uint64_t size = std::min(std::max(wanted, kPieceSize), end_ - at);
    piece_.resize(size);
    SEMEL_TRY(const size_t count, file_.pread(at, piece_));
    if (count < wanted) return fail(ErrorCode::kKafkaStorageError, "a file ends early", Cause::kIo);
    piece_.resize(count);
    piece_at_ = at;
    iterator_ = record::BatchIterator(piece_);
    return {};
  }

  rt::File& file_;
  const uint64_t end_;
  std::vector<std::byte> piece_;
  uint64_t piece_at_ = 0;
  record::BatchIterator iterator_{bytes::ByteSpan{}};
};

/// Why `batch` cannot stand behind `before` in a segment that begins at `base`; null if it can.
const char* misplaced(const record::BatchView& batch, Offset base, Offset before) {
  const Offset last = batch.last_offset();
  if (last < base || last.value - base.value > INT32_MAX)
    return "an offset is out of the segment's range";
  if (batch.base_offset() > last) return "a batch ends before it begins";
  if (batch.base_offset() <= before) return "offsets do not ascend";
  return nullptr;
}

Result<bool> is_blank(rt::File& file, uint64_t from, uint64_t to) {
  std::vector<std::byte> piece(std::min<uint64_t>(64_KiB, to - from));
  while (from < to) {
    SEMEL_TRY(
        const size_t count,
        file.pread(from, std::span(piece).first(std::min<uint64_t>(piece.size(), to - from))));
    if (count == 0) break;
    if (std::ranges::any_of(std::span(piece).first(count),
                            [](std::byte b) { return b != std::byte{0}; }))
      return false;
    from += count;
  }
  return true;
}

}  // namespace

Result<std::optional<TornEnd>> Segment::recover(Visitor visit, bool checks_crc) {
  const uint64_t end = size();
  SEMEL_TRY(auto file, log_.get());
  SEMEL_CHECK(index_.reset());
  SEMEL_CHECK(time_index_.reset());
  max_timestamp_ = TimestampOffset{-1, base_};
  first_timestamp_.reset();
  bytes_since_entry_ = 0;
  BatchScan scan(*file, end);
  Offset before = base_ - 1;
  uint64_t valid = 0;
  const char* reason = nullptr;
  while (reason == nullptr) {
    SEMEL_TRY(const auto batch, scan.next());
    if (!batch) break;
    reason = misplaced(*batch, base_, before);
    if (reason == nullptr && checks_crc && !batch->crc_is_right())
      reason = "the checksum of a batch is wrong";
    if (reason != nullptr) break;
    SEMEL_CHECK(visit(*batch));
    SEMEL_CHECK(index_batch(*batch, valid));
    before = batch->last_offset();
    valid = scan.position();
  }
  bytes_since_entry_ = 0;
  SEMEL_CHECK(time_index_.make_room());
  time_index_.append(max_timestamp_->timestamp, max_timestamp_->offset);
  SEMEL_CHECK(index_.trim());
  SEMEL_CHECK(time_index_.trim());
  if (reason == nullptr && scan.is_at_end()) return std::nullopt;
  TornEnd torn;
  torn.position = valid;
  torn.bytes = end - valid;
  torn.reason = reason != nullptr ? reason : scan.reason();
  SEMEL_TRY(torn.is_blank, is_blank(*file, valid, end));
  return torn;
}

Result<void> Segment::cut(const TornEnd& torn, bool keep_bytes) {
  SEMEL_TRY(auto file, log_.get());
  if (keep_bytes) {
    SEMEL_TRY(auto kept, disk_.open(log_.path() + std::string(kCutSuffix), rt::OpenMode::kCreate));
    SEMEL_TRY(uint64_t to, kept->size());
    std::vector<std::byte> piece(std::min<uint64_t>(kPieceSize, torn.bytes));
    uint64_t from = torn.position;
    while (true) {
      SEMEL_TRY(const size_t count, file->pread(from, piece));
      if (count == 0) break;
      const bytes::ByteSpan part = bytes::ByteSpan(piece).first(count);
      SEMEL_CHECK(kept->pwritev(to, std::span(&part, 1)));
      from += count;
      to += count;
    }
    SEMEL_CHECK(kept->sync());
  }
  SEMEL_CHECK(file->truncate(torn.position));
  size_.store(torn.position, std::memory_order_release);
  return {};
}

}  // namespace semel::log
