// SystemDisk: files of the machine.
#pragma once

#include "rt/disk.h"
#include "rt/linux/io_pool.h"

namespace semel::rt::linux_os {

class SystemDisk final : public Disk {
 public:
  explicit SystemDisk(IoPool& pool) : SystemDisk(pool, pool) {}
  SystemDisk(IoPool& pool, IoPool& calculations) : pool_(pool), calculations_(calculations) {}

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<DirectoryEntry> stat(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_filesystem(const std::string& path) override;
  Result<uint64_t> filesystem_id(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;
  Result<uint64_t> total_bytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  uint64_t thread_waits() override;
  void run_blocking(UniqueFunction<void()> work, Executor& back,
                    UniqueFunction<void()> done) override {
    pool_.submit(std::move(work), back, std::move(done));
  }
  void run_calculation(UniqueFunction<void()> work, Executor& back,
                       UniqueFunction<void()> done) override {
    calculations_.submit(std::move(work), back, std::move(done));
  }

 private:
  IoPool& pool_;
  IoPool& calculations_;
};

}  // namespace semel::rt::linux_os
