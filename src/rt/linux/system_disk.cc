#include "rt/linux/system_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "rt/linux/errors.h"
#include "rt/linux/system_file.h"

namespace semel::rt::linux_os {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;
constexpr long kXfsMagic = 0x58465342;

Result<FileHandle> open_handle(const std::string& path, int flags) {
  while (true) {
    FileHandle handle(::open(path.c_str(), flags | O_CLOEXEC, kFileMode));
    if (handle) return handle;
    if (errno != EINTR) return disk_failure(errno, "open", path);
  }
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

DirectoryEntry make_entry(std::string name, const struct stat& info) {
  DirectoryEntry entry;
  entry.name = std::move(name);
  entry.is_directory = S_ISDIR(info.st_mode);
  entry.size = entry.is_directory ? 0 : static_cast<uint64_t>(info.st_size);
  entry.modified_ms = info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000;
  return entry;
}

// A lock of the open file description: it conflicts with those of other processes (Java's too) and
// with other handles of this one.
class SystemLock final : public FileLock {
 public:
  explicit SystemLock(FileHandle handle) : handle_(std::move(handle)) {}

 private:
  FileHandle handle_;
};

// Since 5.8 syncfs reports every write error once; since 5.17 also those of ext4's and xfs's
// journals.
bool has_reliable_syncfs(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return false;
  if (info.f_type != EXT4_SUPER_MAGIC && info.f_type != kXfsMagic) return false;
  utsname system{};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2)
    return false;
  return major > 5 || (major == 5 && minor >= 17);
}

}  // namespace

Result<std::shared_ptr<File>> SystemDisk::open(const std::string& path, OpenMode mode) {
  SEMEL_TRY(auto handle, open_handle(path, flags_of(mode)));
  return std::make_shared<SystemFile>(std::move(handle), path);
}

// What disappears while it is being listed is left out.
Result<std::vector<DirectoryEntry>> SystemDisk::list(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return disk_failure(errno, "list", path);
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* found = ::readdir(directory)) {
    const std::string_view name = found->d_name;
    struct stat info{};
    if (name != "." && name != ".." &&
        ::fstatat(::dirfd(directory), found->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
      entries.push_back(make_entry(std::string(name), info));
    }
    errno = 0;
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return disk_failure(error, "list", path);
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<DirectoryEntry> SystemDisk::stat(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return disk_failure(errno, "stat", path);
  return make_entry(path.substr(path.find_last_of('/') + 1), info);
}

bool SystemDisk::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<void> SystemDisk::make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) == 0) return {};
  const int error = errno;
  struct stat info{};
  if (error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  const std::string parent = parent_of(path);
  if (error != ENOENT || parent == path) return disk_failure(error, "mkdir", path);
  SEMEL_CHECK(make_directories(parent));
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return disk_failure(errno, "mkdir", path);
  }
  return {};
}

Result<void> SystemDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return disk_failure(errno, "rename", from + " to " + to);
  return {};
}

Result<void> SystemDisk::remove(const std::string& path) {
  if (std::remove(path.c_str()) != 0) return disk_failure(errno, "remove", path);
  return {};
}

Result<void> SystemDisk::remove_tree(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return disk_failure(errno, "remove", path);
  if (S_ISDIR(info.st_mode)) {
    SEMEL_TRY(const auto entries, list(path));
    for (const DirectoryEntry& entry : entries) SEMEL_CHECK(remove_tree(path + "/" + entry.name));
  }
  return remove(path);
}

Result<void> SystemDisk::sync_directory(const std::string& path) {
  SEMEL_TRY(auto handle, open_handle(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(handle.get()) != 0) {
    auto error = disk_failure(errno, "sync", path);
    error.error().cause = Cause::kIo;
    return error;
  }
  return {};
}

Result<void> SystemDisk::sync_filesystem(const std::string& path) {
  SEMEL_TRY(auto handle, open_handle(path, O_RDONLY));
  if (!has_reliable_syncfs(handle.get())) {
    return fail(ErrorCode::kInvalidRequest, "syncfs does not report errors reliably here: " + path);
  }
  if (::syncfs(handle.get()) != 0) {
    auto error = disk_failure(errno, "syncfs", path);
    error.error().cause = Cause::kIo;
    return error;
  }
  return {};
}

Result<uint64_t> SystemDisk::filesystem_id(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return disk_failure(errno, "stat", path);
  return uint64_t{info.st_dev};
}

Result<uint64_t> SystemDisk::free_bytes(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return disk_failure(errno, "statvfs", path);
  return uint64_t{info.f_bavail} * info.f_frsize;
}

Result<uint64_t> SystemDisk::total_bytes(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return disk_failure(errno, "statvfs", path);
  return uint64_t{info.f_blocks} * info.f_frsize;
}

Result<std::unique_ptr<FileLock>> SystemDisk::lock(const std::string& path) {
  SEMEL_TRY(auto handle, open_handle(path, O_RDWR | O_CREAT));
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(handle.get(), F_OFD_SETLK, &whole) != 0) {
    const int error = errno;
    if (error == EAGAIN || error == EACCES) {
      return fail(ErrorCode::kKafkaStorageError, "another process holds the lock " + path,
                  Cause::kLocked);
    }
    return disk_failure(error, "lock", path);
  }
  return std::make_unique<SystemLock>(std::move(handle));
}

uint64_t SystemDisk::thread_waits() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

}  // namespace semel::rt::linux_os
