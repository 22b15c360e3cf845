#include "log/transaction_index.h"

#include <algorithm>

#include <fmt/format.h>

#include "bytes/reader.h"
#include "bytes/writer.h"

namespace semel::log {
namespace {

constexpr int16_t kVersion = 0;
constexpr uint64_t kEntriesPerRead = 512;

void put(bytes::Writer& writer, const AbortedTxn& txn) {
  writer.put_i16(kVersion);
  writer.put_i64(txn.producer_id.value);
  writer.put_i64(txn.first_offset.value);
  writer.put_i64(txn.last_offset.value);
  writer.put_i64(txn.last_stable_offset.value);
}

}  // namespace

void TransactionIndex::load(uint64_t file_bytes) {
  written_.store(file_bytes / kEntrySize, std::memory_order_release);
  count_.store(file_bytes / kEntrySize, std::memory_order_release);
}

Result<void> TransactionIndex::check(Offset base) {
  if (is_empty()) return {};
  SEMEL_TRY(const auto entries, all());
  Offset before = base - 1;
  for (const AbortedTxn& entry : entries) {
    if (entry.last_offset <= before) {
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("{}: marker offset {} behind {}", file_.path(),
                              entry.last_offset.value, before.value));
    }
    before = entry.last_offset;
  }
  return {};
}

Result<void> TransactionIndex::append(const AbortedTxn& txn) {
  waiting_.with([&](auto& waiting) { waiting.push_back(txn); });
  count_.fetch_add(1, std::memory_order_acq_rel);
  return write_out();
}

Result<void> TransactionIndex::write_out() {
  auto waiting = waiting_.lock();
  if (waiting->empty()) return {};
  SEMEL_TRY(auto file, file_.get_or_create());
  bytes::Writer writer;
  for (const AbortedTxn& txn : *waiting) put(writer, txn);
  const bytes::ByteSpan part = writer.written();
  const uint64_t written = written_.load(std::memory_order_relaxed);
  SEMEL_CHECK(file->pwritev(written * kEntrySize, std::span(&part, 1)));
  written_.store(written + waiting->size(), std::memory_order_release);
  waiting->clear();
  return {};
}

Result<void> TransactionIndex::truncate_to(Offset offset) {
  if (is_empty()) return {};
  SEMEL_CHECK(write_out());
  SEMEL_TRY(const uint64_t count, lower_bound(offset));
  SEMEL_TRY(auto file, file_.get());
  SEMEL_CHECK(file->truncate(count * kEntrySize));
  load(count * kEntrySize);
  return {};
}

Result<void> TransactionIndex::reset(rt::Disk& disk) {
  waiting_.with([](auto& waiting) { waiting.clear(); });
  load(0);
  file_.close();
  return remove_if_there(disk, file_.path());
}

Result<std::vector<AbortedTxn>> TransactionIndex::read(uint64_t from, uint64_t count) {
  std::vector<AbortedTxn> entries;
  const uint64_t in_file = written_.load(std::memory_order_acquire);
  const uint64_t to = std::min(from + count, in_file);
  if (from < to) {
    SEMEL_TRY(auto file, file_.get());
    std::vector<std::byte> content((to - from) * kEntrySize);
    SEMEL_TRY(const size_t size, file->pread(from * kEntrySize, content));
    bytes::Reader reader(bytes::ByteSpan(content).first(size));
    while (reader.remaining() >= kEntrySize) {
      if (const int16_t version = reader.read_i16(); version != kVersion) {
        return fail(ErrorCode::kCorruptMessage,
                    fmt::format("{}: unknown version {}", file_.path(), version));
      }
      AbortedTxn& entry = entries.emplace_back();
      entry.producer_id = ProducerId{reader.read_i64()};
      entry.first_offset = Offset{reader.read_i64()};
      entry.last_offset = Offset{reader.read_i64()};
      entry.last_stable_offset = Offset{reader.read_i64()};
    }
  }
  if (from + count > in_file) {
    waiting_.with([&](auto& waiting) {
      const uint64_t skipped =
          from > in_file ? std::min<uint64_t>(from - in_file, waiting.size()) : 0;
      entries.insert(entries.end(), waiting.begin() + static_cast<std::ptrdiff_t>(skipped),
                     waiting.end());
    });
  }
  return entries;
}

Result<std::vector<AbortedTxn>> TransactionIndex::all() {
  return read(0, count_.load(std::memory_order_acquire));
}

Result<uint64_t> TransactionIndex::lower_bound(Offset offset) {
  uint64_t low = 0;
  uint64_t high = written_.load(std::memory_order_acquire);
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    SEMEL_TRY(const auto entry, read(middle, 1));
    if (!entry.empty() && entry.front().last_offset < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<bool> TransactionIndex::collect(Offset from, Offset upper, std::vector<AbortedTxn>& into) {
  const uint64_t count = count_.load(std::memory_order_acquire);
  if (count == 0) return false;
  SEMEL_TRY(uint64_t at, lower_bound(from));
  while (at < count) {
    SEMEL_TRY(const auto entries, read(at, std::min(kEntriesPerRead, count - at)));
    if (entries.empty()) break;
    for (const AbortedTxn& entry : entries) {
      if (entry.last_offset >= from && entry.first_offset < upper) into.push_back(entry);
      if (entry.last_stable_offset >= upper) return true;
    }
    at += entries.size();
  }
  return false;
}

}  // namespace semel::log
