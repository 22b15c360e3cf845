// SimDisk: the Disk of one process. It forwards to the file systems of its node, adds latency and
// faults, and goes dead with its process: then every call fails with kIo and changes nothing.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "rt/disk.h"
#include "rt/sim/file_system.h"
#include "rt/sim/node.h"

namespace semel::rt::sim {

class Process;

class SimDisk final : public Disk {
 public:
  explicit SimDisk(Process& process);
  ~SimDisk() override;

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
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  uint64_t thread_waits() override { return waits_; }
  /// A call of this process had to wait.
  void note_wait() { ++waits_; }
  void run_blocking(UniqueFunction<void()> work, Executor& back,
                    UniqueFunction<void()> done) override;

  /// The process dies in the middle of the call that changes the disk after `calls` more of them.
  void die_after_changes(uint64_t calls, bool with_power);
  void disarm() { access_->changes_until_death = 0; }
  void cut_off();

 private:
  friend class SimFile;
  friend class SimFileLock;
  /// Shared with files and locks, which may outlive the process object.
  struct Access {
    Process* process;                  // null once cut off
    uint64_t changes_until_death = 0;  // 0 = not armed
    bool dies_with_power = false;

    /// Charges the call and says whether it may go on.
    Result<void> begin(DiskOp op, SimFileSystem& file_system, std::string_view path);
  };

  Result<Node::Location> enter(DiskOp op, const std::string& path);
  static DirectoryEntry describe(const std::string& name, const Inode& inode);

  Process& process_;
  std::shared_ptr<Access> access_;
  uint64_t serial_;
  uint64_t waits_ = 0;
};

}  // namespace semel::rt::sim
