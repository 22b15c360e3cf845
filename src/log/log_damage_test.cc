// Reading a log whose stored bytes were damaged while it is open: below the recovery point nothing
// is cut, so readers are told, and the operator is.
#include <gtest/gtest.h>

#include "log/log.h"
#include "log/test_support.h"
#include "record/batch_header.h"

namespace semel::log {
namespace {

using testing::BatchMaker;
using testing::lead;
using testing::LogBench;
using testing::TempFolder;
using testing::text_of;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr size_t kBatches = 5;  // in the closed segment

class LogDamageTest : public ::testing::Test {
 protected:
  /// Batches of four records each: [0, 3], [4, 7], …, none of them fresh; all but the last in a
  /// closed segment.
  void SetUp() override {
    size_ = maker_.make(4, 100, kNow).size();
    config_.segment_bytes = static_cast<int64_t>(kBatches * size_);
    log_ = std::move(*bench_.open(temp_.at("t-0"), config_));
    for (size_t i = 0; i <= kBatches; ++i)
      ASSERT_TRUE(lead(*log_, maker_.make(4, 100, kNow + static_cast<int64_t>(i) * 10)));
    ASSERT_EQ(log_->segment_count(), 2u);
    bench_.clock.advance_ms(2000);
  }
  void reopen() {
    const LoadHints hints{.was_clean = true, .high_watermark = log_->high_watermark()};
    ASSERT_TRUE(log_->close_clean());
    auto opened = bench_.open(temp_.at("t-0"), config_, hints);
    ASSERT_TRUE(opened) << opened.error().context;
    log_ = std::move(*opened);
  }
  /// One bit of a byte of the header of batch `index`.
  void flip(size_t index, size_t field, int bit) {
    const std::string path = temp_.at("t-0/00000000000000000000.log");
    std::string content = text_of(path);
    char& byte = content.at(index * size_ + field);
    byte = static_cast<char>(byte ^ (1 << bit));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(index * size_ + field));
    file.put(byte);
  }
  Result<ReadSlice> read(int64_t from, size_t bytes_max = 1 << 20) {
    return log_->read(Offset{from}, bytes_max, log_->log_end(), true);
  }
  ErrorCode code_of(int64_t from, size_t bytes_max = 1 << 20) {
    const auto slice = read(from, bytes_max);
    return slice ? ErrorCode::kNone : slice.error().code;
  }

  rt::StartedRuntime runtime_;
  TempFolder temp_;
  LogBench bench_{*runtime_->disk, *runtime_->random};
  BatchMaker maker_;
  LogConfig config_;
  std::unique_ptr<Log> log_;
  size_t size_ = 0;  // of each batch
};

TEST_F(LogDamageTest, ABatchThatRunsPastTheEndIsNotServed) {
  flip(2, SEMEL_BATCH_FIELD(batch_length), 4);
  for (const bool is_reopened : {false, true}) {
    if (is_reopened) reopen();
    for (const size_t bytes_max : {size_t{1}, size_t{1} << 20}) {
      for (const int64_t offset : {8, 9, 11})
        EXPECT_EQ(code_of(offset, bytes_max), ErrorCode::kCorruptMessage)
            << offset << (is_reopened ? " reopened" : "");
    }
    EXPECT_EQ(code_of(4), ErrorCode::kNone) << "what lies before it";
    const auto refused = read(8);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().context.find("t-0/00000000000000000000.log"), std::string::npos)
        << refused.error().context;
  }
  EXPECT_FALSE(bench_.failure) << "one rotten batch takes no directory offline";
}

TEST_F(LogDamageTest, StoredBytesThatAreNoBatchAreCorrupt) {
  flip(2, SEMEL_BATCH_FIELD(magic), 6);
  EXPECT_EQ(code_of(8), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(8, 10), ErrorCode::kCorruptMessage);
  reopen();
  EXPECT_EQ(code_of(8), ErrorCode::kCorruptMessage);
  EXPECT_EQ(code_of(8, 10), ErrorCode::kCorruptMessage);
  EXPECT_FALSE(bench_.failure);
}

TEST_F(LogDamageTest, ABatchThatClaimsFewerOffsetsHidesNone) {
  flip(2, SEMEL_BATCH_FIELD(last_offset_delta) + 3, 1);  // 3 → 1
  for (const bool is_reopened : {false, true}) {
    if (is_reopened) reopen();
    for (const int64_t offset : {8, 9, 10, 11}) {
      const auto slice = read(offset);
      if (!slice) {
        EXPECT_EQ(slice.error().code, ErrorCode::kCorruptMessage);
        continue;
      }
      EXPECT_EQ(slice->range.at, 2 * size_) << "its checksum tells the reader of offset " << offset;
    }
    EXPECT_EQ(read(12)->range.at, 3 * size_);
  }
}

TEST_F(LogDamageTest, LookUpsByTimestampTellItToo) {
  flip(2, SEMEL_BATCH_FIELD(magic), 6);
  EXPECT_EQ(log_->offset_for_timestamp(kNow + 10, log_->log_end())->offset, Offset{4});
  const auto behind = log_->offset_for_timestamp(kNow + 40, log_->log_end());
  ASSERT_FALSE(behind);
  EXPECT_EQ(behind.error().code, ErrorCode::kCorruptMessage);
  EXPECT_FALSE(bench_.failure);
}

TEST_F(LogDamageTest, TheOperatorIsToldOncePerSegment) {
  flip(2, SEMEL_BATCH_FIELD(batch_length), 4);
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(read(8 + i % 4));
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(told, '\n'), 1) << told;
  EXPECT_NE(told.find("00000000000000000000.log"), std::string::npos) << told;
  EXPECT_NE(told.find("semel audit"), std::string::npos) << told;
}

/// The log was flushed, then rolled, and the process was killed before the snapshot of its
/// producers was written: the first start reads the closed segment once more, later ones must not
/// depend on it.
class LogDamageRestartTest : public LogDamageTest {
 protected:
  void SetUp() override {
    const auto batch = [&](int32_t sequence) {
      return maker_.make(4, 100, kNow,
                         {.producer_id = ProducerId{7},
                          .producer_epoch = ProducerEpoch{0},
                          .base_sequence = Sequence{sequence}});
    };
    size_ = batch(0).size();
    config_.segment_bytes = static_cast<int64_t>(kBatches * size_);
    log_ = std::move(*bench_.open(temp_.at("t-0"), config_));
    for (size_t i = 0; i < kBatches; ++i)
      ASSERT_TRUE(lead(*log_, batch(static_cast<int32_t>(4 * i))));
    ASSERT_TRUE(log_->flush());
    hints_ = {.was_clean = false, .recovery_point = log_->recovery_point()};
    ASSERT_EQ(hints_.recovery_point, Offset{4 * kBatches});
    ASSERT_TRUE(lead(*log_, batch(4 * kBatches)));
    ASSERT_EQ(log_->segment_count(), 2u);
  }
  Result<std::unique_ptr<Log>> restart() {
    log_.reset();
    return bench_.open(temp_.at("t-0"), config_, hints_);
  }
  LoadHints hints_;
};

TEST_F(LogDamageRestartTest, AStartThatReadAClosedSegmentLeavesASnapshot) {
  auto opened = restart();
  ASSERT_TRUE(opened) << opened.error().context;
  log_ = std::move(*opened);
  const auto last_of = [&] {
    return log_->inspect_producers([](const ProducerState& producers) {
      const auto snapshot = producers.snapshot();
      return snapshot.empty() ? Sequence{-1} : snapshot.front().last_sequence;
    });
  };
  EXPECT_EQ(last_of(), Sequence{4 * (kBatches + 1) - 1});
  flip(2, SEMEL_BATCH_FIELD(batch_length), 4);
  opened = restart();
  ASSERT_TRUE(opened) << opened.error().context;
  log_ = std::move(*opened);
  EXPECT_EQ(last_of(), Sequence{4 * (kBatches + 1) - 1});
  EXPECT_EQ(log_->log_end(), Offset{4 * (kBatches + 1)});
  EXPECT_EQ(code_of(8), ErrorCode::kCorruptMessage);
}

TEST_F(LogDamageRestartTest, WhatIsNeededAndDamagedIsRefusedWithItsPlaceAndWhatToTry) {
  flip(2, SEMEL_BATCH_FIELD(batch_length), 4);
  const auto refused = restart();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruptMessage);
  for (const char* part : {"t-0/00000000000000000000.log", "position", "Try:"})
    EXPECT_NE(refused.error().context.find(part), std::string::npos) << refused.error().context;
}

}  // namespace
}  // namespace semel::log
