#include "cluster/peer_channel.h"

#include <map>

#include "base/log.h"
#include "cluster/controller_call.h"
#include "gen/envelope.h"
#include "rt/guarded.h"
#include "rt/wait.h"

namespace semel::cluster {
namespace {

constexpr rt::Duration kReconnectPause = std::chrono::milliseconds(50);

}  // namespace

/// Shared with the calls under way.
struct PeerChannel::Core {
  Core(rt::Executor& h, OpenStream o) : home(h), open(std::move(o)), opened(h) {}

  /// The connection, opened and negotiated; one opening at a time, the others wait for it.
  rt::Task<Result<std::shared_ptr<peer::Connection>>> connected(rt::Instant deadline) {
    while (!is_closed) {
      if (connection && !connection->is_broken()) co_return connection;
      if (home.clock().now() >= deadline)
        co_return fail(ErrorCode::kRequestTimedOut,
                       "the controller is not reached: " + last_failure);
      if (is_opening) {
        co_await opened.wait({.deadline = deadline, .cancel = nullptr});
        continue;
      }
      is_opening = true;
      opened.reset();
      auto done = co_await try_open(deadline);
      is_opening = false;
      opened.set();
      if (done) continue;
      last_failure = done.error().context;
      if (!is_closed)
        co_await rt::pause(home,
                           {.deadline = home.clock().now() + kReconnectPause, .cancel = nullptr});
    }
    co_return fail(ErrorCode::kNetworkException, "the way to the controller is closed",
                   Cause::kCancelled);
  }

  rt::Task<Result<void>> try_open(rt::Instant deadline) {
    auto stream = co_await open();
    if (!stream) co_return fail(stream.error());
    auto fresh = std::make_shared<peer::Connection>(std::move(*stream), peer::ConnectionOptions{});
    const auto negotiated = co_await fresh->negotiate({.deadline = deadline, .cancel = nullptr});
    if (!negotiated) co_return fail(negotiated.error());
    connection = std::move(fresh);
    co_return Result<void>{};
  }

  rt::Task<Result<bytes::Buffer>> call(int16_t key, int16_t version, bytes::Buffer body,
                                       rt::Instant deadline) {
    while (true) {
      auto reached = co_await connected(deadline);
      if (!reached) co_return fail(reached.error());
      const std::shared_ptr<peer::Connection>& used = *reached;
      auto answer =
          co_await used->call(key, version, body, {.deadline = deadline, .cancel = nullptr});
      const bool is_cut = !answer && answer.error().code == ErrorCode::kNetworkException;
      if (!is_cut || is_closed) co_return answer;
      last_failure = answer.error().context;
    }
  }

  rt::Executor& home;
  OpenStream open;
  std::shared_ptr<peer::Connection> connection;
  rt::Event opened;
  bool is_opening = false;
  bool is_closed = false;
  size_t waiting = 0;
  std::string last_failure = "no attempt was made";
};

PeerChannel::PeerChannel(rt::Executor& home, OpenStream open)
    : core_(std::make_shared<Core>(home, std::move(open))) {}

PeerChannel::~PeerChannel() { close(); }

void PeerChannel::close() {
  core_->is_closed = true;
  if (core_->connection) core_->connection->close();
  core_->opened.set();
}

ControllerChannel::Versions PeerChannel::versions(int16_t key) const {
  if (!core_->connection) return {};
  const peer::VersionRange range = core_->connection->versions(key);
  return {range.min, range.max};
}

rt::Task<Result<bytes::Buffer>> PeerChannel::call(rt::Executor& caller, int16_t key,
                                                  int16_t version, bytes::Buffer body,
                                                  rt::Duration timeout) {
  const std::shared_ptr<Core> core = core_;
  if (!core->home.is_current()) co_await rt::resume_on(core->home);
  Result<bytes::Buffer> answer =
      fail(ErrorCode::kThrottlingQuotaExceeded, "too many requests wait for the controller");
  if (core->waiting < kMaxWaiting) {
    ++core->waiting;
    answer = co_await core->call(key, version, std::move(body), core->home.clock().now() + timeout);
    --core->waiting;
  }
  if (!caller.is_current()) co_await rt::resume_on(caller);
  co_return answer;
}

rt::Task<Result<bytes::Buffer>> PeerChannel::forward(rt::Executor& caller, ForwardedRequest request,
                                                     rt::Duration timeout) {
  gen::EnvelopeRequest envelope;
  envelope.request_data = request.request;
  envelope.request_principal = request.principal;
  envelope.client_host_address =
      bytes::Buffer::copy_of(std::as_bytes(std::span<const uint8_t>(request.client_address)));
  auto response = co_await send<gen::EnvelopeResponse>(*this, caller, std::move(envelope), timeout);
  if (!response) {
    const bool is_late = response.error().code == ErrorCode::kRequestTimedOut;
    co_return fail(is_late ? ErrorCode::kRequestTimedOut : ErrorCode::kUnknownServerError,
                   response.error().context);
  }
  const auto code = static_cast<ErrorCode>(response->error_code);
  if (code == ErrorCode::kUnsupportedVersion)
    co_return fail(code, "the controller does not serve this version");
  if (code != ErrorCode::kNone || !response->response_data)
    co_return fail(ErrorCode::kUnknownServerError,
                   "the controller refused the envelope: " + std::string(error_name(code)));
  co_return std::move(*response->response_data);
}

}  // namespace semel::cluster
