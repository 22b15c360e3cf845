// For tests: the other end of a connection, driven by the test's own thread; every call blocks.
#pragma once

#include <array>
#include <functional>
#include <future>
#include <memory>
#include <optional>

#include "bytes/endian.h"
#include "rt/linux/test_runtime.h"
#include "rt/memory_stream.h"
#include "rt/stream_io.h"
#include "wire/frame.h"

namespace semel::net {

class TestPeer {
 public:
  TestPeer(rt::StartedRuntime& runtime, rt::Address address) : runtime_(runtime) {
    runtime_.run([&] { return connect(address); });
  }
  TestPeer(rt::StartedRuntime& runtime, std::unique_ptr<rt::Stream> stream)
      : runtime_(runtime), stream_(std::move(stream)) {}
  ~TestPeer() { close(); }
  TestPeer(const TestPeer&) = delete;

  void close() {
    if (sender_.valid()) sender_.wait();
    runtime_.on(0, [this] { stream_.reset(); });
  }
  void send(const bytes::Buffer& raw) {
    runtime_.run([&] { return write(raw.span()); });
  }
  /// Sends in pieces of `piece()` bytes while the test goes on.
  void send_in_background(bytes::Buffer raw, std::function<size_t()> piece) {
    std::promise<void> sent;
    sender_ = sent.get_future();
    runtime_.executor().post([this, raw, piece, sent = std::move(sent)]() mutable {
      rt::spawn(write_pieces(std::move(raw), std::move(piece), std::move(sent)));
    });
  }
  std::optional<bytes::Buffer> receive(rt::Duration limit = std::chrono::seconds(60)) {
    std::optional<bytes::Buffer> frame;
    runtime_.run([&] { return read_frame(limit, frame); });
    return frame;
  }
  bool is_closed_within(rt::Duration limit) {
    bool is_closed = false;
    runtime_.run([&] { return read_end(limit, is_closed); });
    return is_closed;
  }
  size_t received_bytes() const { return received_; }

 private:
  rt::Task<void> connect(rt::Address address) {
    auto connected =
        co_await runtime_->network->connect(runtime_.executor(), address, std::chrono::seconds(5));
    EXPECT_TRUE(connected.has_value());
    if (connected) stream_ = std::move(*connected);
  }
  rt::Task<void> write(bytes::ByteSpan raw) {
    // The other side may have closed already; a test sees that when it receives.
    const auto written = co_await rt::write_all(*stream_, raw);
    std::ignore = written;
  }
  rt::Task<void> write_pieces(bytes::Buffer raw, std::function<size_t()> piece,
                              std::promise<void> sent) {
    for (size_t at = 0; at < raw.size();) {
      const size_t count = std::min(piece(), raw.size() - at);
      const bytes::ByteSpan part = raw.span().subspan(at, count);
      co_await write(part);
      co_await rt::resume_on(runtime_.executor());
      at += count;
    }
    sent.set_value();
  }
  /// Keeps what came of a frame when the time is up.
  rt::Task<void> read_frame(rt::Duration limit, std::optional<bytes::Buffer>& frame) {
    const rt::WaitLimits limits{runtime_->clock->now() + limit, nullptr};
    std::array<std::byte, 4096> window;
    while (true) {
      if (pending_.size() >= 4) {
        const size_t size = bytes::load_be<uint32_t>(pending_.data());
        if (pending_.size() >= 4 + size) {
          frame = bytes::Buffer::copy_of(bytes::ByteSpan(pending_).subspan(4, size));
          pending_.erase(pending_.begin(), pending_.begin() + 4 + static_cast<long>(size));
          co_return;
        }
      }
      const auto count = co_await rt::read_some(*stream_, window, limits);
      if (!count || *count == 0) co_return;
      received_ += *count;
      pending_.insert(pending_.end(), window.begin(), window.begin() + static_cast<long>(*count));
    }
  }
  rt::Task<void> read_end(rt::Duration limit, bool& is_closed) {
    const rt::Instant deadline = runtime_->clock->now() + limit;
    const rt::WaitLimits limits{deadline, nullptr};
    std::array<std::byte, 4096> window;
    while (runtime_->clock->now() < deadline) {
      const auto count = co_await rt::read_some(*stream_, window, limits);
      if (count && *count > 0) {
        received_ += *count;
        continue;
      }
      is_closed = count.has_value() || runtime_->clock->now() < deadline;
      co_return;
    }
  }

  rt::StartedRuntime& runtime_;
  std::unique_ptr<rt::Stream> stream_;
  std::vector<std::byte> pending_;
  std::future<void> sender_;
  size_t received_ = 0;
};

}  // namespace semel::net
