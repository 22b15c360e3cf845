// TimeIndex: Kafka's `.timeindex` of one segment, 12 bytes per entry (greatest timestamp so far,
// relative offset of the last record of the batch that carried it).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "log/lazy_file.h"

namespace semel::log {

struct TimestampOffset {
  int64_t timestamp = -1;  // Unix milliseconds, −1 = none
  Offset offset;
  bool operator==(const TimestampOffset&) const = default;
};

/// One thread at a time.
class TimeIndex {
 public:
  static constexpr uint64_t kEntrySize = 12;

  TimeIndex(rt::Disk& disk, std::string path, Offset base, int64_t max_bytes);

  /// As OffsetIndex.
  Result<void> create();
  Result<void> load(uint64_t file_bytes);
  Result<void> check();
  Result<void> reset() { return create(); }
  Result<void> make_room();
  /// Added if `timestamp` is greater than that of the last entry. make_room() has succeeded since
  /// the last call.
  void append(int64_t timestamp, Offset offset);
  Result<void> write_out();
  Result<void> trim();
  /// Drops entries with an offset ≥ `offset`.
  Result<void> truncate_to(Offset offset);

  /// The last slot is kept for the entry made when the segment is rolled.
  bool is_full() const { return !has_room(1); }
  bool has_room(size_t entries) const { return entry_count() + entries < entries_max_; }
  uint64_t entry_count() const { return written_ + waiting_count_; }
  /// (−1, base) if there is none.
  Result<TimestampOffset> last_entry();
  Result<TimestampOffset> entry(uint64_t index);
  /// The entry with the greatest timestamp ≤ `timestamp`; (−1, base) if there is none.
  Result<TimestampOffset> floor(int64_t timestamp);
  void set_max_bytes(int64_t max_bytes);
  LazyFile& file() { return file_; }

 private:
  static constexpr size_t kWaitingMax = 64;
  using Waiting = std::array<std::byte, kWaitingMax * kEntrySize>;

  LazyFile file_;
  const Offset base_;
  uint64_t entries_max_;
  bool is_preallocated_ = false;
  uint64_t written_ = 0;
  size_t waiting_count_ = 0;
  std::unique_ptr<Waiting> waiting_;
  std::optional<TimestampOffset> last_;
};

}  // namespace semel::log
