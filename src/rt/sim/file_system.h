// SimFileSystem: one file system of a simulated machine. It outlives the processes that use it;
// what was not synced when the power fails is lost, kept or torn at random.
//
// Directories: a creation, renaming or removal is durable after sync_directory of its folder (or
// sync_all). Un-synced ones survive a power cut as a prefix of their order (a journaling file
// system) or as any subset (the worst that POSIX allows); the cut decides which.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "rt/disk.h"
#include "rt/sim/file_content.h"
#include "rt/sim/random.h"
#include "rt/sim/trace.h"

namespace semel::rt::sim {

struct DiskOptions {
  uint64_t capacity = 1ull << 40;  // bytes
  Duration sync_min = std::chrono::microseconds{100};
  Duration sync_max = std::chrono::milliseconds{3};
  Duration access_max = std::chrono::microseconds{60};  // everything that is not a sync
  uint32_t slow_ppm = 0;                                // calls that take slow_factor times as long
  uint32_t slow_factor = 200;
  uint32_t read_error_ppm = 0;       // pread fails with EIO
  uint32_t write_error_ppm = 0;      // pwritev, truncate, rename, … fail with EIO
  uint32_t sync_error_ppm = 0;       // a sync fails and the pages are lost
  uint32_t write_back_ppm = 50'000;  // writes before which the system writes a dirty page back
  uint32_t uncached_ppm = 300'000;   // is_cached says no
};

enum class DiskOp : uint8_t { kRead, kWrite, kSync, kChange, kLook };

struct Inode {
  bool is_directory = false;
  bool is_linked = true;
  int64_t modified_ms = 0;
  FileContent content;
  using Entries = std::map<std::string, std::shared_ptr<Inode>, std::less<>>;
  Entries entries;          // what the running system sees
  Entries durable_entries;  // what a power cut leaves for certain
};
using InodePtr = std::shared_ptr<Inode>;
using Path = std::vector<std::string>;

/// "/a//b/./c" → {a, b, c}. Folders above the root do not exist: ".." is dropped with what precedes
/// it.
Path parse_path(std::string_view text);

class SimFileSystem {
 public:
  SimFileSystem(uint64_t id, uint64_t seed, Trace& trace, DiskOptions options);

  uint64_t id() const { return id_; }
  DiskOptions& options() { return options_; }
  uint64_t free_bytes() const;
  SimRandom& random() { return random_; }

  /// Null if nothing is there.
  InodePtr find(const Path& path) const;
  Result<InodePtr> open(const Path& path, OpenMode mode, int64_t now_ms);
  Result<void> make_directories(const Path& path, int64_t now_ms);
  Result<void> rename(const Path& from, const Path& to);
  Result<void> remove(const Path& path, bool with_content);

  /// kNoSpace writes a part of the bytes and fails.
  Result<void> write(Inode& inode, uint64_t at, bytes::ByteSpan bytes);
  Result<void> truncate(Inode& inode, uint64_t size);
  void sync_directory(const InodePtr& directory);
  void sync_all();

  /// The next call of this kind whose path contains `part` fails with `cause`; `skip` matching
  /// calls pass before. Faults that were set earlier are tried first.
  void fail_next(DiskOp op, std::string part, Cause cause, uint32_t skip = 0);
  void clear_faults() { faults_.clear(); }
  /// The cause with which this call must fail, or kNone.
  Cause draw_fault(DiskOp op, std::string_view path);

  /// Every path has one lock; `owner` names the process. False if somebody else holds it.
  bool take_lock(const std::string& path, uint64_t owner);
  void drop_lock(const std::string& path) { locks_.erase(path); }
  void drop_locks_of(uint64_t owner);

  /// Power cut.
  void crash();
  /// Flips a random bit of a random non-empty file whose name ends in `suffix`; false if there is
  /// none.
  bool flip_bit(std::string_view suffix);
  /// Everything on the file system, for comparisons in tests: path → bytes, folders end in '/'.
  std::map<std::string, std::vector<std::byte>> contents() const;

 private:
  struct Change {
    InodePtr from_directory;  // where a name is removed; null if none
    std::string from_name;
    InodePtr to_directory;  // where a name is set; null if none
    std::string to_name;
    InodePtr inode;
  };
  struct ScriptedFault {
    DiskOp op;
    std::string part;
    Cause cause;
    uint32_t skip;
  };

  InodePtr parent_of(const Path& path) const;
  void link(const InodePtr& directory, const std::string& name, InodePtr inode);
  static void apply(const Change& change);
  void unlink_tree(Inode& inode);
  void settle(Inode& inode);
  uint64_t used_by(const Inode& inode) const;
  void collect_files(const InodePtr& inode, std::string_view suffix,
                     std::vector<InodePtr>& into) const;

  uint64_t id_;
  SimRandom random_;
  Trace& trace_;
  DiskOptions options_;
  InodePtr root_ = std::make_shared<Inode>();
  std::vector<Change> pending_;  // un-synced, in order
  std::vector<ScriptedFault> faults_;
  std::map<std::string, uint64_t> locks_;
  uint64_t used_ = 0;
};

}  // namespace semel::rt::sim
