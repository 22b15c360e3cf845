#include "wire_client.h"

#include <chrono>

#include "gen/header.h"

namespace semel::sim {

namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr int32_t kFrameMax = 64 * 1024 * 1024;

}  // namespace

rt::Task<Result<std::unique_ptr<WireClient>>> WireClient::open(const rt::Runtime& runtime,
                                                               rt::Address address,
                                                               std::string client_id) {
  auto stream = co_await runtime.network->connect(*runtime.executors[0], address,
                                                  std::chrono::milliseconds{500});
  if (!stream) co_return fail(std::move(stream.error()));
  co_return std::make_unique<WireClient>(std::move(*stream), std::move(client_id));
}

void WireClient::begin_frame(int16_t api_key, int16_t version) {
  frame_at_ = out_.size();
  out_.put_i32(0);
  gen::RequestHeader header;
  header.request_api_key = api_key;
  header.request_api_version = version;
  header.correlation_id = ++last_correlation_id_;
  header.client_id = client_id_;
  const auto encoded = header.encode(out_, gen::request_header_version(api_key, version));
  SEMEL_ASSERT(encoded.has_value());
  expected_.push_back({last_correlation_id_, api_key, version});
}

int32_t WireClient::end_frame() {
  out_.patch_be<int32_t>(frame_at_, static_cast<int32_t>(out_.size() - frame_at_ - 4));
  return last_correlation_id_;
}

bool WireClient::pump() {
  while (!is_dead_ && sent_ < out_.size()) {
    const bytes::ByteSpan rest = out_.written().subspan(sent_);
    const rt::Transfer transfer = stream_->try_write({&rest, 1}, false);
    if (transfer.state == rt::Transfer::State::kWouldBlock) break;
    is_dead_ = transfer.state != rt::Transfer::State::kDone;
    sent_ += transfer.count;
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  }
  while (!is_dead_) {
    const size_t at = in_.size();
    in_.resize(at + kReadSize);
    const rt::Transfer transfer = stream_->try_read(std::span(in_).subspan(at));
    const bool has_read = transfer.state == rt::Transfer::State::kDone;
    in_.resize(at + (has_read ? transfer.count : 0));
    if (transfer.state == rt::Transfer::State::kWouldBlock) break;
    is_dead_ = !has_read;
  }
  return !is_dead_;
}

std::optional<WireClient::Response> WireClient::take() {
  if (in_.size() < 4) return std::nullopt;
  const auto size = bytes::load_be<int32_t>(in_.data());
  if (size < 4 || size > kFrameMax || expected_.empty()) {
    is_garbled_ = true;
    is_dead_ = true;
    return std::nullopt;
  }
  const size_t end = 4 + static_cast<size_t>(size);
  if (in_.size() < end) return std::nullopt;
  const bytes::Buffer frame = bytes::Buffer::copy_of(bytes::ByteSpan(in_).subspan(4, end - 4));
  in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(end));
  const Expected expected = expected_.front();
  expected_.pop_front();
  bytes::Reader reader(frame);
  gen::ResponseHeader header;
  const auto decoded =
      header.decode(reader, gen::response_header_version(expected.api_key, expected.version));
  if (!decoded || header.correlation_id != expected.correlation_id) {
    is_garbled_ = true;
    is_dead_ = true;
    return std::nullopt;
  }
  return Response{expected.correlation_id, expected.version,
                  frame.slice(reader.position(), reader.remaining())};
}

rt::Task<void> WireClient::wait(rt::Instant deadline, const rt::CancelToken* cancel) {
  co_await rt::readable(*stream_, {deadline, cancel});
}

rt::Task<Result<bytes::Buffer>> WireClient::receive(rt::Instant deadline,
                                                    const rt::CancelToken* cancel) {
  rt::Clock& clock = stream_->executor().clock();
  while (true) {
    const bool is_alive = pump();
    auto response = take();
    if (response) co_return std::move(response->body);
    const bool is_cancelled = cancel != nullptr && cancel->is_cancelled();
    if (!is_alive || is_garbled_ || is_cancelled || clock.now() >= deadline)
      co_return fail(ErrorCode::kNetworkException, is_garbled_ ? "garbled" : "no answer");
    const rt::Instant tick = clock.now() + std::chrono::milliseconds{20};
    co_await wait(sent_ < out_.size() && tick < deadline ? tick : deadline, cancel);
  }
}

}  // namespace semel::sim
