#include "log/duplicate_lookup.h"

#include <gtest/gtest.h>

#include "log/producer_state_testing.h"

namespace semel::log {
namespace {

using testing::batch_bytes;
using testing::identity_of;
using testing::Sent;
using testing::stored_of;
using testing::StoredLog;

class CountingLog final : public StoredLog {
 public:
  uint64_t bytes_read = 0;
  int reads = 0;
  bool knows_no_index = false;

  void add(const Sent& sent) {
    std::vector<std::byte> batch = batch_bytes(sent, end);
    const Offset first = end;
    end = stored_of(record::BatchView(batch)).last_offset + 1;
    batches.emplace(first.value, std::move(batch));
  }
  Result<bytes::Buffer> read(Offset from, uint64_t bytes_max) override {
    auto bytes = StoredLog::read(from, bytes_max);
    if (bytes) bytes_read += bytes->size();
    ++reads;
    return bytes;
  }
  Result<Offset> offset_before(Offset to, uint64_t bytes) override {
    return knows_no_index ? Result<Offset>(start) : StoredLog::offset_before(to, bytes);
  }
};

struct Case {
  CountingLog log;
  Result<LookupResult> find(const Sent& sent, uint64_t bytes_max = uint64_t{64} << 20) {
    const bytes::Buffer received = bytes::Buffer::take(batch_bytes(sent));
    return look_up(log, identity_of(record::BatchView(received.span())), received,
                   {log.start, log.end - 1}, bytes_max);
  }
};

std::string big(int i) { return std::string(10'000, static_cast<char>('a' + i % 26)); }

TEST(DuplicateLookup, ReadsTheNewestEndFirst) {
  Case test;
  for (int32_t i = 0; i < 1000; ++i) test.log.add({.base_sequence = i, .content = big(i)});
  const auto found = test.find({.base_sequence = 990, .content = big(990)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->match, Match::kEqual);
  EXPECT_TRUE(found->same_bytes);
  EXPECT_EQ(found->stored.first_offset, Offset{990});
  EXPECT_LT(test.log.bytes_read, 3u << 20);
}

TEST(DuplicateLookup, StopsAtABatchThatCameBefore) {
  Case test;
  for (int32_t i = 0; i < 1000; ++i)
    test.log.add({.base_sequence = i < 995 ? i : i + 10, .content = big(i)});
  EXPECT_EQ(test.find({.base_sequence = 1000, .content = "x"})->match, Match::kNotFound);
  EXPECT_LT(test.log.bytes_read, 3u << 20);
}

TEST(DuplicateLookup, NeverReadsMuchMoreThanItsBytes) {
  for (const bool knows_no_index : {false, true}) {
    Case test;
    test.log.knows_no_index = knows_no_index;
    for (int32_t i = 0; i < 2000; ++i)
      test.log.add({.producer_id = 1 + i % 3, .base_sequence = i, .content = big(i)});
    const auto found = test.find({.producer_id = 9, .content = "x"}, 5u << 20);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->match, Match::kOutOfReach);
    EXPECT_LT(test.log.bytes_read, 6u << 20);
  }
}

TEST(DuplicateLookup, OtherProducersAndEpochsDoNotCount) {
  Case test;
  test.log.add({.producer_id = 1, .epoch = 0, .base_sequence = 0, .content = "a"});
  test.log.add({.producer_id = 0, .epoch = 1, .base_sequence = 0, .content = "a"});
  EXPECT_EQ(test.find({.producer_id = 0, .epoch = 0, .content = "a"})->match, Match::kNotFound);
  EXPECT_EQ(test.find({.producer_id = 0, .epoch = 1, .content = "a"})->match, Match::kEqual);
  EXPECT_EQ(test.find({.producer_id = 0, .epoch = 1, .content = "b"})->match, Match::kDifferent);
  EXPECT_EQ(test.find({.producer_id = 0, .epoch = 1, .records = 2, .content = "a"})->match,
            Match::kPartOf);
}

TEST(DuplicateLookup, AnEqualBatchCountsWhereARangeLiesTwice) {
  Case test;
  test.log.add({.content = "first life"});
  test.log.add({.content = "second life"});
  EXPECT_EQ(test.find({.content = "first life"})->stored.first_offset, Offset{0});
  EXPECT_EQ(test.find({.content = "second life"})->stored.first_offset, Offset{1});
  EXPECT_EQ(test.find({.content = "third"})->match, Match::kDifferent);
}

TEST(DuplicateLookup, DeletedMeanwhileIsNotFound) {
  Case test;
  test.log.add({.content = "a", .codec = bytes::CodecId::kGzip});
  test.log.add({.base_sequence = 1, .content = "b"});
  const bytes::Buffer received = bytes::Buffer::take(batch_bytes({.content = "a"}));
  const BatchIdentity identity = identity_of(record::BatchView(received.span()));
  const auto equal = compare_with_stored(test.log, identity, received, Offset{0});
  ASSERT_TRUE(equal);
  EXPECT_EQ(equal->match, Match::kEqual);
  EXPECT_FALSE(equal->same_bytes);
  test.log.delete_below(Offset{1});
  EXPECT_EQ(compare_with_stored(test.log, identity, received, Offset{0})->match, Match::kNotFound);
  EXPECT_EQ(compare_with_stored(test.log, identity, received, Offset{1})->match, Match::kNotFound);
}

TEST(DuplicateLookup, WhatWasReceivedMustBeOneBatch) {
  Case test;
  test.log.add({});
  std::vector<std::byte> two = batch_bytes({});
  const std::vector<std::byte> one = two;
  two.insert(two.end(), one.begin(), one.end());
  const BatchIdentity identity = identity_of(record::BatchView(one));
  EXPECT_FALSE(compare_with_stored(test.log, identity, bytes::Buffer::take(two), Offset{0}));
  EXPECT_FALSE(compare_with_stored(test.log, identity, bytes::Buffer::copy_of("short"), Offset{0}));
  EXPECT_FALSE(compare_with_stored(test.log, identity, bytes::Buffer{}, Offset{0}));
}

}  // namespace
}  // namespace semel::log
