#include "rt/disk.h"

#include <set>

#include <gtest/gtest.h>

#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {
namespace {

using bytes::as_bytes;

std::string pattern(char letter, size_t size) { return std::string(size, letter); }

void write_at(File& file, uint64_t at, std::string_view text) {
  const bytes::ByteSpan part = as_bytes(text);
  ASSERT_TRUE(file.pwritev(at, {&part, 1}));
}

std::string read_all(Disk& disk, const std::string& path) {
  auto content = read_file(disk, path, 1 << 24);
  return content ? std::string(content->text()) : "error: " + content.error().context;
}

struct Machine {
  explicit Machine(uint64_t seed) : world(seed) { node.boot(); }
  Disk& disk() { return *node.process()->runtime().disk; }
  void lose_power() {
    node.kill(Death::kPower);
    node.boot();
  }
  void kill_process() {
    node.kill(Death::kProcess);
    node.boot();
  }
  World world;
  Node& node = world.add_node("n1");
};

TEST(SimDisk, KeepsTheContractOfFiles) {
  Machine machine(1);
  Disk& disk = machine.disk();
  EXPECT_EQ(disk.open("/d/x", OpenMode::kCreate).error().cause, Cause::kNotFound);
  ASSERT_TRUE(disk.make_directories("/d/e"));
  EXPECT_EQ(disk.open("/d/x", OpenMode::kRead).error().cause, Cause::kNotFound);
  auto file = disk.open("/d/x", OpenMode::kCreateNew);
  ASSERT_TRUE(file);
  EXPECT_EQ(disk.open("/d/x", OpenMode::kCreateNew).error().cause, Cause::kExists);
  write_at(**file, 0, "hello");
  write_at(**file, 8, "you");
  EXPECT_EQ(read_all(disk, "/d/x"), std::string("hello\0\0\0you", 11));
  ASSERT_TRUE((*file)->truncate(4));
  std::array<std::byte, 10> into;
  EXPECT_EQ((*file)->pread(2, into).value(), 2u);
  EXPECT_EQ((*file)->pread(4, into).value(), 0u);
  ASSERT_TRUE(disk.rename("/d/x", "/d/e/y"));
  EXPECT_FALSE(disk.exists("/d/x"));
  EXPECT_EQ(disk.remove("/d").error().cause, Cause::kExists);
  const auto list = disk.list("/d/e");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().name, "y");
  EXPECT_EQ(list->front().size, 4u);
  ASSERT_TRUE(disk.remove_tree("/d"));
  EXPECT_FALSE(disk.exists("/d/e"));
  write_at(**file, 4, "still open");
  EXPECT_EQ((*file)->size().value(), 14u);
}

TEST(SimDisk, KillKeepsThePageCache) {
  Machine machine(2);
  ASSERT_TRUE(machine.disk().make_directories("/d"));
  auto file = machine.disk().open("/d/x", OpenMode::kCreate);
  write_at(**file, 0, "unsynced");
  machine.kill_process();
  EXPECT_EQ(read_all(machine.disk(), "/d/x"), "unsynced");
  EXPECT_EQ((*file)->size().error().cause, Cause::kIo) << "a file of the dead process";
}

TEST(SimDisk, SyncedBytesSurviveAPowerCut) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Machine machine(seed);
    Disk& disk = machine.disk();
    ASSERT_TRUE(disk.make_directories("/d"));
    ASSERT_TRUE(disk.sync_directory("/"));
    auto file = disk.open("/d/x", OpenMode::kCreate);
    const std::string content = pattern('a', 10'000) + pattern('b', 5'000);
    write_at(**file, 0, content);
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(disk.sync_directory("/d"));
    write_at(**file, 15'000, pattern('c', 9'000));
    machine.lose_power();
    const std::string after = read_all(machine.disk(), "/d/x");
    ASSERT_GE(after.size(), content.size());
    ASSERT_LE(after.size(), content.size() + 9'000);
    EXPECT_EQ(after.substr(0, content.size()), content);
    for (const char c : after.substr(content.size())) EXPECT_TRUE(c == 'c' || c == '\0');
  }
}

TEST(SimDisk, UnsyncedPagesAreOldNewOrTorn) {
  std::set<std::string> kinds;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Machine machine(seed);
    Disk& disk = machine.disk();
    auto file = disk.open("/x", OpenMode::kCreate);
    write_at(**file, 0, pattern('o', 8192));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(disk.sync_directory("/"));
    write_at(**file, 0, pattern('n', 8192));
    machine.lose_power();
    const std::string after = read_all(machine.disk(), "/x");
    ASSERT_EQ(after.size(), 8192u);
    for (const size_t page : {size_t{0}, size_t{4096}}) {
      const std::string part = after.substr(page, 4096);
      const bool is_old = part == pattern('o', 4096);
      const bool is_new = part == pattern('n', 4096);
      kinds.insert(is_old ? "old" : is_new ? "new" : "torn");
      for (size_t sector = 0; sector < 4096; sector += 512)
        EXPECT_EQ(part.substr(sector, 512), pattern(part[sector], 512));
    }
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"old", "new", "torn"}));
}

TEST(SimDisk, AFailedSyncLosesThePagesForGood) {
  bool has_lost = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Machine machine(seed);
    machine.node.file_system().options().write_back_ppm = 0;
    auto file = machine.disk().open("/x", OpenMode::kCreate);
    write_at(**file, 0, pattern('o', 4096));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(machine.disk().sync_directory("/"));
    write_at(**file, 0, pattern('n', 4096));
    machine.node.file_system().fail_next(DiskOp::kSync, "/x", Cause::kIo);
    EXPECT_EQ((*file)->sync().error().cause, Cause::kIo);
    EXPECT_TRUE((*file)->sync()) << "the second call says yes, as on Linux";
    EXPECT_EQ(read_all(machine.disk(), "/x"), pattern('n', 4096));
    machine.lose_power();
    has_lost |= read_all(machine.disk(), "/x") == pattern('o', 4096);
  }
  EXPECT_TRUE(has_lost);
}

TEST(SimDisk, DirectoryChangesNeedASync) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Machine machine(seed);
    Disk& disk = machine.disk();
    ASSERT_TRUE(replace_file(disk, "/x", as_bytes("old")));
    auto file = disk.open("/x.tmp", OpenMode::kCreate);
    write_at(**file, 0, "new");
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(disk.rename("/x.tmp", "/x"));
    machine.lose_power();
    const std::string content = read_all(machine.disk(), "/x");
    EXPECT_TRUE(content == "old" || content == "new") << content;
    outcomes.insert(content + (machine.disk().exists("/x.tmp") ? "+tmp" : ""));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "old+tmp", "new"}));
}

TEST(SimDisk, ReplaceFileIsDurable) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(replace_file(machine.disk(), "/x", as_bytes("old")));
    ASSERT_TRUE(replace_file(machine.disk(), "/x", as_bytes("new")));
    machine.lose_power();
    EXPECT_EQ(read_all(machine.disk(), "/x"), "new");
  }
}

TEST(SimDisk, DurableDirectoriesSurvive) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(machine.disk().make_directories("/a/b"));
    ASSERT_TRUE(make_durable_directories(machine.disk(), "/a/b/c"));
    machine.lose_power();
    EXPECT_TRUE(machine.disk().exists("/a/b/c"));
  }
}

TEST(SimDisk, SyncOfTheFileSystemCoversAll) {
  Machine machine(7);
  Disk& disk = machine.disk();
  ASSERT_TRUE(disk.make_directories("/a/b"));
  auto file = disk.open("/a/b/x", OpenMode::kCreate);
  write_at(**file, 0, "data");
  ASSERT_TRUE(disk.sync_filesystem("/a"));
  machine.lose_power();
  EXPECT_EQ(read_all(machine.disk(), "/a/b/x"), "data");
}

TEST(SimDisk, FullDiskFailsInTheMiddle) {
  Machine machine(3);
  machine.node.file_system().options().capacity = 1000;
  auto file = machine.disk().open("/x", OpenMode::kCreate);
  write_at(**file, 0, pattern('a', 900));
  const std::string more = pattern('b', 200);
  const bytes::ByteSpan part = as_bytes(more);
  EXPECT_EQ((*file)->pwritev(900, {&part, 1}).error().cause, Cause::kNoSpace);
  ASSERT_TRUE((*file)->truncate(900));
  EXPECT_EQ(machine.disk().free_bytes("/").value(), 100u);
  ASSERT_TRUE(machine.disk().remove("/x"));
  EXPECT_EQ(machine.disk().free_bytes("/").value(), 1000u);
}

TEST(SimDisk, MountsHaveTheirOwnFaults) {
  World world(4);
  Node& node = world.add_node("n1");
  node.mount("/d2", {}).fail_next(DiskOp::kWrite, "", Cause::kIo);
  Disk& disk = *node.boot().runtime().disk;
  auto one = disk.open("/x", OpenMode::kCreate);
  auto two = disk.open("/d2/x", OpenMode::kCreate);
  ASSERT_TRUE(one && two);
  EXPECT_NE(disk.filesystem_id("/x").value(), disk.filesystem_id("/d2/x").value());
  write_at(**one, 0, "fine");
  const bytes::ByteSpan part = as_bytes("bad");
  EXPECT_EQ((*two)->pwritev(0, {&part, 1}).error().cause, Cause::kIo);
}

TEST(SimDisk, LocksEndWithTheirProcess) {
  Machine machine(5);
  auto lock = machine.disk().lock("/.lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ(machine.disk().lock("/.lock").error().cause, Cause::kLocked);
  machine.kill_process();
  auto again = machine.disk().lock("/.lock");
  EXPECT_TRUE(again);
  lock->reset();
  EXPECT_EQ(machine.disk().lock("/.lock").error().cause, Cause::kLocked);
}

TEST(SimDisk, DiesInTheMiddleOfAWrite) {
  Machine machine(6);
  machine.node.process()->disk().die_after_changes(2, false);
  auto file = machine.disk().open("/x", OpenMode::kCreate);
  write_at(**file, 0, "one ");
  const bytes::ByteSpan part = as_bytes("two");
  EXPECT_FALSE((*file)->pwritev(4, {&part, 1}));
  EXPECT_FALSE((*file)->pwritev(7, {&part, 1}));
  machine.world.run_for(std::chrono::seconds{1});
  EXPECT_FALSE(machine.node.is_running());
  machine.node.boot();
  const std::string content = read_all(machine.disk(), "/x");
  EXPECT_EQ(content, std::string("one two").substr(0, content.size()));
  EXPECT_GE(content.size(), 4u);
}

TEST(SimDisk, BlockingWorkComesBackLater) {
  Machine machine(8);
  SimExecutor& executor = machine.node.process()->executor();
  bool has_worked = false;
  bool is_done = false;
  executor.post([&] {
    machine.disk().run_blocking(
        [&] {
          EXPECT_FALSE(executor.is_current());
          has_worked = true;
          EXPECT_TRUE(machine.disk().sync_filesystem("/"));
        },
        executor,
        [&] {
          EXPECT_TRUE(executor.is_current());
          is_done = true;
        });
    EXPECT_FALSE(has_worked);
  });
  ASSERT_TRUE(machine.world.run_until([&] { return is_done; }, std::chrono::seconds{1}));
  EXPECT_TRUE(has_worked);
  EXPECT_GE(machine.world.now().ns, 100'000) << "a sync takes time";
}

TEST(SimDisk, FlippedBitIsSeenByReaders) {
  Machine machine(9);
  auto file = machine.disk().open("/x.log", OpenMode::kCreate);
  write_at(**file, 0, pattern('a', 100));
  EXPECT_FALSE(machine.node.file_system().flip_bit(".index"));
  EXPECT_TRUE(machine.node.file_system().flip_bit(".log"));
  EXPECT_NE(read_all(machine.disk(), "/x.log"), pattern('a', 100));
}

}  // namespace
}  // namespace semel::rt::sim
