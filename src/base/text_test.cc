#include "base/text.h"

#include <gtest/gtest.h>

namespace semel {
namespace {

using Parts = std::vector<std::string>;

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split_text("", ','), Parts{""});
  EXPECT_EQ(split_text("a", ','), Parts{"a"});
  EXPECT_EQ(split_text("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split_text(" a:b", ':'), (Parts{" a", "b"}));
}

TEST(Text, ListsHaveNeitherBlanksNorEmptyElements) {
  EXPECT_EQ(split_list("", ','), Parts{});
  EXPECT_EQ(split_list(" , ,", ','), Parts{});
  EXPECT_EQ(split_list(" a b ,c,, d", ','), (Parts{"a b", "c", "d"}));
}

}  // namespace
}  // namespace semel
