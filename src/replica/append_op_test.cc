#include "replica/append_op.h"

#include <gtest/gtest.h>

#include "replica/partition.h"
#include "replica/read_waiter.h"

namespace semel::replica {
namespace {

struct Counter final : ReadWaiter {
  void on_readable(int64_t count) override { bytes += count; }
  int64_t bytes = 0;
};

TEST(ReadWaiterList, TellsWhoIsListed) {
  ReadWaiterList list;
  Counter first;
  Counter second;
  list.notify(5);
  list.add(first);
  list.add(second);
  list.notify(7);
  list.remove(first);
  list.remove(first);
  list.notify(11);
  list.remove(second);
  list.notify(13);
  EXPECT_EQ(first.bytes, 7);
  EXPECT_EQ(second.bytes, 18);
}

TEST(LookupSlots, AreBounded) {
  LookupSlots slots(2);
  EXPECT_TRUE(slots.try_enter());
  EXPECT_TRUE(slots.try_enter());
  EXPECT_FALSE(slots.try_enter());
  slots.leave();
  EXPECT_TRUE(slots.try_enter());
}

TEST(AppendOp, TellsDedupWhatTheProducerSent) {
  AppendOp op;
  op.verdict.facts.producer_id = ProducerId{7};
  op.verdict.facts.producer_epoch = ProducerEpoch{2};
  op.verdict.facts.base_sequence = Sequence{40};
  op.verdict.facts.last_offset_delta = 3;
  op.verdict.facts.crc = 0xabcd;
  const log::BatchIdentity identity = op.identity();
  EXPECT_EQ(identity.producer_id.value, 7);
  EXPECT_EQ(identity.epoch.value, 2);
  EXPECT_EQ(identity.last_sequence().value, 43);
  EXPECT_EQ(identity.crc, 0xabcdu);
  EXPECT_TRUE(identity.crc_is_known);
}

}  // namespace
}  // namespace semel::replica
