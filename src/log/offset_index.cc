#include "log/offset_index.h"

#include <fmt/format.h>

#include "bytes/endian.h"

namespace semel::log {
namespace {

constexpr uint64_t kEntriesPerRead = 256;

OffsetPosition parse(const std::byte* entry) {
  return {bytes::load_be<uint32_t>(entry), bytes::load_be<uint32_t>(entry + 4)};
}

}  // namespace

OffsetIndex::OffsetIndex(rt::Disk& disk, std::string path, Offset base, int64_t max_bytes)
    : file_(disk, std::move(path)), base_(base) {
  set_max_bytes(max_bytes);
}

OffsetIndex::~OffsetIndex() { delete tail_.load(); }

void OffsetIndex::set_max_bytes(int64_t max_bytes) {
  entries_max_ = static_cast<uint64_t>(max_bytes) / kEntrySize;
}

OffsetIndex::Tail& OffsetIndex::tail() {
  Tail* tail = tail_.load(std::memory_order_relaxed);
  if (tail == nullptr) {
    tail = new Tail;
    tail_.store(tail, std::memory_order_release);
  }
  return *tail;
}

Result<void> OffsetIndex::create() {
  written_.store(0, std::memory_order_release);
  waiting_count_ = 0;
  SEMEL_TRY(auto file, file_.create());
  SEMEL_CHECK(file->truncate(entries_max_ * kEntrySize));
  is_preallocated_ = true;
  return {};
}

Result<void> OffsetIndex::load(uint64_t file_bytes) {
  if (file_bytes % kEntrySize != 0) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} has {} bytes, not a multiple of 8", file_.path(), file_bytes));
  }
  written_.store(file_bytes / kEntrySize, std::memory_order_release);
  return {};
}

Result<void> OffsetIndex::check() {
  const uint64_t count = entry_count();
  if (count == 0) return {};
  SEMEL_TRY(const OffsetPosition last, read_entry(count - 1));
  if (last.relative > INT32_MAX || last.relative == 0) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} ends with relative offset {}", file_.path(), last.relative));
  }
  return {};
}

Result<void> OffsetIndex::make_room() {
  tail();
  return waiting_count_ < kWaitingMax ? Result<void>{} : write_out();
}

void OffsetIndex::append(Offset last_offset, uint32_t position) {
  SEMEL_ASSERT(waiting_count_ < kWaitingMax);
  const int64_t relative = last_offset - base_;
  SEMEL_ASSERT(relative >= 0 && relative <= INT32_MAX,
               "an index entry is out of its segment's range");
  Tail& tail = *tail_.load(std::memory_order_relaxed);
  std::byte* at = tail.waiting.data() + waiting_count_ * kEntrySize;
  bytes::store_be(at, static_cast<uint32_t>(relative));
  bytes::store_be(at + 4, position);
  ++waiting_count_;
  tail.newest.push({static_cast<uint32_t>(relative), position});
}

Result<void> OffsetIndex::write_out() {
  if (waiting_count_ == 0) return {};
  SEMEL_TRY(auto file, file_.get_or_create());
  if (!is_preallocated_) {
    SEMEL_CHECK(file->truncate(entries_max_ * kEntrySize));
    is_preallocated_ = true;
  }
  const uint64_t written = written_.load(std::memory_order_relaxed);
  const bytes::ByteSpan part{tail_.load(std::memory_order_relaxed)->waiting.data(),
                             waiting_count_ * kEntrySize};
  SEMEL_CHECK(file->pwritev(written * kEntrySize, std::span(&part, 1)));
  written_.store(written + waiting_count_, std::memory_order_release);
  waiting_count_ = 0;
  return {};
}

Result<void> OffsetIndex::trim() {
  SEMEL_CHECK(write_out());
  if (!is_preallocated_) return {};
  SEMEL_TRY(auto file, file_.get());
  SEMEL_CHECK(file->truncate(entry_count() * kEntrySize));
  is_preallocated_ = false;
  return {};
}

Result<void> OffsetIndex::truncate_to(Offset offset) {
  SEMEL_CHECK(write_out());
  uint64_t count = entry_count();
  uint64_t low = 0;
  while (low < count) {
    const uint64_t middle = low + (count - low) / 2;
    SEMEL_TRY(const OffsetPosition entry, read_entry(middle));
    if (base_ + entry.relative < offset) {
      low = middle + 1;
    } else {
      count = middle;
    }
  }
  written_.store(low, std::memory_order_release);
  SEMEL_TRY(auto file, file_.get_or_create());
  SEMEL_CHECK(file->truncate(low * kEntrySize));
  is_preallocated_ = false;
  return {};
}

Result<OffsetPosition> OffsetIndex::read_entry(uint64_t index) {
  SEMEL_TRY(auto file, file_.get());
  std::array<std::byte, kEntrySize> bytes;
  SEMEL_TRY(const size_t count, file->pread(index * kEntrySize, bytes));
  if (count != bytes.size())
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} ends before entry {}", file_.path(), index));
  return parse(bytes.data());
}

Result<std::pair<Offset, uint32_t>> OffsetIndex::entry(uint64_t index) {
  SEMEL_CHECK(write_out());
  SEMEL_TRY(const OffsetPosition found, read_entry(index));
  return std::pair{base_ + found.relative, found.position};
}

Result<uint32_t> OffsetIndex::floor(Offset target) {
  if (target < base_) return 0u;
  const auto relative = static_cast<uint64_t>(target - base_);
  if (const Tail* tail = tail_.load(std::memory_order_acquire); tail != nullptr) {
    if (const auto found = tail->newest.floor(relative)) return found->position;
  }
  SEMEL_TRY(const auto found, floor_in_file(relative));
  return found ? found->position : 0u;
}

Result<std::optional<OffsetPosition>> OffsetIndex::floor_in_file(uint64_t relative) {
  uint64_t low = 0;
  uint64_t high = written_.load(std::memory_order_acquire);
  if (high == 0) return std::nullopt;
  while (high - low > kEntriesPerRead) {
    const uint64_t middle = low + (high - low) / 2;
    SEMEL_TRY(const OffsetPosition entry, read_entry(middle));
    if (entry.relative <= relative) {
      low = middle;
    } else {
      high = middle;
    }
  }
  std::array<std::byte, kEntriesPerRead * kEntrySize> page;
  SEMEL_TRY(auto file, file_.get());
  SEMEL_TRY(const size_t size,
            file->pread(low * kEntrySize, std::span(page).first((high - low) * kEntrySize)));
  std::optional<OffsetPosition> best;
  for (size_t at = 0; at + kEntrySize <= size; at += kEntrySize) {
    const OffsetPosition entry = parse(page.data() + at);
    if (entry.relative > relative) break;
    best = entry;
  }
  return best;
}

}  // namespace semel::log
