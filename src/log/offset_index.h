// OffsetIndex: Kafka's `.index` of one segment, 8 bytes per entry (relative offset, position). An
// entry names the last offset of a batch and where that batch begins.
//
// The file is never mapped. New entries wait in memory, at most 64, and are written together;
// readers see them at once. What is lost in a crash is rebuilt by recovery.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "log/lazy_file.h"
#include "log/pair_window.h"

namespace semel::log {

/// floor() may be called from any thread; everything else by one thread at a time.
class OffsetIndex {
 public:
  static constexpr uint64_t kEntrySize = 8;

  /// `max_bytes` is segment.index.bytes.
  OffsetIndex(rt::Disk& disk, std::string path, Offset base, int64_t max_bytes);
  ~OffsetIndex();

  /// A new file, sparse at its full size as Kafka's active segment has it.
  Result<void> create();
  /// Takes the entries of a file of `file_bytes` bytes, which is not read yet. kCorruptMessage if
  /// the size does not fit.
  Result<void> load(uint64_t file_bytes);
  /// Reads the last entry; kCorruptMessage if the file cannot be an index.
  Result<void> check();
  /// Forgets all entries; the file is made anew.
  Result<void> reset() { return create(); }

  /// Room for an entry: writes waiting ones out if there is none. Call before the batch is written.
  Result<void> make_room();
  /// Offsets ascend strictly; make_room() has succeeded since the last call.
  void append(Offset last_offset, uint32_t position);
  Result<void> write_out();
  /// Writes out and cuts the file behind the last entry.
  Result<void> trim();
  /// Drops entries with an offset ≥ `offset`.
  Result<void> truncate_to(Offset offset);

  bool is_full() const { return !has_room(1); }
  bool has_room(size_t entries) const { return entry_count() + entries <= entries_max_; }
  uint64_t entry_count() const { return written_.load(std::memory_order_acquire) + waiting_count_; }
  /// Position of the entry with the greatest offset ≤ `target`; 0 if there is none.
  Result<uint32_t> floor(Offset target);
  /// Entry `index`, written out or not; the offset is absolute.
  Result<std::pair<Offset, uint32_t>> entry(uint64_t index);
  void set_max_bytes(int64_t max_bytes);
  LazyFile& file() { return file_; }

 private:
  static constexpr size_t kWaitingMax = PairWindow::kSize;
  struct Tail {
    PairWindow newest;
    std::array<std::byte, kWaitingMax * kEntrySize> waiting;
  };
  Tail& tail();
  Result<OffsetPosition> read_entry(uint64_t index);
  /// Entries of the file with an offset ≤ `relative`, by halving, then by one read.
  Result<std::optional<OffsetPosition>> floor_in_file(uint64_t relative);

  LazyFile file_;
  const Offset base_;
  uint64_t entries_max_;
  bool is_preallocated_ = false;
  std::atomic<uint64_t> written_{0};
  size_t waiting_count_ = 0;
  std::atomic<Tail*> tail_{nullptr};
};

}  // namespace semel::log
