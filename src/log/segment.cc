#include "log/segment.h"

#include <algorithm>

#include <fmt/format.h>

#include "log/file_names.h"
#include "record/batch_iterator.h"

namespace semel::log {
namespace {

std::string path_of(const std::string& folder, Offset base, std::string_view suffix) {
  return fmt::format("{}/{:020}{}", folder, base.value, suffix);
}

}  // namespace

Segment::Segment(rt::Disk& disk, const std::string& folder, Offset base, const LogConfig& config)
    : disk_(disk),
      folder_(folder),
      base_(base),
      config_(config),
      log_(disk, path_of(folder, base, kLogSuffix)),
      index_(disk, path_of(folder, base, kIndexSuffix), base, config.segment_index_bytes),
      time_index_(disk, path_of(folder, base, kTimeIndexSuffix), base, config.segment_index_bytes),
      transactions_(disk, path_of(folder, base, kTransactionIndexSuffix)) {}

Segment::~Segment() { delete boundaries_.load(); }

Result<std::shared_ptr<Segment>> Segment::create(rt::Disk& disk, const std::string& folder,
                                                 Offset base, const LogConfig& config,
                                                 int64_t now_ms) {
  auto segment = std::make_shared<Segment>(disk, folder, base, config);
  segment->created_ms_ = segment->modified_ms_ = now_ms;
  segment->max_timestamp_ = TimestampOffset{-1, base};
  auto made = segment->create_files();
  if (!made) {
    // An empty segment that stays behind would hide what its predecessor is filled with meanwhile.
    SEMEL_CHECK(segment->remove_retired());
    return fail(std::move(made.error()));
  }
  return segment;
}

Result<void> Segment::create_files() {
  SEMEL_TRY(auto file, log_.create());
  if (config_.preallocate)
    SEMEL_CHECK(file->truncate(static_cast<uint64_t>(config_.segment_bytes)));
  SEMEL_CHECK(index_.create());
  return time_index_.create();
}

Result<std::shared_ptr<Segment>> Segment::load(rt::Disk& disk, const std::string& folder,
                                               Offset base, const LogConfig& config,
                                               const SegmentFiles& files) {
  auto segment = std::make_shared<Segment>(disk, folder, base, config);
  segment->size_.store(files.log_bytes, std::memory_order_release);
  segment->created_ms_ = segment->modified_ms_ = files.modified_ms;
  SEMEL_CHECK(segment->index_.load(files.index_bytes.value_or(0)));
  SEMEL_CHECK(segment->time_index_.load(files.time_index_bytes.value_or(0)));
  segment->transactions_.load(files.transaction_index_bytes.value_or(0));
  return segment;
}

PairWindow& Segment::boundaries() {
  PairWindow* window = boundaries_.load(std::memory_order_relaxed);
  if (window == nullptr) {
    window = new PairWindow;
    boundaries_.store(window, std::memory_order_release);
  }
  return *window;
}

Result<bool> Segment::must_roll(uint64_t bytes, Offset last, int64_t timestamp, int64_t now_ms) {
  const uint64_t size = this->size();
  if (size + bytes > static_cast<uint64_t>(config_.segment_bytes)) return true;
  if (last - base_ < 0 || last - base_ > INT32_MAX) return true;
  if (index_.is_full() || time_index_.is_full()) return true;
  if (size == 0) return false;
  SEMEL_TRY(const int64_t first, first_timestamp());
  const int64_t since = first >= 0 ? first : created_ms_;
  const int64_t until = first >= 0 ? timestamp : now_ms;
  return until > since && until - since > config_.roll_after_ms() - jitter_ms_;
}

Result<int64_t> Segment::first_timestamp() {
  if (!first_timestamp_) {
    SEMEL_TRY(auto file, log_.get());
    BatchWalker walker(*file, 0, size());
    SEMEL_TRY(const auto first, walker.next());
    first_timestamp_ = first ? first->max_timestamp : -1;
  }
  return *first_timestamp_;
}

Result<void> Segment::append(std::span<const bytes::ByteSpan> parts, rt::Instant now) {
  SEMEL_TRY(auto file, log_.get_or_create());
  SEMEL_CHECK(max_timestamp());
  SEMEL_CHECK(index_.make_room());
  SEMEL_CHECK(time_index_.make_room());
  const uint64_t start = size();
  uint64_t end = start;
  for (const bytes::ByteSpan part : parts) end += part.size();
  SEMEL_ASSERT(end <= INT32_MAX, "a segment grew beyond 2 GiB");
  if (auto written = file->pwritev(start, parts); !written) {
    if (auto back = file->truncate(start); !back) return fail(std::move(back.error()));
    return written;
  }
  appended_ns_.store(now.ns, std::memory_order_relaxed);
  uint64_t position = start;
  for (const bytes::ByteSpan part : parts) {
    SEMEL_TRY(position, note_part(part, position));
  }
  SEMEL_ASSERT(position == end, "an append holds whole batches");
  return {};
}

/// Batches that lie in the file now. Returns where they end.
Result<uint64_t> Segment::note_part(bytes::ByteSpan batches, uint64_t position) {
  PairWindow& window = boundaries();
  record::BatchIterator iterator(batches);
  while (const auto batch = iterator.next()) {
    if (batch->base_offset() != window_end_)
      window.push(
          {static_cast<uint32_t>(batch->base_offset() - base_), static_cast<uint32_t>(position)});
    window_end_ = batch->next_offset();
    auto indexed = index_batch(*batch, position);
    if (!indexed && indexed.error().cause != Cause::kNoSpace)
      return fail(std::move(indexed.error()));
    position += batch->size();
    size_.store(position, std::memory_order_release);
    window.push(
        {static_cast<uint32_t>(batch->next_offset() - base_), static_cast<uint32_t>(position)});
  }
  return position;
}

Result<void> Segment::index_batch(const record::BatchView& batch, uint64_t position) {
  note_batch(batch, position);
  const bool is_due = bytes_since_entry_ > static_cast<uint64_t>(config_.index_interval_bytes);
  bytes_since_entry_ = (is_due ? 0 : bytes_since_entry_) + batch.size();
  if (!is_due || index_.is_full() || time_index_.is_full()) return {};
  SEMEL_CHECK(index_.make_room());
  SEMEL_CHECK(time_index_.make_room());
  index_.append(batch.last_offset(), static_cast<uint32_t>(position));
  time_index_.append(max_timestamp_->timestamp, max_timestamp_->offset);
  return {};
}

void Segment::note_batch(const record::BatchView& batch, uint64_t position) {
  if (position == 0) first_timestamp_ = batch.max_timestamp();
  if (batch.max_timestamp() > max_timestamp_->timestamp)
    max_timestamp_ = TimestampOffset{batch.max_timestamp(), batch.last_offset()};
}

Result<void> Segment::seal() {
  SEMEL_TRY(const TimestampOffset newest, max_timestamp());
  SEMEL_CHECK(time_index_.make_room());
  time_index_.append(newest.timestamp, newest.offset);
  SEMEL_CHECK(index_.trim());
  SEMEL_CHECK(time_index_.trim());
  SEMEL_CHECK(transactions_.write_out());
  if (!config_.preallocate) return {};
  SEMEL_TRY(auto file, log_.get());
  return file->truncate(size());
}

Result<TimestampOffset> Segment::max_timestamp() {
  if (!max_timestamp_) {
    SEMEL_TRY(max_timestamp_, time_index_.last_entry());
  }
  return *max_timestamp_;
}

Result<int64_t> Segment::age_timestamp() {
  SEMEL_TRY(const TimestampOffset newest, max_timestamp());
  return newest.timestamp >= 0 ? newest.timestamp : modified_ms_;
}

std::optional<uint64_t> Segment::locate(Offset target) const {
  const PairWindow* window = boundaries_.load(std::memory_order_acquire);
  if (window == nullptr || target < base_) return std::nullopt;
  const auto found = window->floor(static_cast<uint64_t>(target - base_));
  if (!found) return std::nullopt;
  return found->position;
}

Result<std::optional<BatchPlace>> Segment::find(Offset target) {
  const uint64_t end = size();
  if (end == 0) return std::nullopt;
  SEMEL_TRY(const uint32_t from, index_.floor(target));
  SEMEL_TRY(auto file, log_.get());
  BatchWalker walker(*file, from, end);
  bool hides_offsets = false;
  while (true) {
    SEMEL_TRY(const auto place, walker.next());
    if (place && place->last_offset < target) {
      const int64_t offsets = place->last_offset - place->base_offset + 1;
      hides_offsets =
          place->magic == record::kMagicV2 && walker.header_view().records_count() > offsets;
      continue;
    }
    if (hides_offsets && (!place || place->base_offset > target)) {
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("the batch before offset {} has more records than offsets",
                              place ? place->base_offset.value : target.value));
    }
    return place;
  }
}

Result<Offset> Segment::read_next_offset() {
  const uint64_t end = size();
  if (end == 0) return base_;
  SEMEL_TRY(const uint32_t from, index_.floor(Offset{INT64_MAX}));
  SEMEL_TRY(auto file, log_.get());
  BatchWalker walker(*file, from, end);
  Offset next = base_;
  while (true) {
    SEMEL_TRY(const auto place, walker.next());
    if (!place) return next;
    next = place->last_offset + 1;
  }
}

Result<uint64_t> Segment::truncate_to(Offset offset) {
  SEMEL_TRY(const auto place, find(offset));
  SEMEL_CHECK(index_.truncate_to(offset));
  SEMEL_CHECK(time_index_.truncate_to(offset));
  SEMEL_CHECK(transactions_.truncate_to(offset));
  if (!place) return size();
  SEMEL_TRY(auto file, log_.get());
  SEMEL_CHECK(file->truncate(place->position));
  size_.store(place->position, std::memory_order_release);
  max_timestamp_.reset();
  first_timestamp_.reset();
  return place->position;
}

Result<void> Segment::check_indexes() {
  SEMEL_CHECK(index_.check());
  SEMEL_CHECK(time_index_.check());
  return transactions_.check(base_);
}

Result<void> Segment::retire() {
  for (LazyFile* file : {&log_, &index_.file(), &time_index_.file(), &transactions_.file()}) {
    const std::string path = file->path();
    if (path.ends_with(kDeletedSuffix)) continue;
    SEMEL_CHECK(file->rename_to(fmt::format("{}{}", path, kDeletedSuffix)));
  }
  return {};
}

Result<void> Segment::remove_retired() {
  for (LazyFile* file : {&log_, &index_.file(), &time_index_.file(), &transactions_.file()}) {
    SEMEL_CHECK(remove_if_there(disk_, file->path()));
  }
  return {};
}

void Segment::update_config(const LogConfig& config) {
  config_ = config;
  index_.set_max_bytes(config.segment_index_bytes);
  time_index_.set_max_bytes(config.segment_index_bytes);
}

}  // namespace semel::log
