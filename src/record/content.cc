#include "record/content.h"

#include <algorithm>

#include "record/record_iterator.h"

namespace semel::record {
namespace {

bool equal_bytes(const std::optional<ByteSpan>& a, const std::optional<ByteSpan>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || bytes::as_text(*a) == bytes::as_text(*b);
}

bool equal_headers(const RecordView& a, const RecordView& b) {
  if (a.header_count != b.header_count) return false;
  auto left = a.headers();
  auto right = b.headers();
  while (const auto header = left.next()) {
    const auto other = right.next();
    if (header->key != other->key || !equal_bytes(header->value, other->value)) return false;
  }
  return true;
}

bool equal_records(const RecordView& a, const RecordView& b) {
  return equal_bytes(a.key, b.key) && equal_bytes(a.value, b.value) && equal_headers(a, b);
}

}  // namespace

Result<bool> same_content(const BatchView& stored, const BatchView& sent,
                          RecordScratch& stored_scratch, RecordScratch& sent_scratch,
                          const DecompressLimits& limits) {
  SEMEL_ASSERT(&stored_scratch != &sent_scratch);
  if (stored.last_offset_delta() != sent.last_offset_delta()) return false;
  RecordIterator kept(stored, stored_scratch, limits);
  RecordIterator offered(sent, sent_scratch, limits);
  RecordView kept_record;
  RecordView offered_record;
  int32_t place = -1;
  bool is_equal = true;
  while (is_equal && kept.next(kept_record)) {
    // Places are counted, not read from `sent`: old clients number the records of a batch wrongly,
    // and the broker numbers them anew.
    const int32_t wanted = kept_record.offset_delta;
    is_equal = wanted > place;
    for (; is_equal && place < wanted; ++place) is_equal = offered.next(offered_record);
    is_equal = is_equal && equal_records(kept_record, offered_record);
  }
  SEMEL_CHECK(kept.status());
  return is_equal;
}

}  // namespace semel::record
