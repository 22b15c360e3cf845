#include "api/broker/fetch_session.h"

#include <gtest/gtest.h>

namespace semel::api::broker {
namespace {

class HandClock final : public rt::Clock {
 public:
  rt::Instant now() const override { return now_; }
  int64_t unix_ms() const override { return now_.ns / 1'000'000; }
  void advance(rt::Duration by) { now_ = now_ + by; }

 private:
  rt::Instant now_{1};
};

class Counting final : public rt::Random {
 public:
  uint64_t next() override { return ++last_; }

 private:
  uint64_t last_ = 0;
};

FetchTarget target(int32_t partition, int64_t offset = 0) {
  FetchTarget target;
  target.topic = "t";
  target.partition = partition;
  target.fetch_offset = offset;
  return target;
}

std::vector<FetchTarget> targets(int32_t count) {
  std::vector<FetchTarget> all;
  for (int32_t i = 0; i < count; ++i) all.push_back(target(i));
  return all;
}

std::vector<int32_t> order_of(const FetchSession& session) {
  std::vector<int32_t> order;
  session.for_each([&](const FetchTarget& member) { order.push_back(member.partition); });
  return order;
}

TEST(FetchSession, PartitionsWithDataGoToTheEnd) {
  FetchSession session(1, false, false);
  for (const FetchTarget& member : targets(3)) session.update(member);
  EXPECT_TRUE(session.note(target(0), {10, 0, false}, true));
  EXPECT_EQ(order_of(session), (std::vector<int32_t>{1, 2, 0}));
  session.update(target(1, 77));
  EXPECT_EQ(order_of(session), (std::vector<int32_t>{1, 2, 0}));
  session.forget(target(2));
  session.forget(target(9));
  EXPECT_EQ(order_of(session), (std::vector<int32_t>{1, 0}));
}

TEST(FetchSession, OnlyNewsAreTold) {
  FetchSession session(1, false, false);
  session.update(target(0));
  EXPECT_TRUE(session.note(target(0), {5, 0, false}, false)) << "never told before";
  EXPECT_FALSE(session.note(target(0), {5, 0, false}, false));
  EXPECT_TRUE(session.note(target(0), {6, 0, false}, false)) << "high watermark";
  EXPECT_TRUE(session.note(target(0), {6, 2, false}, false)) << "log start";
  EXPECT_TRUE(session.note(target(0), {-1, -1, true}, false)) << "error";
  EXPECT_TRUE(session.note(target(0), {6, 2, false}, false)) << "error is over";
  EXPECT_FALSE(session.note(target(0), {6, 2, false}, false));
}

TEST(FetchSession, EpochsWrapToOne) {
  FetchSession session(1, false, false);
  EXPECT_EQ(session.next_epoch(), 1);
  session.advance_epoch();
  EXPECT_EQ(session.next_epoch(), 2);
  EXPECT_EQ(FetchSession::epoch_after(INT32_MAX), 1);
}

TEST(FetchSessionCache, AFullCacheKeepsWhatIsInUse) {
  HandClock clock;
  Counting random;
  FetchSessionCache cache(2, clock, random);
  const auto id_of = [](const SharedSession& session) { return session->lock()->id(); };
  const auto first = cache.create(false, false, targets(3));
  const auto second = cache.create(false, false, targets(3));
  ASSERT_TRUE(first != nullptr && second != nullptr);
  EXPECT_EQ(cache.create(false, false, targets(9)), nullptr) << "both are young";
  const auto follower = cache.create(false, true, targets(1));
  ASSERT_NE(follower, nullptr) << "followers come first";
  EXPECT_EQ(cache.size(), 2u);

  const int32_t left = cache.find(id_of(first)) != nullptr ? id_of(first) : id_of(second);
  clock.advance(FetchSessionCache::kProtected / 2);
  ASSERT_NE(cache.find(left), nullptr);
  clock.advance(FetchSessionCache::kProtected * 2 / 3);
  EXPECT_NE(cache.create(false, false, targets(9)), nullptr) << "the follower's was not used";
  EXPECT_EQ(cache.find(id_of(follower)), nullptr);
  EXPECT_NE(cache.find(left), nullptr);
}

TEST(FetchSessionCache, WhatCannotBeKeptIsServedWithout) {
  HandClock clock;
  Counting random;
  FetchSessionCache cache(2, clock, random);
  EXPECT_EQ(cache.create(false, false, {}), nullptr);
  FetchSessionCache none(0, clock, random);
  EXPECT_EQ(none.create(false, false, targets(1)), nullptr);
}

TEST(FetchSessionCache, AllSessionsTogetherHaveALimit) {
  HandClock clock;
  Counting random;
  FetchSessionCache cache(1000, clock, random);
  constexpr size_t kMost = FetchSessionCache::kPartitionsMax;
  const std::vector<FetchTarget> most = targets(kMost);
  std::vector<int32_t> ids;
  for (size_t i = 0; i < FetchSessionCache::kTotalMax / kMost; ++i) {
    const SharedSession session = cache.create(false, false, most);
    ASSERT_NE(session, nullptr);
    ids.push_back(session->lock()->id());
  }
  EXPECT_EQ(cache.create(false, false, targets(1)), nullptr);
  EXPECT_EQ(cache.partitions_of(ids[0]), kMost);
  EXPECT_EQ(cache.partitions_of(-5), 0u);

  cache.remove(ids[0]);
  const SharedSession small = cache.create(false, false, targets(10));
  ASSERT_NE(small, nullptr);
  ASSERT_NE(cache.create(false, false, targets(10)), nullptr);
  EXPECT_FALSE(small->lock()->change(most, {})) << "with what it would grow to, there are too many";
  EXPECT_NE(cache.create(false, true, targets(20)), nullptr) << "a follower's takes the place";

  clock.advance(FetchSessionCache::kProtected * 2);
  EXPECT_NE(cache.create(false, false, most), nullptr) << "others are stale";
}

}  // namespace
}  // namespace semel::api::broker
