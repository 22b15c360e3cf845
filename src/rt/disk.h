// Disk and File: every access to files goes through here. Calls block; the ones that may take long
// (sync, cold reads, creation, deletion, scans) belong into run_blocking, appends into the page
// cache may be made on a reactor.
//
// Failures carry Cause (kNoSpace, kIo, kNotFound, …) and ErrorCode::kKafkaStorageError.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bytes/buffer.h"
#include "rt/executor.h"
#include "rt/function.h"

namespace semel::rt {

class File {
 public:
  virtual ~File() = default;
  /// Reads up to `into.size()` bytes at `at`; fewer only at the end of the file.
  virtual Result<size_t> pread(uint64_t at, bytes::MutableByteSpan into) = 0;
  /// Writes all parts one after another at `at`. On failure the bytes from `at` on are undefined;
  /// the caller truncates back.
  virtual Result<void> pwritev(uint64_t at, std::span<const bytes::ByteSpan> parts) = 0;
  virtual Result<uint64_t> size() = 0;
  virtual Result<void> truncate(uint64_t size) = 0;
  /// fdatasync. After a failure the file's directory must be taken offline; never retried.
  virtual Result<void> sync() = 0;
  /// Reads as much as is in memory, without waiting for the disk; 0 also where nobody can tell.
  virtual size_t read_cached(uint64_t at, bytes::MutableByteSpan into) = 0;
  /// True if [at, at + size) is in memory, so that reading it will not block.
  virtual bool is_cached(uint64_t at, size_t size) = 0;
  /// The descriptor for sendfile, or −1 where there is none (simulation).
  virtual int descriptor() const = 0;
};

/// Bytes of a file that leave without passing through memory. Keeps the file open.
struct FileRange {
  std::shared_ptr<File> file;
  uint64_t at = 0;
  uint64_t size = 0;
};

enum class OpenMode : uint8_t {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // created if missing, kept if there
  kCreateNew,  // must not exist
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size = 0;        // bytes, 0 for directories
  int64_t modified_ms = 0;  // Unix milliseconds
};

/// Held until destroyed; a second lock of the same path, by any process, fails with Cause::kLocked.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Entries without "." and "..", sorted by name.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  virtual Result<DirectoryEntry> stat(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  /// With all parents; no error if it is there.
  virtual Result<void> make_directories(const std::string& path) = 0;
  /// Atomic; replaces `to`.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> remove_tree(const std::string& path) = 0;
  /// Makes creations, renames and removals in `path` durable.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Makes everything written to the file system of `path` durable (syncfs); kInvalidRequest where
  /// the system cannot do that with reliable error reports.
  virtual Result<void> sync_filesystem(const std::string& path) = 0;
  /// Equal for paths on one file system.
  virtual Result<uint64_t> filesystem_id(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  /// Of the file system; kInvalidRequest where nobody knows.
  virtual Result<uint64_t> total_bytes(const std::string& path);
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

  /// How often the calling thread has gone to sleep in a call so far (for a disk, a lock, a page).
  /// Compared before and after a call, it tells a slow disk from a thread that had no processor.
  virtual uint64_t thread_waits() = 0;

  /// Runs `work` on the I/O pool, then `done` on `back`. Any thread. Works run in parallel, at most
  /// as many at a time as the pool has threads; no order between them.
  virtual void run_blocking(UniqueFunction<void()> work, Executor& back,
                            UniqueFunction<void()> done) = 0;
  /// The same for work that computes for long and that only its sender waits for: where there are
  /// real threads, on some of their own, whose priority is so low that executors and the I/O pool
  /// keep their processors.
  virtual void run_calculation(UniqueFunction<void()> work, Executor& back,
                               UniqueFunction<void()> done);
};

/// Reads a whole file of at most `limit` bytes (more: kInvalidRequest).
Result<bytes::Buffer> read_file(Disk& disk, const std::string& path, uint64_t limit);
/// Replaces `path` durably: temporary file `path` + ".tmp", sync, rename, directory sync.
Result<void> replace_file(Disk& disk, const std::string& path, bytes::ByteSpan content);
/// make_directories(), and makes them durable: every folder above is synced, except those that this
/// process may not open.
Result<void> make_durable_directories(Disk& disk, const std::string& path);
/// The folder part of `path` ("." if there is none).
std::string parent_of(const std::string& path);

}  // namespace semel::rt
