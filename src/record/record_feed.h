// RecordFeed: the bytes of a batch's records, plain or decompressed on the way.
#pragma once

#include <vector>

#include "bytes/decompressor.h"
#include "record/batch_view.h"
#include "record/record_parse.h"

namespace semel::record {

using bytes::DecompressLimits;

/// What reading compressed batches needs between batches: decompression contexts and a buffer for
/// records that lie across two chunks. One per thread or reactor; used by one reader at a time.
class RecordScratch {
 public:
  RecordScratch() = default;

 private:
  friend class RecordFeed;
  bytes::Decompressor decompressor_;
  std::vector<std::byte> carry_;
};

/// Cuts the payload of a v2 batch into records. Steady state does not allocate, except for records
/// that are greater than any before. Internal to this folder.
class RecordFeed {
 public:
  /// `scratch` is used only if the batch is compressed. Errors show at the first read.
  RecordFeed(const BatchView& batch, RecordScratch& scratch, const DecompressLimits& limits);

  /// True if no byte is left. False also after a failure.
  bool at_end();
  /// The length field of the next record: how many bytes follow it. Negative after a failure.
  int32_t take_length();
  /// The next `count` bytes in one piece, valid until the next call.
  ByteSpan take(size_t count);
  uint8_t take_byte();
  void skip(size_t count);
  /// Bytes at hand without decompressing further.
  ByteSpan at_hand() const { return view_; }

  bool failed() const { return failed_; }
  /// Why; only after a failure.
  Error error() const { return error_; }

 private:
  bool refill();
  void fail_with(Error error);

  RecordScratch& scratch_;
  ByteSpan view_;
  bool is_streamed_;
  bool failed_ = false;
  Error error_;
};

/// A cursor over the body of one record that may lie across chunks; bytes are skipped, never kept.
class FeedCursor {
 public:
  FeedCursor(RecordFeed& feed, size_t size) : feed_(feed), left_(size) {}

  bool failed() const { return failed_ || feed_.failed(); }
  size_t remaining() const { return left_; }
  const std::byte* at() const { return nullptr; }
  uint8_t take_byte() {
    if (left_ == 0) {
      failed_ = true;
      return 0;
    }
    --left_;
    return feed_.take_byte();
  }
  void skip(size_t count) {
    if (count > left_) {
      failed_ = true;
      count = left_;
    }
    left_ -= count;
    feed_.skip(count);
  }

 private:
  RecordFeed& feed_;
  size_t left_;
  bool failed_ = false;
};

}  // namespace semel::record
