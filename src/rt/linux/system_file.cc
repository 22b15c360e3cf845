#include "rt/linux/system_file.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "rt/linux/errors.h"

namespace semel::rt::linux_os {
namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kPartsAtOnce = 64;

// cachestat(2), Linux 6.5. The same number on every architecture; the C library does not know it
// yet.
constexpr long kCachestat = 451;
struct CachestatRange {
  uint64_t at;
  uint64_t size;
};
struct Cachestat {
  uint64_t cached, dirty, writeback, evicted, recently_evicted;  // pages
};

}  // namespace

Result<size_t> SystemFile::pread(uint64_t at, bytes::MutableByteSpan into) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(handle_.get(), into.data() + done, into.size() - done,
                                  static_cast<off_t>(at + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_failure(errno, "read", path_);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

// A short write is continued until the system says why: so ENOSPC comes out as ENOSPC.
Result<void> SystemFile::pwritev(uint64_t at, std::span<const bytes::ByteSpan> parts) {
  size_t skip = 0;  // bytes of parts.front() that are written
  while (!parts.empty()) {
    std::array<iovec, kPartsAtOnce> vectors;
    const size_t taken = std::min(parts.size(), vectors.size());
    for (size_t i = 0; i < taken; ++i) {
      const bytes::ByteSpan part = i == 0 ? parts[0].subspan(skip) : parts[i];
      vectors[i] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    const ssize_t count = taken == 1 ? ::pwrite(handle_.get(), vectors[0].iov_base,
                                                vectors[0].iov_len, static_cast<off_t>(at))
                                     : ::pwritev(handle_.get(), vectors.data(),
                                                 static_cast<int>(taken), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_failure(errno, "write", path_);
    at += static_cast<uint64_t>(count);
    skip += static_cast<size_t>(count);
    while (!parts.empty() && skip >= parts.front().size()) {
      skip -= parts.front().size();
      parts = parts.subspan(1);
    }
    if (count == 0 && skip < (parts.empty() ? 0 : parts.front().size())) {
      return disk_failure(EIO, "write", path_);
    }
  }
  return {};
}

Result<uint64_t> SystemFile::size() {
  struct stat info{};
  if (::fstat(handle_.get(), &info) != 0) return disk_failure(errno, "stat", path_);
  return static_cast<uint64_t>(info.st_size);
}

Result<void> SystemFile::truncate(uint64_t size) {
  while (::ftruncate(handle_.get(), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return disk_failure(errno, "truncate", path_);
  }
  return {};
}

// Whatever the system reports, dirty pages may be lost and marked clean: the cause is always kIo.
Result<void> SystemFile::sync() {
  while (::fdatasync(handle_.get()) != 0) {
    if (errno == EINTR) continue;
    auto error = disk_failure(errno, "sync", path_);
    error.error().cause = Cause::kIo;
    return error;
  }
  return {};
}

size_t SystemFile::read_cached(uint64_t at, bytes::MutableByteSpan into) {
  const iovec vector{into.data(), into.size()};
  const ssize_t count = ::preadv2(handle_.get(), &vector, 1, static_cast<off_t>(at), RWF_NOWAIT);
  return count > 0 ? static_cast<size_t>(count) : 0;
}

// One byte of the page; a file system that cannot tell is taken as cached.
bool SystemFile::reads_without_waiting(uint64_t at) {
  std::byte byte{};
  const iovec vector{&byte, 1};
  const ssize_t count = ::preadv2(handle_.get(), &vector, 1, static_cast<off_t>(at), RWF_NOWAIT);
  return count >= 0 || errno != EAGAIN;
}

// The ends are asked by reading; the pages between are counted, where the system can do that.
bool SystemFile::is_cached(uint64_t at, size_t size) {
  if (size == 0) return true;
  const uint64_t last = at + size - 1;
  if (!reads_without_waiting(at)) return false;
  if (last / kPage == at / kPage) return true;
  if (!reads_without_waiting(last)) return false;
  if (last / kPage == at / kPage + 1) return true;
  const CachestatRange range{at, size};
  Cachestat found{};
  if (::syscall(kCachestat, handle_.get(), &range, &found, 0) != 0) return true;
  const auto end = this->size();
  if (!end || *end <= at) return true;
  return found.cached >= (std::min(last, *end - 1) / kPage) - at / kPage + 1;
}

}  // namespace semel::rt::linux_os
