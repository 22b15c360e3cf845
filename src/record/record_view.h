// RecordView: one record, as spans into the bytes that hold it.
#pragma once

#include <optional>
#include <string_view>

#include "base/ids.h"
#include "bytes/buffer.h"

namespace semel::record {

using bytes::ByteSpan;

/// One header of a record: the key is UTF-8 (unchecked) and never null, the value may be null.
struct HeaderView {
  std::string_view key;
  std::optional<ByteSpan> value;
};

/// Walks the headers of a record whose structure was checked when the record was read.
class HeaderCursor {
 public:
  HeaderCursor(ByteSpan bytes, int32_t count) : bytes_(bytes), left_(count) {}
  /// The next header, or nothing behind the last.
  std::optional<HeaderView> next();

 private:
  ByteSpan bytes_;
  int32_t left_;
};

/// Valid until the iterator that filled it moves on.
struct RecordView {
  Offset offset;
  int64_t timestamp = -1;  // ms since 1970; −1 = none
  Sequence sequence = kNoSequence;
  int32_t offset_delta = 0;
  std::optional<ByteSpan> key;    // nothing = null
  std::optional<ByteSpan> value;  // nothing = null: a tombstone on compacted topics
  int32_t header_count = 0;
  ByteSpan header_bytes;
  int32_t size = 0;  // bytes of the record in its uncompressed encoding, length field included

  HeaderCursor headers() const { return HeaderCursor(header_bytes, header_count); }
};

}  // namespace semel::record
