// MemoryDisk: files that are nothing but memory, for counting instructions without the system's
// part.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rt/disk.h"

namespace semel::bench {

class MemoryFile final : public rt::File {
 public:
  Result<size_t> pread(uint64_t at, bytes::MutableByteSpan into) override {
    if (at >= content_.size()) return size_t{0};
    const size_t count = std::min<size_t>(into.size(), content_.size() - at);
    std::memcpy(into.data(), content_.data() + at, count);
    return count;
  }
  Result<void> pwritev(uint64_t at, std::span<const bytes::ByteSpan> parts) override {
    for (const bytes::ByteSpan part : parts) {
      content_.resize(std::max<size_t>(content_.size(), at + part.size()));
      std::memcpy(content_.data() + at, part.data(), part.size());
      at += part.size();
    }
    return {};
  }
  Result<uint64_t> size() override { return content_.size(); }
  Result<void> truncate(uint64_t size) override {
    content_.resize(size);
    return {};
  }
  Result<void> sync() override { return {}; }
  size_t read_cached(uint64_t at, bytes::MutableByteSpan into) override { return *pread(at, into); }
  bool is_cached(uint64_t, size_t) override { return true; }
  int descriptor() const override { return -1; }

 private:
  std::vector<std::byte> content_;
};

/// Opens files; everything else has nothing to do or does not exist here.
class MemoryDisk final : public rt::Disk {
 public:
  Result<std::shared_ptr<rt::File>> open(const std::string& path, rt::OpenMode) override {
    auto& file = files_[path];
    if (file == nullptr) file = std::make_shared<MemoryFile>();
    return file;
  }
  Result<std::vector<rt::DirectoryEntry>> list(const std::string&) override { return none(); }
  Result<rt::DirectoryEntry> stat(const std::string&) override { return none(); }
  bool exists(const std::string& path) override { return files_.contains(path); }
  Result<void> make_directories(const std::string&) override { return {}; }
  Result<void> rename(const std::string&, const std::string&) override { return none(); }
  Result<void> remove(const std::string&) override { return none(); }
  Result<void> remove_tree(const std::string&) override { return none(); }
  Result<void> sync_directory(const std::string&) override { return {}; }
  Result<void> sync_filesystem(const std::string&) override { return {}; }
  Result<uint64_t> filesystem_id(const std::string&) override { return uint64_t{1}; }
  Result<uint64_t> free_bytes(const std::string&) override { return uint64_t{1} << 40; }
  Result<std::unique_ptr<rt::FileLock>> lock(const std::string&) override { return none(); }
  uint64_t thread_waits() override { return 0; }
  void run_blocking(rt::UniqueFunction<void()> work, rt::Executor&,
                    rt::UniqueFunction<void()> done) override {
    work();
    done();
  }

 private:
  static std::unexpected<Error> none() {
    return fail(ErrorCode::kInvalidRequest, "there are only open files here", Cause::kNotFound);
  }

  std::map<std::string, std::shared_ptr<rt::File>> files_;
};

}  // namespace semel::bench
