#include "rt/disk.h"

#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"
#include "rt/linux/system_file.h"

namespace semel::rt {
namespace {

using linux_os::FileHandle;
using linux_os::IoPool;
using linux_os::SystemDisk;
using linux_os::SystemFile;

class DiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "semel_disk_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { EXPECT_TRUE(disk_.remove_tree(root_)); }
  std::string at(const std::string& name) const { return root_ + "/" + name; }
  std::string text_of(const std::string& path) {
    auto content = read_file(disk_, path, 1_MiB);
    EXPECT_TRUE(content.has_value()) << content.error().context;
    return content ? std::string(content->text()) : "";
  }
  static Result<void> put(File& file, uint64_t where, std::string_view text) {
    const bytes::ByteSpan part = bytes::as_bytes(text);
    return file.pwritev(where, std::span(&part, 1));
  }

  IoPool pool_{1};
  SystemDisk disk_{pool_};
  std::string root_;
};

TEST_F(DiskTest, OpensAsAsked) {
  EXPECT_EQ(disk_.open(at("none"), OpenMode::kRead).error().cause, Cause::kNotFound);
  EXPECT_EQ(disk_.open(at("none"), OpenMode::kReadWrite).error().cause, Cause::kNotFound);
  EXPECT_TRUE(disk_.open(at("file"), OpenMode::kCreateNew));
  const auto again = disk_.open(at("file"), OpenMode::kCreateNew);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().cause, Cause::kExists);
  EXPECT_EQ(again.error().code, ErrorCode::kKafkaStorageError);
  EXPECT_NE(again.error().context.find("file"), std::string::npos);
  auto file = disk_.open(at("file"), OpenMode::kCreate);
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(put(**file, 0, "kept"));
  EXPECT_TRUE(disk_.open(at("file"), OpenMode::kCreate));
  EXPECT_EQ(text_of(at("file")), "kept");
  EXPECT_EQ(disk_.open(at("file/below"), OpenMode::kCreate).error().cause, Cause::kNotFound);
}

TEST_F(DiskTest, WritesManyPartsAndReadsThemBack) {
  auto file = std::move(*disk_.open(at("parts"), OpenMode::kCreate));
  std::vector<std::string> texts;
  std::vector<bytes::ByteSpan> parts;
  std::string expected = "12345";
  for (int i = 0; i < 1000; ++i)
    texts.push_back(std::string(static_cast<size_t>(i % 7), 'a' + i % 26));
  for (const std::string& text : texts) {
    parts.push_back(bytes::as_bytes(text));
    expected += text;
  }
  ASSERT_TRUE(put(*file, 0, "12345678"));
  ASSERT_TRUE(file->pwritev(5, parts));
  EXPECT_EQ(*file->size(), expected.size());
  EXPECT_EQ(text_of(at("parts")), expected);
  std::vector<std::byte> tail(100);
  EXPECT_EQ(*file->pread(expected.size() - 4, tail), 4u);
  EXPECT_EQ(*file->pread(expected.size() + 4, tail), 0u);
  EXPECT_TRUE(file->truncate(3));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(text_of(at("parts")), "123");
  EXPECT_TRUE(file->pwritev(3, {}));
}

TEST_F(DiskTest, ListsSortedAndStats) {
  ASSERT_TRUE(disk_.make_directories(at("b/deep/er")));
  ASSERT_TRUE(disk_.make_directories(at("b/deep/er")));
  ASSERT_TRUE(replace_file(disk_, at("c"), bytes::as_bytes("xyz")));
  ASSERT_TRUE(replace_file(disk_, at("a"), {}));
  const auto entries = *disk_.list(root_);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_TRUE(entries[1].is_directory);
  EXPECT_EQ(entries[2].name, "c");
  EXPECT_EQ(entries[2].size, 3u);
  EXPECT_GT(entries[2].modified_ms, 1'600'000'000'000);
  EXPECT_EQ(disk_.stat(at("c"))->name, "c");
  EXPECT_EQ(disk_.stat(at("none")).error().cause, Cause::kNotFound);
  EXPECT_EQ(disk_.list(at("none")).error().cause, Cause::kNotFound);
  EXPECT_FALSE(disk_.make_directories(at("c")));
  EXPECT_FALSE(disk_.make_directories(at("c/below")));
  EXPECT_TRUE(disk_.exists(at("b/deep")));
  EXPECT_EQ(disk_.remove(at("b")).error().cause, Cause::kExists);
  EXPECT_TRUE(disk_.remove_tree(at("b")));
  EXPECT_FALSE(disk_.exists(at("b")));
  EXPECT_EQ(disk_.remove(at("b")).error().cause, Cause::kNotFound);
}

TEST_F(DiskTest, RemovesATreeWithoutFollowingLinks) {
  ASSERT_TRUE(disk_.make_directories(at("outside")));
  ASSERT_TRUE(replace_file(disk_, at("outside/kept"), bytes::as_bytes("k")));
  ASSERT_TRUE(disk_.make_directories(at("tree")));
  ASSERT_EQ(::symlink(at("outside").c_str(), at("tree/link").c_str()), 0);
  EXPECT_TRUE(disk_.remove_tree(at("tree")));
  EXPECT_TRUE(disk_.exists(at("outside/kept")));
}

TEST_F(DiskTest, ReplacesDurably) {
  ASSERT_TRUE(replace_file(disk_, at("x"), bytes::as_bytes("a long first version")));
  ASSERT_TRUE(replace_file(disk_, at("x"), bytes::as_bytes("second")));
  EXPECT_EQ(text_of(at("x")), "second");
  EXPECT_FALSE(disk_.exists(at("x.tmp")));
  EXPECT_EQ(read_file(disk_, at("x"), 5).error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(disk_.rename(at("none"), at("x")).error().cause, Cause::kNotFound);
  EXPECT_EQ(parent_of("/a/b"), "/a");
  EXPECT_EQ(parent_of("/a"), "/");
  EXPECT_EQ(parent_of("a"), ".");
}

TEST_F(DiskTest, SyncsDirectoriesAndFileSystems) {
  EXPECT_TRUE(disk_.sync_directory(root_));
  EXPECT_FALSE(disk_.sync_directory(at("none")));
  const auto synced = disk_.sync_filesystem(root_);
  EXPECT_TRUE(synced || synced.error().code == ErrorCode::kInvalidRequest);
  EXPECT_EQ(disk_.sync_filesystem("/dev/shm").error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(*disk_.filesystem_id(root_), *disk_.filesystem_id(parent_of(root_)));
  EXPECT_NE(*disk_.filesystem_id(root_), *disk_.filesystem_id("/dev/shm"));
  EXPECT_GT(*disk_.free_bytes(root_), 0u);
  EXPECT_GE(*disk_.total_bytes(root_), *disk_.free_bytes(root_));
}

TEST_F(DiskTest, KnowsWhatIsInMemory) {
  auto file = std::move(*disk_.open(at("cached"), OpenMode::kCreate));
  const std::string content(1 << 20, 'c');
  ASSERT_TRUE(put(*file, 0, content));
  EXPECT_TRUE(file->is_cached(0, content.size()));
  EXPECT_TRUE(file->is_cached(content.size() - 1, 10));
  EXPECT_TRUE(file->is_cached(0, 0));
  std::array<std::byte, 10> some;
  EXPECT_EQ(file->read_cached(content.size() - 4, some), 4u);
  EXPECT_EQ(bytes::as_text(std::span(some).first(4)),
            bytes::as_text(bytes::as_bytes(content)).substr(content.size() - 4));
  ASSERT_TRUE(file->sync());
  ASSERT_EQ(::posix_fadvise(file->descriptor(), 0, 0, POSIX_FADV_DONTNEED), 0);
  EXPECT_FALSE(file->is_cached(0, 100));
  EXPECT_EQ(file->read_cached(0, some), 0u) << "it does not wait for the disk";
  EXPECT_FALSE(file->is_cached(0, content.size()));
  std::byte byte{};
  ASSERT_TRUE(file->pread(content.size() - 1, {&byte, 1}));
  EXPECT_TRUE(file->is_cached(content.size() - 1, 1));
  EXPECT_FALSE(file->is_cached(0, content.size()));
}

TEST_F(DiskTest, AFullDeviceIsNoSpace) {
  auto full = disk_.open("/dev/full", OpenMode::kReadWrite);
  ASSERT_TRUE(full.has_value());
  const auto written = put(**full, 0, "x");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().cause, Cause::kNoSpace);
}

TEST_F(DiskTest, AWriteThatFitsInPartIsNoSpaceAndCanBeCutBack) {
  const std::string mount_point = at("small");
  ASSERT_TRUE(disk_.make_directories(mount_point));
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "no right to mount a tmpfs here";
  }
  {
    auto file = std::move(*disk_.open(mount_point + "/log", OpenMode::kCreate));
    ASSERT_TRUE(put(*file, 0, std::string(10'000, 'a')));
    const auto written = put(*file, 10'000, std::string(100'000, 'b'));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().cause, Cause::kNoSpace);
    EXPECT_TRUE(file->truncate(10'000));
    EXPECT_EQ(text_of(mount_point + "/log"), std::string(10'000, 'a'));
    EXPECT_TRUE(put(*file, 10'000, "goes on"));
  }
  EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

TEST_F(DiskTest, ALimitOnFileSizesIsNoSpace) {
  auto file = std::move(*disk_.open(at("limited"), OpenMode::kCreate));
  auto* previous = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto written = put(*file, 0, std::string(10'000, 'a'));
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, previous);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().cause, Cause::kNoSpace);
}

TEST_F(DiskTest, AFailedSyncIsAlwaysIo) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const FileHandle reading(ends[0]);
  SystemFile file{FileHandle(ends[1]), "pipe"};  // fdatasync says EINVAL here
  const auto synced = file.sync();
  ASSERT_FALSE(synced.has_value());
  EXPECT_EQ(synced.error().cause, Cause::kIo);
}

TEST_F(DiskTest, ALockExcludesThisProcess) {
  auto held = disk_.lock(at(".lock"));
  ASSERT_TRUE(held.has_value());
  const auto second = disk_.lock(at(".lock"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().cause, Cause::kLocked);
  held->reset();
  EXPECT_TRUE(disk_.lock(at(".lock")));
}

// The other process locks as Java does: a POSIX record lock.
TEST_F(DiskTest, ALockExcludesOtherProcesses) {
  int to_child[2];
  int to_parent[2];
  ASSERT_EQ(::pipe(to_child), 0);
  ASSERT_EQ(::pipe(to_parent), 0);
  const std::string path = at(".lock");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    char answer = ::fcntl(fd, F_SETLK, &whole) == 0 ? 'y' : 'n';
    const bool told =
        ::write(to_parent[1], &answer, 1) == 1 && ::read(to_child[0], &answer, 1) == 1;
    ::_exit(told ? 0 : 1);
  }
  char answer = 0;
  ASSERT_EQ(::read(to_parent[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(disk_.lock(path).error().cause, Cause::kLocked);
  ASSERT_EQ(::write(to_child[1], &answer, 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(disk_.lock(path));
  for (const int fd : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(fd);
}

}  // namespace
}  // namespace semel::rt
