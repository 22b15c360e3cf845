#include "log/failed_flush.h"

#include <gtest/gtest.h>

#include "log/test_support.h"
#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

TEST(FailedFlush, WhatTheKernelTakesForCleanIsWrittenAgain) {
  rt::sim::World world(7);
  rt::sim::Node& node = world.add_node("n");
  rt::sim::Process& process = node.boot(1);
  rt::Disk& disk = process.disk();
  ASSERT_TRUE(disk.make_directories("/d/t-0"));
  ASSERT_TRUE(disk.sync_directory("/d"));
  ASSERT_TRUE(disk.sync_directory("/"));
  const std::string path = "/d/t-0/00000000000000000000.log";
  testing::BatchMaker maker;
  auto segment = Segment::create(disk, "/d/t-0", Offset{0}, LogConfig{}, 0);
  ASSERT_TRUE(segment);
  std::vector<std::byte> batch = maker.make(3, 200, 0);
  ASSERT_TRUE((*segment)->append(std::array{bytes::ByteSpan(batch)}, {}));
  const auto file = (*segment)->file();
  ASSERT_TRUE(file && disk.sync_directory("/d/t-0"));
  node.file_system().fail_next(rt::sim::DiskOp::kSync, path, Cause::kIo);
  ASSERT_FALSE((*file)->sync());
  ASSERT_TRUE((*file)->sync()) << "the second sync says yes, as the kernel's does";

  note_failed_flush(disk, "/d/t-0");
  EXPECT_TRUE(disk.exists("/d/t-0/failed-flush"));
  ASSERT_TRUE(mend_failed_flush(disk, "/d/t-0", {*segment}, Offset{0}));
  EXPECT_FALSE(disk.exists("/d/t-0/failed-flush"));
  node.kill(rt::sim::Death::kPower);
  EXPECT_EQ(node.file_system().contents().at(path), batch);
}

}  // namespace
}  // namespace semel::log
