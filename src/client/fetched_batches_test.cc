#include "client/fetched_batches.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "record/control_batch.h"
#include "record/record_iterator.h"

namespace semel::client {
namespace {

bytes::Buffer load(const std::string& name) {
  std::ifstream file(std::string(SEMEL_GOLDEN_DIR) + "/" + name, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(text.empty()) << name;
  return bytes::Buffer::copy_of(text);
}

const std::string kTransactions = "kafka-4.3.1/clean/txn-0/00000000000000000000.log";

/// Aborted transactions as its .txnindex tells them: producer and first offset.
std::vector<AbortedTransaction> aborted() {
  return {{ProducerId{6}, Offset{6}},
          {ProducerId{5}, Offset{5}},
          {ProducerId{6}, Offset{16}},
          {ProducerId{5}, Offset{20}}};
}

/// What a reader must see, from the markers alone.
std::vector<int64_t> committed_offsets(const bytes::Buffer& bytes) {
  std::vector<int64_t> offsets;
  std::map<int64_t, std::vector<int64_t>> open;
  record::RecordScratch scratch;
  record::BatchIterator batches(bytes.span());
  for (auto batch = batches.next(); batch; batch = batches.next()) {
    const int64_t producer = batch->producer_id().value;
    if (batch->is_control()) {
      const auto marker = record::read_txn_marker(*batch, scratch);
      if (marker && *marker && (*marker)->is_commit)
        offsets.insert(offsets.end(), open[producer].begin(), open[producer].end());
      open[producer].clear();
      continue;
    }
    record::RecordIterator records(*batch, scratch);
    for (record::RecordView record; records.next(record);)
      (batch->is_transactional() ? open[producer] : offsets).push_back(record.offset.value);
  }
  std::sort(offsets.begin(), offsets.end());
  return offsets;
}

size_t first_size(const bytes::Buffer& bytes) {
  record::BatchIterator batches(bytes.span());
  return batches.next()->size();
}

struct Outcome {
  std::vector<int64_t> offsets;
  Offset position{0};
  Result<void> status;
};

Outcome read(FetchedBatches& fetched, bool is_read_committed, Offset from = Offset{0},
             size_t left = 100'000) {
  Outcome outcome;
  outcome.position = from;
  RecordVisitor visit = [&](const ConsumedRecord& record) {
    outcome.offsets.push_back(record.record.offset.value);
    return true;
  };
  outcome.status = fetched.read({"txn", 0, true, is_read_committed}, outcome.position, left, visit);
  return outcome;
}

TEST(FetchedBatches, ReadCommittedLeavesAbortedRecordsOut) {
  const bytes::Buffer bytes = load(kTransactions);
  FetchedBatches all(bytes, {});
  FetchedBatches committed(bytes, aborted());
  const Outcome everything = read(all, false);
  const Outcome visible = read(committed, true);
  ASSERT_TRUE(everything.status && visible.status);
  EXPECT_GT(everything.offsets.size(), visible.offsets.size());
  // From 25 on transactions are open where these bytes end; a broker sends nothing of them.
  auto stable = visible.offsets;
  std::erase_if(stable, [](int64_t offset) { return offset >= 25; });
  EXPECT_EQ(stable, committed_offsets(bytes));
  EXPECT_EQ(stable.size(), 9u);
  EXPECT_EQ(visible.position, everything.position) << "the position passes what is left out";
  EXPECT_TRUE(committed.is_empty());
}

TEST(FetchedBatches, ReadsInPiecesWithoutLossOrRepetition) {
  const bytes::Buffer bytes = load(kTransactions);
  FetchedBatches whole(bytes, aborted());
  const Outcome expected = read(whole, true);
  FetchedBatches pieces(bytes, aborted());
  std::vector<int64_t> offsets;
  Offset position{0};
  while (!pieces.is_empty()) {
    const Outcome piece = read(pieces, true, position, 1);
    ASSERT_TRUE(piece.status);
    offsets.insert(offsets.end(), piece.offsets.begin(), piece.offsets.end());
    position = piece.position;
  }
  EXPECT_EQ(offsets, expected.offsets);
}

TEST(FetchedBatches, BeginsInsideABatch) {
  FetchedBatches fetched(load(kTransactions), {});
  const Outcome outcome = read(fetched, false, Offset{1});
  ASSERT_FALSE(outcome.offsets.empty());
  EXPECT_GE(outcome.offsets.front(), 1);
}

TEST(FetchedBatches, ADamagedByteIsFoundAndTold) {
  const bytes::Buffer good = load(kTransactions);
  for (size_t at = 17; at < good.size(); at += 97) {
    std::vector<std::byte> bytes(good.span().begin(), good.span().end());
    bytes[at] ^= std::byte{0x40};
    FetchedBatches fetched(bytes::Buffer::take(std::move(bytes)), aborted());
    Offset position{0};
    size_t left = 100'000;
    RecordVisitor visit = [](const ConsumedRecord&) { return true; };
    const auto status = fetched.read({"txn", 0, true, true}, position, left, visit);
    if (!status) EXPECT_THAT(status.error().context, testing::StartsWith("txn-0 at offset "));
  }
}

TEST(FetchedBatches, APieceOfABatchBehindWholeOnesIsNoRecordAndNoError) {
  const bytes::Buffer good = load(kTransactions);
  const size_t first = first_size(good);
  for (size_t size = first; size < good.size(); size += 61) {
    FetchedBatches fetched(good.slice(0, size), aborted());
    const Outcome outcome = read(fetched, false);
    EXPECT_TRUE(outcome.status) << size;
    EXPECT_FALSE(outcome.offsets.empty());
    EXPECT_TRUE(fetched.is_empty());
  }
}

TEST(FetchedBatches, APieceOfABatchAloneIsToldInsteadOfFetchedForEver) {
  const bytes::Buffer good = load(kTransactions);
  const size_t first = first_size(good);
  for (size_t size = 1; size < first; size += 7) {
    FetchedBatches fetched(good.slice(0, size), aborted());
    const Outcome outcome = read(fetched, false, Offset{3});
    ASSERT_FALSE(outcome.status) << size;
    EXPECT_EQ(outcome.status.error().code, ErrorCode::kCorruptMessage);
    EXPECT_EQ(outcome.position, Offset{3});
    EXPECT_THAT(outcome.status.error().context, testing::HasSubstr("txn-0 at offset 3"));
    EXPECT_TRUE(fetched.is_empty());
  }
  FetchedBatches blank(bytes::Buffer::take(std::vector<std::byte>(200)), {});
  EXPECT_EQ(read(blank, false).status.error().code, ErrorCode::kCorruptMessage);
  FetchedBatches nothing(bytes::Buffer(), {});
  EXPECT_TRUE(read(nothing, false).status);
}

}  // namespace
}  // namespace semel::client
