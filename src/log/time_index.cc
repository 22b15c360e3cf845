#include "log/time_index.h"

#include <fmt/format.h>

#include "bytes/endian.h"

namespace semel::log {

TimeIndex::TimeIndex(rt::Disk& disk, std::string path, Offset base, int64_t max_bytes)
    : file_(disk, std::move(path)), base_(base) {
  set_max_bytes(max_bytes);
}

void TimeIndex::set_max_bytes(int64_t max_bytes) {
  entries_max_ = static_cast<uint64_t>(max_bytes) / kEntrySize;
}

Result<void> TimeIndex::create() {
  written_ = 0;
  waiting_count_ = 0;
  last_ = TimestampOffset{-1, base_};
  SEMEL_TRY(auto file, file_.create());
  SEMEL_CHECK(file->truncate(entries_max_ * kEntrySize));
  is_preallocated_ = true;
  return {};
}

Result<void> TimeIndex::load(uint64_t file_bytes) {
  if (file_bytes % kEntrySize != 0) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} has {} bytes, not a multiple of 12", file_.path(), file_bytes));
  }
  written_ = file_bytes / kEntrySize;
  waiting_count_ = 0;
  last_.reset();
  return {};
}

Result<void> TimeIndex::check() {
  if (entry_count() == 0) return {};
  SEMEL_TRY(const TimestampOffset first, entry(0));
  SEMEL_TRY(const TimestampOffset last, last_entry());
  if (last.timestamp < first.timestamp || last.offset < base_) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} ends with timestamp {} at offset {}, and begins with {}",
                            file_.path(), last.timestamp, last.offset.value, first.timestamp));
  }
  return {};
}

Result<void> TimeIndex::make_room() {
  if (waiting_ == nullptr) waiting_ = std::make_unique<Waiting>();
  if (!last_) SEMEL_CHECK(last_entry());
  return waiting_count_ < kWaitingMax ? Result<void>{} : write_out();
}

void TimeIndex::append(int64_t timestamp, Offset offset) {
  if (timestamp <= last_->timestamp || offset < last_->offset) return;
  SEMEL_ASSERT(waiting_count_ < kWaitingMax && offset - base_ <= INT32_MAX);
  std::byte* at = waiting_->data() + waiting_count_ * kEntrySize;
  bytes::store_be(at, timestamp);
  bytes::store_be(at + 8, static_cast<int32_t>(offset - base_));
  ++waiting_count_;
  last_ = TimestampOffset{timestamp, offset};
}

Result<void> TimeIndex::write_out() {
  if (waiting_count_ == 0) return {};
  SEMEL_TRY(auto file, file_.get_or_create());
  if (!is_preallocated_) {
    SEMEL_CHECK(file->truncate(entries_max_ * kEntrySize));
    is_preallocated_ = true;
  }
  const bytes::ByteSpan part{waiting_->data(), waiting_count_ * kEntrySize};
  SEMEL_CHECK(file->pwritev(written_ * kEntrySize, std::span(&part, 1)));
  written_ += waiting_count_;
  waiting_count_ = 0;
  return {};
}

Result<void> TimeIndex::trim() {
  SEMEL_CHECK(write_out());
  if (!is_preallocated_) return {};
  SEMEL_TRY(auto file, file_.get());
  SEMEL_CHECK(file->truncate(written_ * kEntrySize));
  is_preallocated_ = false;
  return {};
}

Result<void> TimeIndex::truncate_to(Offset offset) {
  SEMEL_CHECK(write_out());
  uint64_t low = 0;
  uint64_t high = written_;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    SEMEL_TRY(const TimestampOffset found, entry(middle));
    if (found.offset < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  written_ = low;
  last_.reset();
  SEMEL_TRY(auto file, file_.get_or_create());
  SEMEL_CHECK(file->truncate(low * kEntrySize));
  is_preallocated_ = false;
  return {};
}

Result<TimestampOffset> TimeIndex::entry(uint64_t index) {
  SEMEL_CHECK(write_out());
  SEMEL_TRY(auto file, file_.get());
  std::array<std::byte, kEntrySize> bytes;
  SEMEL_TRY(const size_t count, file->pread(index * kEntrySize, bytes));
  if (count != bytes.size())
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} ends before entry {}", file_.path(), index));
  return TimestampOffset{bytes::load_be<int64_t>(bytes.data()),
                         base_ + bytes::load_be<int32_t>(bytes.data() + 8)};
}

Result<TimestampOffset> TimeIndex::last_entry() {
  if (!last_) {
    if (written_ == 0) {
      last_ = TimestampOffset{-1, base_};
    } else {
      SEMEL_TRY(last_, entry(written_ - 1));
    }
  }
  return *last_;
}

Result<TimestampOffset> TimeIndex::floor(int64_t timestamp) {
  SEMEL_CHECK(write_out());
  uint64_t low = 0;
  uint64_t high = written_;
  TimestampOffset best{-1, base_};
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    SEMEL_TRY(const TimestampOffset found, entry(middle));
    if (found.timestamp <= timestamp) {
      best = found;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return best;
}

}  // namespace semel::log
