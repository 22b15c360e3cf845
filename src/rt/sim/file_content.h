// FileContent: the bytes of one simulated file, twice: as the running system sees them (page cache)
// and as the platter holds them. A power cut leaves a mixture of both.
//
//   now      |AAAA|BBBB|CCCC|DD|      dirty pages: 1, 3
//   durable  |AAAA|bbbb|CCCC|         after a cut each dirty page is old, new, or torn at 512
//   bytes;
//                                     the size lies between the two sizes
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "bytes/buffer.h"
#include "rt/sim/random.h"

namespace semel::rt::sim {

class FileContent {
 public:
  static constexpr uint64_t kPage = 4096;
  static constexpr uint64_t kSector = 512;

  uint64_t size() const { return now_.size(); }
  uint64_t durable_size() const { return durable_.size(); }
  bool is_dirty() const { return !dirty_.empty() || now_.size() != durable_.size(); }
  bytes::ByteSpan bytes() const { return now_; }

  /// Bytes read; fewer than asked only at the end.
  size_t read(uint64_t at, bytes::MutableByteSpan into) const;
  /// A gap between the old end and `at` reads as zeros.
  void write(uint64_t at, bytes::ByteSpan bytes);
  void truncate(uint64_t size);

  /// fdatasync that worked.
  void sync();
  /// fdatasync that failed: as on Linux, the pages count as clean although they never got out, and
  /// a later sync does not write them either.
  void fail_sync() { dirty_.clear(); }
  /// The system writes one dirty page on its own account.
  void write_back(SimRandom& random);
  /// A power cut. True if something was lost or torn.
  bool crash(SimRandom& random);
  /// Bit rot: flips one bit, in memory and on the platter. Nothing happens to an empty file.
  void flip_bit(uint64_t at, uint32_t bit);

 private:
  void mark_dirty(uint64_t from, uint64_t to);
  void copy_page_out(uint64_t page);
  uint64_t size_after_crash(SimRandom& random) const;
  /// Copies parts of `page` from now_ into `image`.
  void leave_page(SimRandom& random, uint64_t page, std::vector<std::byte>& image) const;

  std::vector<std::byte> now_;
  std::vector<std::byte> durable_;
  std::set<uint64_t> dirty_;
};

}  // namespace semel::rt::sim
