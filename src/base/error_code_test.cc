#include "base/error_code.h"

#include <gtest/gtest.h>

namespace semel {
namespace {

TEST(ErrorCode, HasKafkasNumberNameAndRetriability) {
  EXPECT_EQ(static_cast<int>(ErrorCode::kOutOfOrderSequenceNumber), 45);
  EXPECT_EQ(error_name(ErrorCode::kOutOfOrderSequenceNumber), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  EXPECT_TRUE(error_is_retriable(ErrorCode::kNotLeaderOrFollower));
  EXPECT_FALSE(error_is_retriable(ErrorCode::kInvalidRecord));
  EXPECT_EQ(error_name(static_cast<ErrorCode>(9999)), "UNKNOWN");
}

}  // namespace
}  // namespace semel
