#include "wire/array.h"

#include <gtest/gtest.h>

namespace semel::wire {
namespace {

struct Item {
  std::string name;
  Array<int32_t> numbers;
  void reset() {
    name.clear();
    numbers.clear();
  }
  bool operator==(const Item&) const = default;
};

TEST(Array, HandsOutStoredElementsInTheirDefaultState) {
  Array<Item> items;
  Item& first = items.append();
  first.name = "a name that does not fit into the string itself";
  first.numbers = {1, 2, 3};
  const char* const memory = first.name.data();
  items.clear();
  EXPECT_TRUE(items.empty());
  Item& again = items.append();
  EXPECT_EQ(again, Item{});
  again.name = "another name of the same considerable length...";
  EXPECT_EQ(again.name.data(), memory);
}

TEST(Array, NumbersStartAtZeroAgain) {
  Array<int32_t> numbers{7, 8};
  numbers.clear();
  EXPECT_EQ(numbers.append(), 0);
}

TEST(Array, FinishResetsWhatItCutsOff) {
  Array<Item> items;
  for (int i = 0; i < 3; ++i) items.append().name = "x";
  items.slots(1)[0].name = "y";
  items.finish(1);
  EXPECT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].name, "y");
  EXPECT_EQ(items.append().name, "");
}

TEST(Array, SlotsTakeMemoryForNoMoreThanTheirCount) {
  Array<Item> items;
  items.slots(3)[2].name = "c";
  items.finish(3);
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[2].name, "c");
  items.slots(5)[4].name = "e";
  items.finish(5);
  EXPECT_EQ(items[2].name, "c");
  EXPECT_EQ(items.back().name, "e");
  items.slots(0);
  items.finish(0);
  EXPECT_TRUE(items.empty());
  EXPECT_EQ(items.append(), Item{});
}

TEST(Array, CopiesAndMovesOnlyItsElements) {
  Array<std::string> source{"a", "b"};
  source.pop_back();
  const Array<std::string> copy = source;
  EXPECT_EQ(copy, (Array<std::string>{"a"}));
  Array<std::string> assigned{"x", "y", "z"};
  assigned = copy;
  EXPECT_EQ(assigned, copy);
  Array<std::string> moved = std::move(source);
  EXPECT_EQ(moved, copy);
  EXPECT_TRUE(source.empty());  // NOLINT: a moved-from array is empty
  source.push_back("again");
  EXPECT_EQ(source.back(), "again");
  const std::vector<std::string> texts{"p", "q"};
  moved.assign(texts.begin(), texts.end());
  EXPECT_EQ(moved, (Array<std::string>{"p", "q"}));
}

TEST(Array, GivesTheMemoryOfAHugeMessageBack) {
  Array<Item> items;
  for (size_t i = 0; i < 3 * Array<Item>::kKeptElements; ++i) items.append().name = "x";
  const Item* const memory = items.data();
  items.clear();
  EXPECT_NE(items.data(), memory);
  for (size_t i = 0; i < Array<Item>::kKeptElements; ++i) EXPECT_EQ(items.append(), Item{});
}

TEST(NullableArray, KnowsNull) {
  NullableArray<int32_t> numbers = nullptr;
  EXPECT_TRUE(numbers.is_null());
  EXPECT_TRUE(numbers.empty());
  const NullableArray<int32_t> none;
  EXPECT_NE(numbers, none);
  numbers.append() = 5;
  EXPECT_FALSE(numbers.is_null());
  EXPECT_EQ(numbers, (NullableArray<int32_t>{5}));
  numbers.set_null();
  EXPECT_TRUE(numbers.is_null());
  EXPECT_EQ(numbers.size(), 0u);
  numbers.clear();
  EXPECT_FALSE(numbers.is_null());
  numbers.set_null();
  numbers.push_back(1);
  EXPECT_FALSE(numbers.is_null());
}

}  // namespace
}  // namespace semel::wire
