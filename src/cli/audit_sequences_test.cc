#include "cli/audit_sequences.h"

#include <gtest/gtest.h>

namespace semel::cli {
namespace {

constexpr int32_t kLast = 2147483647;

struct Book {
  SequenceVerdict add(int32_t first, int32_t count = 1, int16_t epoch = 0, int64_t id = 7) {
    return sequences.add({ProducerId{id}, ProducerEpoch{epoch}, Sequence{first}, count - 1},
                         ++mark);
  }
  SequenceStep step(int32_t first, int32_t count = 1, int16_t epoch = 0) {
    return add(first, count, epoch).step;
  }
  AuditSequences sequences{100};
  uint64_t mark = 0;
};

TEST(AuditSequences, InOrder) {
  Book book;
  EXPECT_EQ(book.step(0, 3), SequenceStep::kFirst);
  EXPECT_EQ(book.step(3), SequenceStep::kInOrder);
  EXPECT_EQ(book.step(4, 10), SequenceStep::kInOrder);
  EXPECT_EQ(book.add(0, 1, 0, 8).step, SequenceStep::kFirst);
  EXPECT_EQ(book.step(14), SequenceStep::kInOrder);
  EXPECT_EQ(book.sequences.seen(), 2u);
}

TEST(AuditSequences, AWrapIsInOrder) {
  Book book;
  book.add(kLast - 1);
  EXPECT_EQ(book.step(kLast), SequenceStep::kInOrder);
  EXPECT_EQ(book.step(0), SequenceStep::kInOrder);
  EXPECT_EQ(book.step(1, 3), SequenceStep::kInOrder);
  EXPECT_EQ(book.step(kLast), SequenceStep::kSeen);
  EXPECT_EQ(book.step(0), SequenceStep::kSeen);
  EXPECT_EQ(book.step(4), SequenceStep::kInOrder);

  Book inside;
  inside.add(kLast - 1, 3);
  EXPECT_EQ(inside.step(1), SequenceStep::kInOrder);
  EXPECT_EQ(inside.step(kLast - 1, 3), SequenceStep::kSeen);
  EXPECT_EQ(inside.step(0), SequenceStep::kSeen);
}

TEST(AuditSequences, RepeatsGapsAndWhatComesBehind) {
  Book book;
  book.add(10, 5);
  const auto gap = book.add(20, 5);
  EXPECT_EQ(gap.step, SequenceStep::kGap);
  EXPECT_EQ(gap.expected, Sequence{15});
  EXPECT_EQ(book.step(10, 5), SequenceStep::kSeen);
  EXPECT_EQ(book.step(24, 2), SequenceStep::kSeen);
  EXPECT_EQ(book.step(26), SequenceStep::kInOrder);
  EXPECT_EQ(book.step(16, 2), SequenceStep::kBehind);
  EXPECT_EQ(book.step(17), SequenceStep::kSeen);
  EXPECT_EQ(book.step(3), SequenceStep::kBehind);
  EXPECT_EQ(book.step(27), SequenceStep::kInOrder);
}

TEST(AuditSequences, Epochs) {
  Book book;
  book.add(0, 5);
  const auto newer = book.add(0, 2, 1);
  EXPECT_EQ(newer.step, SequenceStep::kFirst);
  EXPECT_EQ(newer.known_epoch, ProducerEpoch{0});
  const auto older = book.add(5);
  EXPECT_EQ(older.step, SequenceStep::kOldEpoch);
  EXPECT_EQ(older.known_epoch, ProducerEpoch{1});
  EXPECT_EQ(book.step(2, 1, 1), SequenceStep::kInOrder);
  book.sequences.add_marker(ProducerId{7}, ProducerEpoch{1}, 50);
  EXPECT_EQ(book.step(3, 1, 1), SequenceStep::kInOrder);
  book.sequences.add_marker(ProducerId{7}, ProducerEpoch{2}, 51);
  EXPECT_EQ(book.step(4, 1, 1), SequenceStep::kOldEpoch);
  EXPECT_EQ(book.step(0, 1, 2), SequenceStep::kFirst);
}

TEST(AuditSequences, ManyHolesNeverHideARepeat) {
  Book book;
  for (int i = 0; i < 100; ++i) book.add(i * 10);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(book.step(i * 10), SequenceStep::kSeen) << i;
}

TEST(AuditSequences, ABoundOnProducers) {
  AuditSequences sequences(10);
  uint64_t mark = 0;
  for (int64_t id = 0; id < 25; ++id)
    sequences.add({ProducerId{id}, ProducerEpoch{0}, Sequence{0}}, ++mark);
  EXPECT_EQ(sequences.seen(), 25u);
  EXPECT_GE(sequences.forgotten(), 15u);
  EXPECT_EQ(sequences.add({ProducerId{24}, ProducerEpoch{0}, Sequence{0}}, ++mark).step,
            SequenceStep::kSeen);
}

}  // namespace
}  // namespace semel::cli
