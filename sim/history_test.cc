#include "history.h"

#include <gtest/gtest.h>

namespace semel::sim {
namespace {

RecordKey key(uint32_t number, uint16_t producer = 1, uint16_t partition = 0) {
  return {producer, partition, number};
}

/// Three records, sent and acknowledged one after another, stored as acknowledged.
History good_history(int records = 3) {
  History history;
  for (int i = 0; i < records; ++i) {
    history.sent(key(static_cast<uint32_t>(i)), 10 * i);
    history.acked(key(static_cast<uint32_t>(i)), Offset{i}, 10 * i + 5);
  }
  return history;
}

void store(History& history, const std::vector<RecordKey>& records) {
  int64_t offset = 0;
  for (const RecordKey& record : records) history.final_record(record, Offset{offset++});
  history.final_range(0, Offset{0}, Offset{offset});
}

std::string judge(const History& history, Terms terms = {}) {
  std::string kinds;
  for (const Violation& violation : history.judge(terms))
    kinds += (kinds.empty() ? "" : ", ") + violation.kind;
  return kinds;
}

TEST(History, AcceptsAGoodOne) {
  History history = good_history();
  history.sent(key(3), 100);
  history.read(key(1), Offset{1}, 50);
  store(history, {key(0), key(1), key(2), key(3)});
  EXPECT_EQ(judge(history), "") << "a record without an answer may be there";
}

TEST(History, AcceptsAnUnknownRecordThatIsNotThere) {
  History history = good_history();
  history.sent(key(3), 100);
  store(history, {key(0), key(1), key(2)});
  EXPECT_EQ(judge(history), "");
}

TEST(History, SeesALostRecord) {
  History history = good_history();
  store(history, {key(0), key(1)});
  EXPECT_EQ(judge(history), "lost");
}

TEST(History, ForgivesOnlyWhatAPowerCutMayLose) {
  History history = good_history();
  history.lost_power(26);
  store(history, {key(0), key(1)});
  EXPECT_EQ(judge(history), "lost") << "class ack";
  EXPECT_EQ(judge(history, {.power_cut_may_lose = true}), "");
  History later = good_history();
  later.lost_power(19);
  store(later, {key(0), key(1)});
  EXPECT_EQ(judge(later, {.power_cut_may_lose = true}), "lost") << "sent after the cut";
}

TEST(History, SeesADuplicate) {
  History history = good_history();
  store(history, {key(0), key(1), key(2), key(2)});
  EXPECT_EQ(judge(history), "duplicate");
}

TEST(History, SeesDisorder) {
  History history;
  history.sent(key(0), 0);
  history.sent(key(1), 1);
  store(history, {key(1), key(0)});
  EXPECT_EQ(judge(history), "order");
}

TEST(History, SeesAMovedRecord) {
  History history = good_history(2);
  history.sent(key(0, 2), 100);
  store(history, {key(0), key(0, 2), key(1)});
  EXPECT_EQ(judge(history), "moved");
}

TEST(History, SeesTwoAnswers) {
  History history = good_history();
  history.acked(key(1), Offset{7}, 90);
  store(history, {key(0), key(1), key(2)});
  EXPECT_EQ(judge(history), "two answers");
}

TEST(History, SeesAReadThatDoesNotLast) {
  History history = good_history();
  history.sent(key(9, 2), 40);
  history.read(key(9, 2), Offset{3}, 50);
  store(history, {key(0), key(1), key(2)});
  EXPECT_EQ(judge(history), "inconsistent");
  history.final_record(key(10, 2), Offset{3});
  EXPECT_NE(judge(history).find("inconsistent"), std::string::npos);
}

TEST(History, SeesARefusedRecordThatIsThere) {
  History history = good_history();
  history.sent(key(3), 100);
  history.failed(key(3), 101);
  store(history, {key(0), key(1), key(2), key(3)});
  EXPECT_EQ(judge(history), "refused but stored");
}

TEST(History, SeesInventedAndMisplacedRecords) {
  History history = good_history();
  store(history, {key(0), key(1), key(2), key(77)});
  EXPECT_EQ(judge(history), "invented");
  History other = good_history();
  other.sent(key(0, 1, 5), 0);
  store(other, {key(0), key(1), key(2)});
  other.final_record(key(0, 1, 5), Offset{0});
  other.final_range(5, Offset{0}, Offset{1});
  EXPECT_EQ(judge(other), "");
}

TEST(History, SeesHoles) {
  History history = good_history();
  history.final_record(key(0), Offset{0});
  history.final_record(key(1), Offset{1});
  history.final_record(key(2), Offset{2});
  history.final_range(0, Offset{0}, Offset{4});
  EXPECT_EQ(judge(history), "hole");
}

TEST(History, SeesAnOffsetGivenOutTwice) {
  History history = good_history();
  store(history, {key(0), key(1), key(2)});
  history.final_record(key(1), Offset{2});
  EXPECT_NE(judge(history).find("offset twice"), std::string::npos);
}

TEST(History, SeesAProducerIdGivenOutTwice) {
  History history;
  history.took_producer_id(ProducerId{7}, 1);
  history.took_producer_id(ProducerId{8}, 2);
  EXPECT_EQ(judge(history), "");
  history.took_producer_id(ProducerId{7}, 2);
  EXPECT_EQ(judge(history), "producer id twice");
}

TEST(History, SeesTimeTravel) {
  History history;
  history.sent(key(0, 1), 0);
  history.acked(key(0, 1), Offset{1}, 10);
  history.sent(key(0, 2), 20);
  history.acked(key(0, 2), Offset{0}, 30);
  store(history, {key(0, 2), key(0, 1)});
  EXPECT_EQ(judge(history), "time travel");
}

constexpr Promise kAtLeastOnce{.stores_once = false, .loses_nothing = true, .keeps_order = true};
constexpr Promise kAtMostOnce{.stores_once = true, .loses_nothing = false, .keeps_order = false};

TEST(History, ADuplicateIsAllowedOnlyToWhoDoesNotPromiseOnce) {
  History history = good_history();
  store(history, {key(0), key(1), key(2), key(1)});
  EXPECT_EQ(judge(history), "duplicate, order");
  history.promises(1, kAtLeastOnce);
  EXPECT_EQ(judge(history), "");
  EXPECT_EQ(history.doubled_count(), 1u);
  EXPECT_EQ(history.lost_count(), 0u);
}

TEST(History, AtLeastOnceLosesNothingAndKeepsTheOrderOfFirstCopies) {
  History history;
  history.promises(1, kAtLeastOnce);
  for (uint32_t i = 0; i < 3; ++i) history.sent(key(i), i);
  history.acked(key(0), Offset{2}, 10);
  history.acked(key(1), Offset{1}, 11);
  store(history, {key(2), key(1), key(0)});
  EXPECT_EQ(judge(history), "order") << "number 2 was never acknowledged and may lie anywhere";
  History lost = good_history();
  lost.promises(1, kAtLeastOnce);
  store(lost, {key(0), key(1)});
  EXPECT_EQ(judge(lost), "lost");
}

TEST(History, AtMostOnceMayLoseAndMayNotDouble) {
  History history;
  history.promises(1, kAtMostOnce);
  for (uint32_t i = 0; i < 3; ++i) {
    history.sent(key(i), i);
    history.stored(key(i), i + 5);
  }
  store(history, {key(0), key(2)});
  EXPECT_EQ(judge(history), "");
  EXPECT_EQ(history.lost_count(), 1u);
  store(history, {key(0), key(2), key(2)});
  EXPECT_NE(judge(history), "");
}

TEST(History, WhatRottedMayBeUnreadableButNotDifferent) {
  History history = good_history();
  history.rots(key(1), Offset{1});
  EXPECT_TRUE(history.is_rotten(0, Offset{1}));
  EXPECT_FALSE(history.is_rotten(0, Offset{2}));
  history.final_record(key(0), Offset{0});
  history.final_record(key(2), Offset{2});
  history.final_range(0, Offset{0}, Offset{3});
  EXPECT_EQ(judge(history), "") << "it counts as there";

  History different = good_history();
  different.rots(key(1), Offset{1});
  different.read(key(2), Offset{1}, 50);
  store(different, {key(0), key(1), key(2)});
  EXPECT_EQ(judge(different), "rot served, inconsistent");
}

TEST(History, RotHidesNothingElse) {
  History history = good_history();
  history.rots(key(1), Offset{1});
  history.final_record(key(0), Offset{0});
  history.final_range(0, Offset{0}, Offset{2});
  EXPECT_EQ(judge(history), "lost") << "number 2 did not rot";
}

}  // namespace
}  // namespace semel::sim
