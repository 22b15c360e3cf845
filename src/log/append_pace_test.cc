#include "log/append_pace.h"

#include <gtest/gtest.h>

#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

using std::chrono::milliseconds;

/// A disk whose calls are timed by the test.
class AppendPaceTest : public ::testing::Test {
 protected:
  AppendPaceTest()
      : process_(world_.add_node("n").boot(1)), pace_(process_.clock(), process_.disk(), "/d") {}

  /// An append of this length; `waits` for the disk, or only has no processor.
  void append(rt::Duration takes, bool waits) {
    const AppendPace::Start start = pace_.begin();
    world_.stall(takes);
    if (waits) process_.disk().note_wait();
    pace_.end(start);
  }

  rt::sim::World world_{1};
  rt::sim::Process& process_;
  AppendPace pace_;
};

TEST_F(AppendPaceTest, ALongWaitWhileWatchedIsAStall) {
  append(milliseconds{1}, true);
  append(milliseconds{6}, true);
  EXPECT_FALSE(pace_.is_slow()) << "the first one is not known to have waited";
  append(milliseconds{1}, true);
  EXPECT_FALSE(pace_.is_slow());
  append(milliseconds{6}, true);
  EXPECT_TRUE(pace_.is_slow());
  EXPECT_EQ(pace_.stalls(), 1u);
  world_.stall(AppendPace::kQuiet - milliseconds{1});
  EXPECT_TRUE(pace_.is_slow());
  world_.stall(milliseconds{1});
  EXPECT_FALSE(pace_.is_slow());
  EXPECT_EQ(pace_.durations().snapshot().count(), 4u);
}

TEST_F(AppendPaceTest, AThreadWithoutAProcessorIsNoStall) {
  for (int i = 0; i < 10; ++i) append(milliseconds{20}, false);
  EXPECT_FALSE(pace_.is_slow());
  EXPECT_EQ(pace_.stalls(), 0u);
}

TEST_F(AppendPaceTest, WatchingEnds) {
  append(milliseconds{6}, true);
  world_.stall(AppendPace::kQuiet);
  append(milliseconds{6}, true);
  EXPECT_FALSE(pace_.is_slow()) << "it was not watched any more";
}

}  // namespace
}  // namespace semel::log
