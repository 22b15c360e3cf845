#include "rt/disk.h"

#include <fmt/format.h>

namespace semel::rt {

Result<uint64_t> Disk::total_bytes(const std::string& path) {
  return fail(ErrorCode::kInvalidRequest, path + ": nobody knows the size of its file system");
}

void Disk::run_calculation(UniqueFunction<void()> work, Executor& back,
                           UniqueFunction<void()> done) {
  run_blocking(std::move(work), back, std::move(done));
}

Result<bytes::Buffer> read_file(Disk& disk, const std::string& path, uint64_t limit) {
  SEMEL_TRY(auto file, disk.open(path, OpenMode::kRead));
  SEMEL_TRY(const uint64_t size, file->size());
  if (size > limit) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("{} has {} bytes, more than the {} that are read", path, size, limit));
  }
  std::vector<std::byte> content(size);
  SEMEL_TRY(const size_t count, file->pread(0, content));
  content.resize(count);
  return bytes::Buffer::take(std::move(content));
}

Result<void> replace_file(Disk& disk, const std::string& path, bytes::ByteSpan content) {
  const std::string temporary = path + ".tmp";
  {
    SEMEL_TRY(auto file, disk.open(temporary, OpenMode::kCreate));
    SEMEL_CHECK(file->truncate(0));
    SEMEL_CHECK(file->pwritev(0, std::span(&content, 1)));
    SEMEL_CHECK(file->sync());
  }
  SEMEL_CHECK(disk.rename(temporary, path));
  return disk.sync_directory(parent_of(path));
}

Result<void> make_durable_directories(Disk& disk, const std::string& path) {
  SEMEL_CHECK(disk.make_directories(path));
  std::string below = path;
  for (std::string folder = parent_of(path); folder != below; folder = parent_of(below)) {
    const auto synced = disk.sync_directory(folder);
    if (!synced && synced.error().cause != Cause::kPermission) return synced;
    below = folder;
  }
  return {};
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace semel::rt
