#include "peer/connection.h"

#include <gtest/gtest.h>

#include "gen/api_versions.h"
#include "rt/memory_stream.h"
#include "rt/stream_io.h"
#include "rt/test_executor.h"
#include "wire/frame.h"

namespace semel::peer {
namespace {

bytes::Buffer frame_of(int32_t correlation_id, std::string_view body) {
  bytes::Writer writer;
  writer.put_i32(static_cast<int32_t>(4 + body.size()));
  writer.put_i32(correlation_id);
  writer.put_text(body);
  return writer.take();
}

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    auto [near, far] = rt::make_memory_streams(executor_, executor_, 4096);
    far_ = std::move(far);
    connection_ = std::make_unique<Connection>(
        std::move(near), ConnectionOptions{.client_id = "c", .response_bytes_max = 1024});
  }
  ~ConnectionTest() override {
    connection_.reset();
    far_.reset();
    executor_.run_all();
  }

  void start_call(std::optional<Result<bytes::Buffer>>& out, std::string_view body,
                  rt::WaitLimits limits = {}) {
    rt::spawn(drive(*connection_, bytes::Buffer::copy_of(body), limits, out));
    executor_.run_all();
  }
  static rt::Task<void> drive(Connection& connection, bytes::Buffer body, rt::WaitLimits limits,
                              std::optional<Result<bytes::Buffer>>& out) {
    auto answer = co_await connection.call(3, 1, body, limits);
    out.emplace(std::move(answer));
  }
  void answer(const bytes::Buffer& frame) {
    const bytes::ByteSpan parts[] = {frame.span()};
    ASSERT_EQ(far_->try_write(parts, false).count, frame.size());
    executor_.run_all();
  }

  rt::TestClock clock_;
  rt::TestExecutor executor_{clock_};
  std::unique_ptr<rt::Stream> far_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, PipelinesCallsAndMatchesAnswers) {
  std::optional<Result<bytes::Buffer>> first;
  std::optional<Result<bytes::Buffer>> second;
  start_call(first, "one");
  start_call(second, "two");
  std::byte sent[64];
  const auto read = far_->try_read(sent);
  bytes::Reader reader(bytes::ByteSpan(sent, read.count));
  EXPECT_EQ(reader.read_i32(), 4 + 4 + 3 + 3);
  EXPECT_EQ(reader.read_i16(), 3);
  EXPECT_EQ(reader.read_i16(), 1);
  EXPECT_EQ(reader.read_i32(), 0);
  answer(frame_of(0, "eins"));
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ((*first)->text(), "eins");
  EXPECT_FALSE(second.has_value());
  answer(frame_of(1, "zwei"));
  EXPECT_EQ((*second)->text(), "zwei");
}

TEST_F(ConnectionTest, AnAnswerToNoRequestBreaksIt) {
  std::optional<Result<bytes::Buffer>> call;
  start_call(call, "x");
  answer(frame_of(77, "?"));
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->error().code, ErrorCode::kNetworkException);
  EXPECT_TRUE(connection_->is_broken());
}

TEST_F(ConnectionTest, ATooLargeAnswerBreaksItBeforeMemoryIsTaken) {
  std::optional<Result<bytes::Buffer>> call;
  start_call(call, "x");
  bytes::Writer writer;
  writer.put_i32(0x7fffffff);
  answer(writer.take());
  ASSERT_TRUE(call.has_value());
  EXPECT_FALSE(call->has_value());
}

TEST_F(ConnectionTest, TheEndOfTheStreamFailsEveryCall) {
  std::optional<Result<bytes::Buffer>> first;
  std::optional<Result<bytes::Buffer>> second;
  start_call(first, "x");
  start_call(second, "y");
  far_->close();
  executor_.run_all();
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->error().cause, Cause::kClosed);
  std::optional<Result<bytes::Buffer>> later;
  start_call(later, "z");
  EXPECT_FALSE(later->has_value());
}

TEST_F(ConnectionTest, ADeadlineBreaksIt) {
  std::optional<Result<bytes::Buffer>> call;
  start_call(call, "x", {.deadline = clock_.now() + std::chrono::seconds(1)});
  executor_.advance(std::chrono::milliseconds(999));
  EXPECT_FALSE(call.has_value());
  executor_.advance(std::chrono::milliseconds(2));
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->error().code, ErrorCode::kRequestTimedOut);
  EXPECT_TRUE(connection_->is_broken());
}

TEST_F(ConnectionTest, NegotiatesAndFallsBackToTheOldestSchema) {
  std::optional<Result<void>> done;
  rt::spawn([](Connection& connection, std::optional<Result<void>>& out) -> rt::Task<void> {
    auto result = co_await connection.negotiate();
    out.emplace(std::move(result));
  }(*connection_, done));
  executor_.run_all();
  std::string body("\0\x23\0\0\0\1\0\x12\0\0\0\3", 12);
  answer(frame_of(0, body));
  EXPECT_FALSE(done.has_value());
  body = std::string("\0\0\0\0\0\1\0\3\0\0\0\x0d", 12);
  answer(frame_of(1, body));
  ASSERT_TRUE(done.has_value() && done->has_value());
  EXPECT_EQ(connection_->versions(3).max, 13);
  EXPECT_EQ(connection_->versions(4).max, -1);
}

}  // namespace
}  // namespace semel::peer
