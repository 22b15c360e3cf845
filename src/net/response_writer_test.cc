#include "net/response_writer.h"

#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "net/response_queue.h"
#include "rt/test_executor.h"

namespace semel::net {
namespace {

/// Known content, of which some is not in memory unless `is_cached`.
class FakeFile final : public rt::File {
 public:
  explicit FakeFile(std::mt19937_64& random, bool is_cached = false)
      : random_(random), is_cached_(is_cached) {}
  static std::byte at(uint64_t position) { return static_cast<std::byte>(position * 131 >> 3); }

  Result<size_t> pread(uint64_t from, bytes::MutableByteSpan into) override {
    for (size_t i = 0; i < into.size(); ++i) into[i] = at(from + i);
    return into.size();
  }
  size_t read_cached(uint64_t from, bytes::MutableByteSpan into) override {
    const size_t count =
        !is_cached_ && random_() % 4 == 0 ? random_() % (into.size() + 1) : into.size();
    return *pread(from, into.first(count));
  }
  Result<void> pwritev(uint64_t, std::span<const bytes::ByteSpan>) override { return {}; }
  Result<uint64_t> size() override { return 1 << 30; }
  Result<void> truncate(uint64_t) override { return {}; }
  Result<void> sync() override { return {}; }
  bool is_cached(uint64_t, size_t) override { return true; }
  int descriptor() const override { return -1; }

 private:
  std::mt19937_64& random_;
  const bool is_cached_;
};

/// Takes some of what it is given, and sometimes nothing.
class FakeStream final : public rt::Stream {
 public:
  explicit FakeStream(std::mt19937_64& random) : random_(random) {}

  rt::Executor& executor() override { return executor_; }
  rt::Transfer try_read(bytes::MutableByteSpan) override { return {rt::Transfer::State::kEnd}; }
  rt::Transfer try_write(std::span<const bytes::ByteSpan> parts, bool more_follows) override {
    ++calls;
    is_held_back = more_follows;
    if (random_() % 5 == 0) return {rt::Transfer::State::kWouldBlock};
    size_t total = 0;
    for (const auto& part : parts) total += part.size();
    EXPECT_GT(total, 0u);
    const size_t taken = random_() % 3 == 0 ? total : 1 + random_() % total;
    size_t left = taken;
    for (const auto& part : parts) {
      const size_t count = std::min(left, part.size());
      received.append(bytes::as_text(part.first(count)));
      left -= count;
    }
    return {rt::Transfer::State::kDone, taken};
  }
  rt::Transfer try_send_file(const rt::FileRange& range, bool more_follows) override {
    ++files;
    is_held_back = more_follows;
    std::vector<std::byte> content(1 + random_() % range.size);
    EXPECT_TRUE(range.file->pread(range.at, content));
    received.append(bytes::as_text(content));
    return {rt::Transfer::State::kDone, content.size()};
  }
  void wait_readable(rt::Mail&) override {}
  void wait_writable(rt::Mail&) override {}
  void close() override {}
  bool is_closed() const override { return false; }
  rt::Address peer() const override { return {}; }
  rt::Address local() const override { return {}; }

  std::string received;
  bool is_held_back = false;  // the system may wait for more before it sends the last bytes
  size_t calls = 0;
  size_t files = 0;

 private:
  std::mt19937_64& random_;
  rt::TestClock clock_;
  rt::TestExecutor executor_{clock_};
};

TEST(ResponseWriter, SendsEveryByteInOrderHoweverTheStreamTakesThem) {
  size_t files_sent = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    FakeStream stream(random);
    auto file = std::make_shared<FakeFile>(random);
    ResponseQueue queue;
    std::vector<std::unique_ptr<Exchange>> exchanges;
    std::string expected;
    for (size_t i = 0; i < 1 + random() % 40; ++i) {
      Exchange& exchange = *exchanges.emplace_back(std::make_unique<Exchange>());
      exchange.is_finished = true;
      if (random() % 8 == 0) exchange.response.fate = api::Response::Fate::kNone;
      std::string text;
      for (size_t piece = 0; piece < random() % 6; ++piece) {
        const std::string memory(random() % 3 == 0 ? 0 : random() % 300,
                                 static_cast<char>('a' + piece));
        exchange.response.out.put_bytes(bytes::as_bytes(memory));
        text += memory;
        const size_t limit = random() % 4 == 0 ? 200'000 : 3'000;
        const rt::FileRange range{file, random() % 10'000, 1 + random() % limit};
        exchange.response.out.put_splice(static_cast<uint32_t>(exchange.response.files.size()),
                                         static_cast<uint32_t>(range.size));
        exchange.response.files.push_back(range);
        std::vector<std::byte> content(range.size);
        ASSERT_TRUE(file->pread(range.at, content));
        text += bytes::as_text(content);
      }
      const std::string end = random() % 2 == 0 ? "end" : "";
      exchange.response.out.put_bytes(bytes::as_bytes(end));
      text += end;
      if (exchange.response.fate == api::Response::Fate::kSend) expected += text;
      queue.push(exchange);
    }
    ResponseWriter writer;
    SendScratch scratch;
    while (true) {
      const auto outcome = writer.write(stream, queue, scratch, [&] { queue.pop(); });
      if (outcome == ResponseWriter::Outcome::kDrained) break;
      ASSERT_EQ(outcome, ResponseWriter::Outcome::kWouldBlock);
    }
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(stream.received.size(), expected.size()) << "seed " << seed;
    EXPECT_TRUE(stream.received == expected) << "seed " << seed;
    EXPECT_FALSE(stream.is_held_back) << "seed " << seed;
    EXPECT_EQ(writer.bytes_sent(), expected.size());
    files_sent += stream.files;
  }
  EXPECT_GT(files_sent, 0u) << "large ones leave the file directly";
}

TEST(ResponseWriter, ASmallFetchIsOneCall) {
  std::mt19937_64 random(1);
  Exchange exchange;
  exchange.is_finished = true;
  exchange.response.out.put_bytes(bytes::as_bytes(std::string("head")));
  exchange.response.out.put_splice(0, 16'000);
  exchange.response.files.push_back({std::make_shared<FakeFile>(random, true), 0, 16'000});
  exchange.response.out.put_bytes(bytes::as_bytes(std::string("tags")));
  ResponseQueue queue;
  queue.push(exchange);
  FakeStream stream(random);
  ResponseWriter writer;
  SendScratch scratch;
  while (writer.write(stream, queue, scratch, [&] { queue.pop(); }) ==
         ResponseWriter::Outcome::kWouldBlock) {
  }
  EXPECT_EQ(stream.files, 0u);
  EXPECT_EQ(stream.received.size(), 16'008u);
}

// As many pieces as one call takes, and nothing behind them, as in Fetch up to version 11.
TEST(ResponseWriter, NothingIsHeldBackWhenTheLastPieceFillsTheCall) {
  std::mt19937_64 random(1);
  Exchange exchange;
  exchange.is_finished = true;
  const auto file = std::make_shared<FakeFile>(random, true);
  for (uint32_t i = 0; i < 32; ++i) {
    exchange.response.out.put_bytes(bytes::as_bytes(std::string("head")));
    exchange.response.out.put_splice(i, 100);
    exchange.response.files.push_back({file, 100 * i, 100});
  }
  ResponseQueue queue;
  queue.push(exchange);
  FakeStream stream(random);
  ResponseWriter writer;
  SendScratch scratch;
  while (writer.write(stream, queue, scratch, [&] { queue.pop(); }) ==
         ResponseWriter::Outcome::kWouldBlock) {
  }
  EXPECT_EQ(stream.received.size(), 32u * 104u);
  EXPECT_FALSE(stream.is_held_back);
}

}  // namespace
}  // namespace semel::net
