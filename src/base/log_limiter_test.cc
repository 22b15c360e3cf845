#include "base/log_limiter.h"

#include <gtest/gtest.h>

namespace semel {
namespace {

TEST(LogLimiter, ABurstThenARate) {
  LogLimiter limiter(10, 2);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limiter.admit("net", 1000), 0u);
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(limiter.admit("net", 1000));
  EXPECT_FALSE(limiter.admit("net", 1500));
  EXPECT_FALSE(limiter.admit("net", 1999));
  EXPECT_EQ(limiter.admit("net", 2000), 9u) << "a second's worth together, told once";
  EXPECT_EQ(limiter.admit("net", 2000), 0u);
  EXPECT_FALSE(limiter.admit("net", 2000));
  EXPECT_EQ(limiter.admit("net", 60'000), 1u) << "and the burst is there again";
  for (int i = 0; i < 9; ++i) EXPECT_EQ(limiter.admit("net", 60'000), 0u);
  EXPECT_FALSE(limiter.admit("net", 60'000));
}

TEST(LogLimiter, AreasDoNotShare) {
  LogLimiter limiter(1, 1);
  EXPECT_TRUE(limiter.admit("net", 0));
  EXPECT_FALSE(limiter.admit("net", 0));
  EXPECT_TRUE(limiter.admit("log", 0));
}

}  // namespace
}  // namespace semel
