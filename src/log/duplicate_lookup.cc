#include "log/duplicate_lookup.h"

#include <algorithm>

#include "record/batch_iterator.h"
#include "record/content.h"

namespace semel::log {
namespace {

constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

enum class Relation : uint8_t { kOther, kSameRange, kOverlaps, kBefore };

bool is_of_producer(const record::BatchView& stored, const BatchIdentity& batch) {
  return !stored.is_legacy() && !stored.is_control() && stored.producer_id() == batch.producer_id &&
         stored.producer_epoch() == batch.epoch && stored.base_sequence().value >= 0;
}

/// How a stored batch of the same producer and epoch lies to the range that is searched, modulo
/// 2^31.
Relation relation_of(const record::BatchView& stored, const BatchIdentity& batch) {
  const Sequence first = stored.base_sequence();
  const int32_t delta = stored.last_offset_delta();
  if (delta < 0) return Relation::kOther;
  if (first == batch.base_sequence && delta == batch.last_offset_delta) return Relation::kSameRange;
  const auto ahead = [](Sequence from, Sequence to) {
    return (static_cast<int64_t>(to.value) - from.value) & 0x7fffffff;
  };
  if (ahead(first, batch.base_sequence) <= delta ||
      ahead(batch.base_sequence, first) <= batch.last_offset_delta)
    return Relation::kOverlaps;
  return ahead(first, batch.base_sequence) < (int64_t{1} << 30) ? Relation::kBefore
                                                                : Relation::kOther;
}

/// The received batch, checked once: whole, v2, of the size it says.
Result<record::BatchView> view_of(const bytes::Buffer& received) {
  record::BatchIterator batches(received.span());
  const auto view = batches.next();
  if (!view || view->is_legacy() || batches.position() != received.size())
    return fail(ErrorCode::kCorruptMessage, "the received bytes are not one batch");
  return *view;
}

Result<LookupResult> compare(const record::BatchView& stored, const record::BatchView& sent) {
  LookupResult result;
  result.stored = {stored.base_offset(), stored.last_offset(), stored.max_timestamp()};
  if (stored.crc() == sent.crc() && stored.size() == sent.size()) {
    result.match = Match::kEqual;
    result.same_bytes = true;
    return result;
  }
  record::RecordScratch stored_scratch;
  record::RecordScratch sent_scratch;
  SEMEL_TRY(const bool is_same, record::same_content(stored, sent, stored_scratch, sent_scratch));
  result.match = is_same ? Match::kEqual : Match::kDifferent;
  return result;
}

/// An offset that retention has taken meanwhile is not there, which is no failure.
Result<bytes::Buffer> read_or_nothing(BatchSource& source, Offset from, uint64_t bytes_max) {
  auto bytes = source.read(from, bytes_max);
  if (!bytes && bytes.error().code == ErrorCode::kOffsetOutOfRange) return bytes::Buffer{};
  return bytes;
}

/// equal ≥ different ≥ part of
bool is_at_least(Match match, Match other) {
  const auto rank = [](Match m) { return m == Match::kEqual ? 2 : m == Match::kDifferent ? 1 : 0; };
  return rank(match) >= rank(other);
}

/// What the batches of one piece of the log say, from `from` to `to` inclusive.
struct Piece {
  bool is_cut = false;  // the bytes were used up before the end
  LookupResult found;
  bool is_decided = false;   // a batch of the range was found
  bool goes_before = false;  // a batch before the range was found: it cannot lie further back
};

/// Where a range lies there twice (the producer was forgotten in between), an equal batch counts,
/// else the newest.
Result<Piece> search_piece(bytes::ByteSpan bytes, const BatchIdentity& batch,
                           const record::BatchView& sent, Offset to) {
  Piece piece;
  record::BatchIterator batches(bytes);
  while (const auto stored = batches.next()) {
    if (stored->base_offset() > to) break;
    if (!is_of_producer(*stored, batch)) continue;
    const Relation relation = relation_of(*stored, batch);
    if (relation == Relation::kBefore) piece.goes_before = true;
    if (relation != Relation::kSameRange && relation != Relation::kOverlaps) continue;
    LookupResult found{.match = Match::kPartOf};
    if (relation == Relation::kSameRange) {
      SEMEL_TRY(found, compare(*stored, sent));
    }
    if (!piece.is_decided || is_at_least(found.match, piece.found.match)) piece.found = found;
    piece.is_decided = true;
  }
  return piece;
}

/// Reads [from, to) piece by piece and searches each. `bytes_left` shrinks by what was read.
Result<Piece> search_range(BatchSource& source, const BatchIdentity& batch,
                           const record::BatchView& sent, std::pair<Offset, Offset> range,
                           uint64_t& bytes_left) {
  Piece all;
  Offset at = range.first;
  while (at <= range.second) {
    if (bytes_left == 0) {
      all.is_cut = true;
      return all;
    }
    SEMEL_TRY(const bytes::Buffer bytes,
              read_or_nothing(source, at, std::min(bytes_left, kChunkBytes)));
    if (bytes.empty()) break;
    bytes_left -= std::min<uint64_t>(bytes_left, bytes.size());
    SEMEL_TRY(const Piece piece, search_piece(bytes.span(), batch, sent, range.second));
    all.goes_before = all.goes_before || piece.goes_before;
    if (piece.is_decided) {
      if (!all.is_decided || is_at_least(piece.found.match, all.found.match))
        all.found = piece.found;
      all.is_decided = true;
    }
    Offset next = at;
    record::BatchIterator batches(bytes.span());
    while (const auto stored = batches.next()) next = std::max(next, stored->next_offset());
    if (next <= at) break;
    at = next;
  }
  return all;
}

}  // namespace

Result<LookupResult> compare_with_stored(BatchSource& source, const BatchIdentity& batch,
                                         const bytes::Buffer& received, Offset last_offset) {
  SEMEL_TRY(const record::BatchView sent, view_of(received));
  SEMEL_TRY(const bytes::Buffer bytes, read_or_nothing(source, last_offset, 1));
  record::BatchIterator batches(bytes.span());
  const auto stored = batches.next();
  const bool is_there = stored && stored->last_offset() == last_offset &&
                        is_of_producer(*stored, batch) &&
                        relation_of(*stored, batch) == Relation::kSameRange;
  if (!is_there) return LookupResult{};
  return compare(*stored, sent);
}

Result<LookupResult> look_up(BatchSource& source, const BatchIdentity& batch,
                             const bytes::Buffer& received, std::pair<Offset, Offset> range,
                             uint64_t bytes_max) {
  SEMEL_TRY(const record::BatchView sent, view_of(received));
  uint64_t bytes_left = bytes_max;
  Offset to = range.second + 1;
  while (to > range.first) {
    if (bytes_left == 0) return LookupResult{.match = Match::kOutOfReach};
    SEMEL_TRY(Offset from, source.offset_before(to, std::min(bytes_left, kChunkBytes)));
    from = std::clamp(from, range.first, to - 1);
    SEMEL_TRY(const Piece piece, search_range(source, batch, sent, {from, to - 1}, bytes_left));
    if (piece.is_decided) return piece.found;
    if (piece.is_cut) return LookupResult{.match = Match::kOutOfReach};
    if (piece.goes_before) return LookupResult{};
    to = from;
  }
  return LookupResult{};
}

}  // namespace semel::log
