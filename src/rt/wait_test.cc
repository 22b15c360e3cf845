#include "rt/wait.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rt/cancel.h"
#include "rt/event.h"
#include "rt/memory_stream.h"
#include "rt/stream_io.h"
#include "rt/test_executor.h"

namespace semel::rt {
namespace {

using std::chrono::milliseconds;

class Wait : public ::testing::Test {
 protected:
  WaitLimits within(int ms, const CancelToken* cancel = nullptr) {
    return {.deadline = clock_.now() + milliseconds(ms), .cancel = cancel};
  }
  void make_streams(size_t capacity) {
    auto [left, right] = make_memory_streams(executor_, executor_, capacity);
    left_ = std::move(left);
    right_ = std::move(right);
  }
  Transfer put(Stream& stream, std::string_view text) {
    const bytes::ByteSpan part = bytes::as_bytes(text);
    return stream.try_write(std::span(&part, 1), false);
  }
  std::string take(Stream& stream, size_t limit = 1000) {
    std::string text(limit, '\0');
    const Transfer got = stream.try_read(std::as_writable_bytes(std::span(text)));
    text.resize(got.state == Transfer::State::kDone ? got.count : 0);
    return text;
  }

  TestClock clock_;
  TestExecutor executor_{clock_};
  std::unique_ptr<Stream> left_;
  std::unique_ptr<Stream> right_;
};

Task<void> wait_readable(Stream& stream, WaitLimits limits, std::optional<WaitOutcome>* into) {
  const auto outcome = co_await readable(stream, limits);
  *into = outcome;
}

TEST_F(Wait, ReadableWhenBytesArrive) {
  make_streams(10);
  std::optional<WaitOutcome> outcome;
  spawn(wait_readable(*right_, within(50), &outcome));
  executor_.run_all();
  EXPECT_FALSE(outcome);
  EXPECT_EQ(put(*left_, "abc").count, 3u);
  EXPECT_FALSE(outcome) << "resumes through the mailbox, not inside the write";
  executor_.run_all();
  EXPECT_EQ(outcome, WaitOutcome::kReady);
  EXPECT_EQ(executor_.timers(), 0u) << "the deadline was taken back";
  EXPECT_EQ(take(*right_), "abc");
}

TEST_F(Wait, DeadlineTakesTheWaiterBack) {
  make_streams(10);
  std::optional<WaitOutcome> outcome;
  spawn(wait_readable(*right_, within(50), &outcome));
  executor_.advance(milliseconds(50));
  EXPECT_EQ(outcome, WaitOutcome::kDeadline);
  outcome.reset();
  spawn(wait_readable(*right_, {}, &outcome));  // the place is free again
  put(*left_, "x");
  executor_.run_all();
  EXPECT_EQ(outcome, WaitOutcome::kReady);
}

TEST_F(Wait, ReadinessOnItsWayBeatsTheDeadline) {
  make_streams(10);
  std::optional<WaitOutcome> outcome;
  spawn(wait_readable(*right_, within(50), &outcome));
  put(*left_, "x");  // the waiter is posted, and the timer fires before it runs
  executor_.advance(milliseconds(50));
  EXPECT_EQ(outcome, WaitOutcome::kReady);
}

TEST_F(Wait, CancellationEndsIt) {
  make_streams(10);
  CancelSource source;
  const CancelToken token = source.token();
  std::optional<WaitOutcome> outcome;
  spawn(wait_readable(*right_, within(50, &token), &outcome));
  source.cancel();
  EXPECT_FALSE(outcome);
  executor_.run_all();
  EXPECT_EQ(outcome, WaitOutcome::kCancelled);
  EXPECT_EQ(executor_.timers(), 0u);
  outcome.reset();
  spawn(wait_readable(*right_, {.cancel = &token}, &outcome));
  EXPECT_EQ(outcome, WaitOutcome::kCancelled) << "a cancelled token does not let anybody wait";
}

TEST_F(Wait, DeadlineWaitsForACancellationThatIsOnItsWay) {
  make_streams(10);
  CancelSource source;
  const CancelToken token = source.token();
  std::optional<WaitOutcome> outcome;
  spawn(wait_readable(*right_, within(50, &token), &outcome));
  source.cancel();
  executor_.advance(milliseconds(50));
  EXPECT_EQ(outcome, WaitOutcome::kDeadline);
  EXPECT_EQ(executor_.queued(), 0u);
}

Task<void> wait_pause(Executor& executor, WaitLimits limits, std::optional<WaitOutcome>* into) {
  const auto outcome = co_await pause(executor, limits);
  *into = outcome;
}

TEST_F(Wait, PauseEndsByTimeOrCancellation) {
  CancelSource source;
  const CancelToken token = source.token();
  std::optional<WaitOutcome> first;
  std::optional<WaitOutcome> second;
  spawn(wait_pause(executor_, within(10, &token), &first));
  spawn(wait_pause(executor_, within(20, &token), &second));
  executor_.advance(milliseconds(10));
  EXPECT_EQ(first, WaitOutcome::kDeadline);
  EXPECT_FALSE(second);
  source.cancel();
  executor_.run_all();
  EXPECT_EQ(second, WaitOutcome::kCancelled);
}

Task<void> wait_event(Event& event, WaitLimits limits, std::optional<WaitOutcome>* into) {
  const auto outcome = co_await event.wait(limits);
  *into = outcome;
}

TEST_F(Wait, EventWakesAllAndStaysSet) {
  Event event(executor_);
  std::optional<WaitOutcome> outcomes[4];
  spawn(wait_event(event, {}, &outcomes[0]));
  spawn(wait_event(event, within(5), &outcomes[1]));
  spawn(wait_event(event, within(50), &outcomes[2]));
  executor_.advance(milliseconds(5));
  EXPECT_EQ(outcomes[1], WaitOutcome::kDeadline);
  event.set();
  executor_.run_all();
  EXPECT_EQ(outcomes[0], WaitOutcome::kReady);
  EXPECT_EQ(outcomes[2], WaitOutcome::kReady);
  spawn(wait_event(event, {}, &outcomes[3]));
  EXPECT_EQ(outcomes[3], WaitOutcome::kReady);
  event.reset();
  EXPECT_FALSE(event.is_set());
}

Task<void> answer_bell(Doorbell& bell, WaitLimits limits, std::vector<WaitOutcome>* into) {
  const auto outcome = co_await bell.wait(limits);
  into->push_back(outcome);
}

TEST_F(Wait, DoorbellRemembersOneRing) {
  Doorbell bell(executor_);
  std::vector<WaitOutcome> outcomes;
  bell.ring();
  bell.ring();
  spawn(answer_bell(bell, {}, &outcomes));
  EXPECT_EQ(outcomes.size(), 1u);
  spawn(answer_bell(bell, within(10), &outcomes));
  executor_.run_all();
  EXPECT_EQ(outcomes.size(), 1u) << "the two rings were one";
  bell.ring();
  executor_.run_all();
  EXPECT_EQ(outcomes, (std::vector{WaitOutcome::kReady, WaitOutcome::kReady}));
  spawn(answer_bell(bell, within(10), &outcomes));
  executor_.advance(milliseconds(10));
  EXPECT_EQ(outcomes.back(), WaitOutcome::kDeadline);
  bell.ring();
  EXPECT_EQ(executor_.queued(), 0u) << "nobody waits any more";
}

Task<void> take_value(OneShot<std::string>& shot, WaitLimits limits,
                      std::vector<std::optional<std::string>>* into) {
  auto value = co_await shot.wait(limits);
  into->push_back(std::move(value));
}

TEST_F(Wait, OneShotHandsAValueOver) {
  std::vector<std::optional<std::string>> values;
  OneShot<std::string> before(executor_);
  before.set("early");
  spawn(take_value(before, {}, &values));
  OneShot<std::string> after(executor_);
  spawn(take_value(after, {}, &values));
  after.set("late");
  OneShot<std::string> never(executor_);
  spawn(take_value(never, within(10), &values));
  executor_.advance(milliseconds(10));
  ASSERT_EQ(values.size(), 3u);
  EXPECT_EQ(values[0], "early");
  EXPECT_TRUE(values[1] == "late" || values[2] == "late");
  EXPECT_TRUE(values[1] == std::nullopt || values[2] == std::nullopt);
}

TEST_F(Wait, MemoryStreamHoldsBackWhatDoesNotFit) {
  make_streams(4);
  EXPECT_EQ(put(*left_, "abcdef").count, 4u);
  EXPECT_EQ(put(*left_, "ef").state, Transfer::State::kWouldBlock);
  EXPECT_EQ(take(*right_, 3), "abc");
  EXPECT_EQ(put(*left_, "ef").count, 2u);  // wraps around the ring
  EXPECT_EQ(take(*right_), "def");
  EXPECT_EQ(right_->peer().to_text(), "memory:0");
}

TEST_F(Wait, MemoryStreamGathersParts) {
  make_streams(100);
  const std::string one = "one ";
  const std::string two = "two";
  const bytes::ByteSpan parts[] = {bytes::as_bytes(one), {}, bytes::as_bytes(two)};
  EXPECT_EQ(left_->try_write(parts, true).count, 7u);
  EXPECT_EQ(take(*right_), "one two");
}

TEST_F(Wait, MemoryStreamEndsAfterWhatWasSent) {
  make_streams(10);
  put(*left_, "last");
  left_->close();
  EXPECT_TRUE(left_->is_closed());
  EXPECT_EQ(take(*right_), "last");
  std::byte byte{};
  EXPECT_EQ(right_->try_read({&byte, 1}).state, Transfer::State::kEnd);
  EXPECT_EQ(put(*right_, "x").state, Transfer::State::kFailed);
  EXPECT_EQ(left_->try_read({&byte, 1}).state, Transfer::State::kFailed);
}

TEST_F(Wait, MemoryStreamCloseWakesBothEnds) {
  make_streams(10);
  std::optional<WaitOutcome> here;
  std::optional<WaitOutcome> there;
  spawn(wait_readable(*left_, {}, &here));
  spawn(wait_readable(*right_, {}, &there));
  left_.reset();
  executor_.run_all();
  EXPECT_EQ(here, WaitOutcome::kReady);
  EXPECT_EQ(there, WaitOutcome::kReady);
}

Task<void> send(Stream& stream, std::string text, std::optional<Result<void>>* into) {
  auto result = co_await write_all(stream, bytes::as_bytes(text));
  *into = std::move(result);
}

Task<void> receive(Stream& stream, size_t size, WaitLimits limits, std::string* text,
                   std::optional<Result<void>>* into) {
  text->resize(size);
  auto place = std::as_writable_bytes(std::span(*text));
  auto result = co_await read_exactly(stream, place, limits);
  *into = std::move(result);
}

TEST_F(Wait, WholeReadsAndWritesThroughASmallPipe) {
  make_streams(7);
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += static_cast<char>('a' + i % 26);
  std::optional<Result<void>> sent;
  std::optional<Result<void>> received;
  std::string text;
  spawn(send(*left_, expected, &sent));
  spawn(receive(*right_, expected.size(), {}, &text, &received));
  executor_.run_all();
  ASSERT_TRUE(sent && sent->has_value());
  ASSERT_TRUE(received && received->has_value());
  EXPECT_EQ(text, expected);
}

TEST_F(Wait, ReadsFailWithTheirCause) {
  make_streams(7);
  std::string text;
  std::optional<Result<void>> timed_out;
  spawn(receive(*right_, 3, within(10), &text, &timed_out));
  executor_.advance(milliseconds(10));
  ASSERT_TRUE(timed_out.has_value());
  EXPECT_EQ(timed_out->error().cause, Cause::kClosed);
  CancelSource source;
  const CancelToken token = source.token();
  std::optional<Result<void>> cancelled;
  spawn(receive(*right_, 3, {.cancel = &token}, &text, &cancelled));
  source.cancel();
  executor_.run_all();
  EXPECT_EQ(cancelled->error().cause, Cause::kCancelled);
  std::optional<Result<void>> ended;
  spawn(receive(*right_, 3, {}, &text, &ended));
  put(*left_, "ab");
  left_->close();
  executor_.run_all();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->error().code, ErrorCode::kNetworkException);
  EXPECT_EQ(ended->error().cause, Cause::kClosed);
}

TEST(Address, ReadsAndWritesItsText) {
  EXPECT_EQ((Address{"::1", 9092}).to_text(), "[::1]:9092");
  EXPECT_EQ((Address{"host", 1}).to_text(), "host:1");
  EXPECT_EQ(Address::from_text("host:9092"), (Address{"host", 9092}));
  EXPECT_EQ(Address::from_text("[::1]:9092"), (Address{"::1", 9092}));
  EXPECT_EQ(Address::from_text(":9092"), (Address{"", 9092}));
  for (const char* bad : {"", "host", "host:", "host:x", "host:65536", "host:-1", "::1:9092",
                          "[::1:9092", "host:90 ", "host:+1"}) {
    EXPECT_EQ(Address::from_text(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace semel::rt
