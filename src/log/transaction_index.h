// TransactionIndex: Kafka's `.txnindex` of one segment: aborted transactions whose marker lies in
// it, 34 bytes each, in the order of their markers. Most segments have none, and then no file.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/lazy_file.h"
#include "rt/guarded.h"

namespace semel::log {

struct AbortedTxn {
  ProducerId producer_id = kNoProducerId;
  Offset first_offset;        // of the transaction, maybe in an earlier segment
  Offset last_offset;         // of the abort marker
  Offset last_stable_offset;  // when it was aborted

  bool operator==(const AbortedTxn&) const = default;
};

/// Readers on any thread, one writer at a time. An entry that cannot be written for want of space
/// waits in memory, where readers find it, and is written later; a crash before that is mended by
/// recovery.
class TransactionIndex {
 public:
  static constexpr uint64_t kEntrySize = 34;

  TransactionIndex(rt::Disk& disk, std::string path) : file_(disk, std::move(path)) {}

  /// The file is there and has `file_bytes` bytes; a partial entry at its end is ignored.
  void load(uint64_t file_bytes);
  /// Reads all entries; kCorruptMessage on an unknown version, or a marker below `base` or out of
  /// order.
  Result<void> check(Offset base);
  Result<void> append(const AbortedTxn& txn);
  Result<void> write_out();
  /// Drops entries whose marker is at or behind `offset`.
  Result<void> truncate_to(Offset offset);
  /// Drops all and removes the file.
  Result<void> reset(rt::Disk& disk);

  uint64_t entry_count() const { return count_.load(std::memory_order_acquire); }
  bool is_empty() const { return entry_count() == 0; }
  /// Adds the transactions with records in [from, upper) to `into`. True if an entry shows that no
  /// later segment can add any.
  Result<bool> collect(Offset from, Offset upper, std::vector<AbortedTxn>& into);
  Result<std::vector<AbortedTxn>> all();
  LazyFile& file() { return file_; }

 private:
  Result<std::vector<AbortedTxn>> read(uint64_t from, uint64_t count);
  /// Index of the first entry with last_offset ≥ `offset`.
  Result<uint64_t> lower_bound(Offset offset);

  LazyFile file_;
  std::atomic<uint64_t> count_{0};  // waiting ones included
  std::atomic<uint64_t> written_{0};
  rt::Guarded<std::vector<AbortedTxn>> waiting_;
};

}  // namespace semel::log
