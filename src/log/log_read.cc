// The reading half of Log: slices of segments, and look-ups by timestamp.
#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/log.h"
#include "record/legacy.h"
#include "record/record_iterator.h"

namespace semel::log {
namespace {

using SegmentList = std::vector<std::shared_ptr<Segment>>;

/// Index of the segment that may hold `offset`.
size_t floor_segment(const SegmentList& segments, Offset offset) {
  const auto above =
      std::ranges::upper_bound(segments, offset, {}, [](const auto& s) { return s->base(); });
  return above == segments.begin() ? 0 : static_cast<size_t>(above - segments.begin()) - 1;
}

struct Spot {
  uint64_t position = 0;
  uint64_t batch_size = 0;  // of the batch there, as its header tells it; 0 = not looked at
};

/// Where the records at or above `offset` begin in `segment`, `located` or not.
Result<Spot> spot_of(Segment& segment, Offset offset, std::optional<uint64_t> located,
                     const rt::Plants* plants) {
  if (located) return Spot{*located};
  SEMEL_TRY(const auto place, segment.find(offset));
  if (!place) return Spot{segment.size()};
  if (rt::is_planted(plants, &rt::Plants::index_skips_a_batch)) return Spot{place->end()};
  return Spot{place->position, place->size};
}

/// Size of the first batch of `range`, whose last offset is at least `from`. kCorruptMessage if no
/// such batch lies there: a reader who got these bytes would never get past them.
Result<uint64_t> size_of_first(const rt::FileRange& range, Offset from) {
  BatchWalker walker(*range.file, range.at, range.at + range.size);
  SEMEL_TRY(const auto first, walker.next());
  if (first->last_offset < from) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("the batch at position {} ends at offset {}", range.at,
                            first->last_offset.value));
  }
  return first->size;
}

struct Wanted {
  Offset from;
  std::optional<Offset> upper;  // nothing: all of the segment is below it
  size_t max_bytes;
  bool at_least_one;
};

/// No file if the segment has nothing that is wanted.
Result<ReadSlice> read_segment(Segment& segment, const Wanted& wanted, const LogContext& context) {
  ReadSlice slice;
  const auto newest = segment.locate(wanted.from);
  SEMEL_TRY(const Spot begin, spot_of(segment, wanted.from, newest, context.plants));
  Spot end{segment.size()};
  if (wanted.upper) {
    const auto located = segment.locate(*wanted.upper);
    SEMEL_TRY(end, spot_of(segment, *wanted.upper, located, context.plants));
  }
  if (begin.position >= end.position) return slice;
  SEMEL_TRY(auto file, segment.file());
  slice.range = {std::move(file), begin.position, end.position - begin.position};
  slice.is_fresh = newest && segment.is_fresh(context.clock.now());
  const bool is_short = slice.range.size <= wanted.max_bytes;
  // What was appended a moment ago is as it was written; it is not looked at again.
  if (is_short && slice.is_fresh) return slice;
  uint64_t first_size = begin.batch_size;
  if (first_size == 0) {
    SEMEL_TRY(first_size, size_of_first(slice.range, wanted.from));
  }
  if (first_size > slice.range.size) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("the batch at position {} runs past its end", begin.position));
  }
  if (is_short) return slice;
  slice.range.size =
      wanted.at_least_one ? std::max<uint64_t>(wanted.max_bytes, first_size) : wanted.max_bytes;
  slice.first_is_cut = slice.range.size < first_size;
  return slice;
}

Result<std::vector<std::byte>> read_batch(rt::File& file, const BatchPlace& place) {
  std::vector<std::byte> content(place.size);
  SEMEL_TRY(const size_t count, file.pread(place.position, content));
  if (count != content.size())
    return fail(ErrorCode::kCorruptMessage, "a segment ends inside a batch", Cause::kIo);
  return content;
}

/// The first record of `batch` for which `wanted(timestamp, offset)`.
template <class Wanted>
Result<std::optional<TimestampAndOffset>> first_record(const record::BatchView& batch,
                                                       Wanted wanted) {
  record::RecordView record;
  if (batch.is_legacy()) {
    record::LegacyRecordIterator records(batch);
    while (records.next(record)) {
      if (wanted(record.timestamp, record.offset))
        return TimestampAndOffset{record.timestamp, record.offset, kNoLeaderEpoch};
    }
    SEMEL_CHECK(records.status());
    return std::nullopt;
  }
  record::RecordScratch scratch;
  record::RecordIterator records(batch, scratch);
  while (records.next(record)) {
    if (wanted(record.timestamp, record.offset))
      return TimestampAndOffset{record.timestamp, record.offset, batch.leader_epoch()};
  }
  SEMEL_CHECK(records.status());
  return std::nullopt;
}

}  // namespace

Result<ReadSlice> Log::read(Offset from, size_t max_bytes, Offset upper_limit, bool at_least_one) {
  // In this order: the list holds everything below `end`, and what it lost lies below the log
  // start.
  const Offset end = log_end();
  const auto segments = segments_.load();
  if (from < log_start() || from > end) {
    return fail(
        ErrorCode::kOffsetOutOfRange,
        fmt::format("offset {} is not in [{}, {}]", from.value, log_start().value, end.value));
  }
  const Offset upper = std::min(upper_limit, end);
  for (size_t i = floor_segment(*segments, from); from < upper && i < segments->size(); ++i) {
    Segment& segment = *(*segments)[i];
    if (segment.base() >= upper) break;
    const bool is_whole = i + 1 < segments->size() && upper >= (*segments)[i + 1]->base();
    const auto limit = is_whole ? std::nullopt : std::optional(upper);
    auto slice = read_segment(segment, {from, limit, max_bytes, at_least_one}, context_);
    if (!slice) return read_failure(segment, std::move(slice.error()));
    if (slice->range.file != nullptr) return slice;
  }
  return ReadSlice{};
}

std::unexpected<Error> Log::read_failure(Segment& segment, Error error) const {
  if (error.code != ErrorCode::kCorruptMessage || error.cause == Cause::kIo)
    return storage_failure(std::move(error));
  const std::string path = segment.log_file().path();
  if (segment.tells_of_damage()) {
    log_error("log",
              "{} is damaged: {}. Consumers that get there are told CORRUPT_MESSAGE; "
              "`semel audit {}` lists what is lost",
              path, error.context, path_);
  }
  return fail(std::move(error), path);
}

Result<bytes::Buffer> Log::read_bytes(Offset from, size_t max_bytes, Offset upper_limit,
                                      bool at_least_one) {
  SEMEL_TRY(const ReadSlice slice, read(from, max_bytes, upper_limit, at_least_one));
  if (slice.range.size == 0) return bytes::Buffer{};
  std::vector<std::byte> content(slice.range.size);
  auto count = slice.range.file->pread(slice.range.at, content);
  if (!count) return storage_failure(std::move(count.error()));
  content.resize(*count);
  return bytes::Buffer::take(std::move(content));
}

Result<std::vector<AbortedTransaction>> Log::aborted_transactions(Offset from, Offset upper) {
  std::vector<AbortedTxn> found;
  const auto segments = segments_.load();
  for (size_t i = floor_segment(*segments, from); i < segments->size(); ++i) {
    auto is_complete = (*segments)[i]->transaction_index().collect(from, upper, found);
    if (!is_complete) return storage_failure(std::move(is_complete.error()));
    if (*is_complete) break;
  }
  std::vector<AbortedTransaction> aborted;
  for (const AbortedTxn& txn : found) aborted.push_back({txn.producer_id, txn.first_offset});
  return aborted;
}

Result<std::optional<TimestampAndOffset>> Log::find_timestamp(Segment& segment, Offset from,
                                                              int64_t timestamp,
                                                              Offset upper_limit) {
  SEMEL_TRY(const auto start, segment.find(from));
  if (!start) return std::nullopt;
  SEMEL_TRY(auto file, segment.file());
  BatchWalker walker(*file, start->position, segment.size());
  while (true) {
    SEMEL_TRY(const auto place, walker.next());
    if (!place || (place->base_offset >= upper_limit && place->magic == record::kMagicV2))
      return std::nullopt;
    if (place->max_timestamp < timestamp) continue;
    SEMEL_TRY(const auto content, read_batch(*file, *place));
    SEMEL_TRY(const auto found,
              first_record(record::BatchView(content), [&](int64_t time, Offset offset) {
                return time >= timestamp && offset >= log_start();
              }));
    if (found && found->offset >= upper_limit) return std::nullopt;
    if (found) return found;
  }
}

Result<TimestampAndOffset> Log::offset_for_timestamp(int64_t timestamp, Offset upper_limit) {
  for (const auto& segment : *segments_.load()) {
    if (segment->base() >= upper_limit) break;
    const auto hint = state_.with([&](LogState&) -> Result<std::optional<Offset>> {
      SEMEL_TRY(const TimestampOffset newest, segment->max_timestamp());
      if (newest.timestamp < timestamp) return std::nullopt;
      SEMEL_TRY(const TimestampOffset floor, segment->time_index().floor(timestamp));
      return floor.offset;
    });
    if (!hint) return storage_failure(hint.error());
    if (!*hint) continue;
    auto found = find_timestamp(*segment, std::max(**hint, log_start()), timestamp, upper_limit);
    if (!found) return read_failure(*segment, std::move(found.error()));
    if (*found) return **found;
  }
  return TimestampAndOffset{};
}

Result<TimestampAndOffset> Log::max_timestamp() {
  std::shared_ptr<Segment> holder;
  TimestampOffset newest;
  for (const auto& segment : *segments_.load()) {
    const auto own = state_.with([&](LogState&) { return segment->max_timestamp(); });
    if (!own) return storage_failure(own.error());
    if (own->timestamp <= newest.timestamp) continue;
    newest = *own;
    holder = segment;
  }
  if (holder == nullptr) return TimestampAndOffset{};
  auto found = find_timestamp(*holder, newest.offset, newest.timestamp, log_end());
  if (!found) return read_failure(*holder, std::move(found.error()));
  return found->value_or(TimestampAndOffset{});
}

}  // namespace semel::log
