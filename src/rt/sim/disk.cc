#include "rt/sim/disk.h"

#include "rt/sim/node.h"
#include "rt/sim/process.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

namespace {

std::unexpected<Error> fail_io(std::string_view path, std::string_view why) {
  return fail(ErrorCode::kKafkaStorageError, std::string(path) + ": " + std::string(why),
              Cause::kIo);
}

struct Cost {
  Duration time{};
  bool is_slow = false;
};

Cost draw_cost(SimFileSystem& file_system, DiskOp op) {
  const DiskOptions& options = file_system.options();
  SimRandom& random = file_system.random();
  const Duration time = op == DiskOp::kSync ? random.between(options.sync_min, options.sync_max)
                                            : random.between(Duration{0}, options.access_max);
  const bool is_slow = random.hits(options.slow_ppm);
  return {is_slow ? options.slow_factor * time : time, is_slow};
}

bool changes_disk(DiskOp op) {
  return op == DiskOp::kWrite || op == DiskOp::kChange || op == DiskOp::kSync;
}

}  // namespace

Result<void> SimDisk::Access::begin(DiskOp op, SimFileSystem& file_system, std::string_view path) {
  if (process == nullptr) return fail_io(path, "the process is dead");
  if (changes_until_death > 0 && changes_disk(op) && --changes_until_death == 0) {
    process->world().trace().probe("process: died in the middle of a disk call");
    process->die_soon(dies_with_power);
    return fail_io(path, "the process is dying");
  }
  // A slow write on a reactor is a stall that the writer's own clock can see.
  World& world = process->world();
  const Cost cost = draw_cost(file_system, op);
  if (cost.is_slow)
    world.trace().probe(op == DiskOp::kSync ? "disk: slow sync" : "disk: slow call");
  if (cost.is_slow && op == DiskOp::kWrite && world.current() != nullptr) {
    world.stall(cost.time);
    process->disk().note_wait();
  } else {
    process->charge(cost.time);
  }
  const Cause cause = file_system.draw_fault(op, path);
  if (cause == Cause::kNone) return {};
  process->world().trace().probe("disk: injected fault");
  return fail(ErrorCode::kKafkaStorageError, std::string(path) + ": injected fault", cause);
}

/// A file opened by one process.
class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<SimDisk::Access> access, SimFileSystem& file_system, InodePtr inode,
          std::string path)
      : access_(std::move(access)),
        file_system_(file_system),
        inode_(std::move(inode)),
        path_(std::move(path)) {}

  Result<size_t> pread(uint64_t at, bytes::MutableByteSpan into) override {
    SEMEL_CHECK(access_->begin(DiskOp::kRead, file_system_, path_));
    return inode_->content.read(at, into);
  }

  Result<void> pwritev(uint64_t at, std::span<const bytes::ByteSpan> parts) override {
    const bool was_alive = access_->process != nullptr;
    const auto verdict = access_->begin(DiskOp::kWrite, file_system_, path_);
    if (!verdict) {
      if (was_alive) write_part(at, parts);
      return verdict;
    }
    inode_->modified_ms = access_->process->node().unix_ms();
    for (const bytes::ByteSpan part : parts) {
      SEMEL_CHECK(file_system_.write(*inode_, at, part));
      at += part.size();
    }
    return {};
  }

  Result<uint64_t> size() override {
    if (access_->process == nullptr) return fail_io(path_, "the process is dead");
    return inode_->content.size();
  }

  Result<void> truncate(uint64_t size) override {
    SEMEL_CHECK(access_->begin(DiskOp::kWrite, file_system_, path_));
    return file_system_.truncate(*inode_, size);
  }

  Result<void> sync() override {
    const auto verdict = access_->begin(DiskOp::kSync, file_system_, path_);
    if (!verdict) {
      if (access_->process != nullptr) inode_->content.fail_sync();
      return verdict;
    }
    access_->process->world().trace().add(Trace::Kind::kSync, inode_->content.size());
    inode_->content.sync();
    return {};
  }

  size_t read_cached(uint64_t at, bytes::MutableByteSpan into) override {
    if (access_->process == nullptr || !is_cached(at, into.size())) return 0;
    return inode_->content.read(at, into);
  }

  bool is_cached(uint64_t, size_t) override {
    return !file_system_.random().hits(file_system_.options().uncached_ppm);
  }
  int descriptor() const override { return -1; }

 private:
  /// A write that fails, or during which the process dies, may have done a part of its work.
  void write_part(uint64_t at, std::span<const bytes::ByteSpan> parts) {
    for (const bytes::ByteSpan part : parts) {
      const size_t count = file_system_.random().between(0, part.size());
      const auto written = file_system_.write(*inode_, at, part.first(count));
      if (!written || count < part.size()) return;
      at += count;
    }
  }

  std::shared_ptr<SimDisk::Access> access_;
  SimFileSystem& file_system_;
  InodePtr inode_;
  std::string path_;
};

class SimFileLock final : public FileLock {
 public:
  SimFileLock(std::shared_ptr<SimDisk::Access> access, SimFileSystem& file_system, std::string path)
      : access_(std::move(access)), file_system_(file_system), path_(std::move(path)) {}
  ~SimFileLock() override {
    if (access_->process != nullptr) file_system_.drop_lock(path_);
  }

 private:
  std::shared_ptr<SimDisk::Access> access_;
  SimFileSystem& file_system_;
  std::string path_;
};

SimDisk::SimDisk(Process& process)
    : process_(process), access_(std::make_shared<Access>()), serial_(process.serial()) {
  access_->process = &process;
}

SimDisk::~SimDisk() { cut_off(); }

void SimDisk::cut_off() {
  Process* process = std::exchange(access_->process, nullptr);
  if (process == nullptr) return;
  process->node().for_each_file_system([this](SimFileSystem& fs) { fs.drop_locks_of(serial_); });
}

void SimDisk::die_after_changes(uint64_t calls, bool with_power) {
  access_->changes_until_death = calls + 1;
  access_->dies_with_power = with_power;
}

Result<Node::Location> SimDisk::enter(DiskOp op, const std::string& path) {
  if (access_->process == nullptr) return fail_io(path, "the process is dead");
  Node::Location location = access_->process->node().locate(path);
  SEMEL_CHECK(access_->begin(op, *location.file_system, path));
  if (op == DiskOp::kChange || op == DiskOp::kSync)
    access_->process->world().trace().add(Trace::Kind::kDirectory, path.size());
  return location;
}

Result<std::shared_ptr<File>> SimDisk::open(const std::string& path, OpenMode mode) {
  const bool may_create = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
  SEMEL_TRY(auto at, enter(may_create ? DiskOp::kChange : DiskOp::kLook, path));
  SEMEL_TRY(InodePtr inode,
            at.file_system->open(at.path, mode, access_->process->node().unix_ms()));
  return std::make_shared<SimFile>(access_, *at.file_system, std::move(inode), path);
}

DirectoryEntry SimDisk::describe(const std::string& name, const Inode& inode) {
  return {name, inode.is_directory, inode.content.size(), inode.modified_ms};
}

Result<std::vector<DirectoryEntry>> SimDisk::list(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kLook, path));
  const InodePtr inode = at.file_system->find(at.path);
  if (inode == nullptr || !inode->is_directory)
    return fail(ErrorCode::kKafkaStorageError, path + ": no such directory", Cause::kNotFound);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : inode->entries) entries.push_back(describe(name, *child));
  return entries;
}

Result<DirectoryEntry> SimDisk::stat(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kLook, path));
  const InodePtr inode = at.file_system->find(at.path);
  if (inode == nullptr)
    return fail(ErrorCode::kKafkaStorageError, path + ": no such file", Cause::kNotFound);
  return describe(at.path.empty() ? "/" : at.path.back(), *inode);
}

bool SimDisk::exists(const std::string& path) {
  if (access_->process == nullptr) return false;
  const Node::Location at = access_->process->node().locate(path);
  return at.file_system->find(at.path) != nullptr;
}

Result<void> SimDisk::make_directories(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kChange, path));
  return at.file_system->make_directories(at.path, access_->process->node().unix_ms());
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to) {
  SEMEL_TRY(auto at, enter(DiskOp::kChange, from));
  const Node::Location target = access_->process->node().locate(to);
  if (target.file_system != at.file_system)
    return fail(ErrorCode::kKafkaStorageError, to + ": another file system");
  return at.file_system->rename(at.path, target.path);
}

Result<void> SimDisk::remove(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kChange, path));
  return at.file_system->remove(at.path, false);
}

Result<void> SimDisk::remove_tree(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kChange, path));
  return at.file_system->remove(at.path, true);
}

Result<void> SimDisk::sync_directory(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kSync, path));
  const InodePtr inode = at.file_system->find(at.path);
  if (inode == nullptr || !inode->is_directory)
    return fail(ErrorCode::kKafkaStorageError, path + ": no such directory", Cause::kNotFound);
  at.file_system->sync_directory(inode);
  return {};
}

Result<void> SimDisk::sync_filesystem(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kSync, path));
  at.file_system->sync_all();
  return {};
}

Result<uint64_t> SimDisk::filesystem_id(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kLook, path));
  return at.file_system->id();
}

Result<uint64_t> SimDisk::free_bytes(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kLook, path));
  return at.file_system->free_bytes();
}

Result<std::unique_ptr<FileLock>> SimDisk::lock(const std::string& path) {
  SEMEL_TRY(auto at, enter(DiskOp::kChange, path));
  SEMEL_CHECK(at.file_system->open(at.path, OpenMode::kCreate, access_->process->node().unix_ms()));
  if (!at.file_system->take_lock(path, serial_))
    return fail(ErrorCode::kKafkaStorageError, path + ": locked", Cause::kLocked);
  return std::make_unique<SimFileLock>(access_, *at.file_system, path);
}

void SimDisk::run_blocking(UniqueFunction<void()> work, Executor& back,
                           UniqueFunction<void()> done) {
  process_.run_blocking({std::move(work), &back, std::move(done)});
}

}  // namespace semel::rt::sim
