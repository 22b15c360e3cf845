#include "peer/connection.h"

#include <map>

#include <fmt/format.h>

#include "base/log.h"
#include "gen/api_table.h"
#include "gen/api_versions.h"
#include "rt/event.h"
#include "rt/stream_io.h"
#include "wire/frame.h"

namespace semel::peer {
namespace {

constexpr int16_t kApiVersionsKey = 18;

/// One request under way, linked while its caller waits; lives in the caller's frame.
struct Pending {
  Pending(std::map<int32_t, Pending*>& registry, int32_t id, rt::Executor& executor)
      : pending(registry), correlation_id(id), answered(executor) {
    pending.emplace(id, this);
  }
  ~Pending() { pending.erase(correlation_id); }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  std::map<int32_t, Pending*>& pending;
  int32_t correlation_id;
  bytes::Buffer frame;
  bool has_frame = false;
  rt::Event answered;
};

Error broken(const std::string& why) {
  return {ErrorCode::kNetworkException, why.empty() ? "the connection is closed" : why,
          Cause::kClosed};
}

}  // namespace

/// Kept alive by the two loops and by every call.
struct Connection::Core {
  Core(std::unique_ptr<rt::Stream> s, ConnectionOptions o)
      : stream(std::move(s)),
        options(std::move(o)),
        outgoing(stream->executor()),
        written(stream->executor()) {}

  void fail_all(const std::string& why) {
    if (is_broken) return;
    is_broken = true;
    reason = why;
    stream->close();
    outgoing.set();
    written.set();
    for (auto& [id, waiting] : pending) waiting->answered.set();
  }

  std::unique_ptr<rt::Stream> stream;
  ConnectionOptions options;
  std::map<int32_t, Pending*> pending;
  std::map<int16_t, VersionRange> served;
  bytes::Writer to_send;
  rt::Event outgoing;
  rt::Event written;  // set whenever something was handed to the stream
  uint64_t bytes_taken = 0;
  uint64_t bytes_written = 0;
  int32_t next_correlation_id = 0;
  bool is_broken = false;
  std::string reason;

  static rt::Task<void> send_loop(std::shared_ptr<Core> core,
                                  [[maybe_unused]] rt::Gate::Entry entry) {
    while (!core->is_broken) {
      co_await core->outgoing.wait();
      core->outgoing.reset();
      if (core->is_broken || core->to_send.size() == 0) continue;
      const bytes::Buffer bytes = core->to_send.take();
      core->bytes_taken += bytes.size();
      const auto sent = co_await rt::write_all(*core->stream, bytes.span());
      if (!sent) {
        core->fail_all(sent.error().context);
        co_return;
      }
      core->bytes_written += bytes.size();
      core->written.set();
    }
  }

  static rt::Task<void> receive_loop(std::shared_ptr<Core> core,
                                     [[maybe_unused]] rt::Gate::Entry entry) {
    while (!core->is_broken) {
      auto received = co_await core->receive();
      if (!received) core->fail_all(received.error().context);
    }
  }

  rt::Task<Result<void>> receive() {
    std::byte size_bytes[wire::kFrameSizeBytes];
    const auto head = co_await rt::read_exactly(*stream, size_bytes);
    if (!head) co_return fail(head.error());
    const auto size = wire::read_frame_size(size_bytes, options.response_bytes_max);
    if (!size) co_return fail(size.error());
    if (*size < sizeof(int32_t))
      co_return fail(ErrorCode::kCorruptMessage, "an answer without a header");
    std::vector<std::byte> bytes(*size);
    const auto body = co_await rt::read_exactly(*stream, bytes);
    if (!body) co_return fail(body.error());
    const auto id = bytes::load_be<int32_t>(bytes.data());
    const auto at = pending.find(id);
    if (at == pending.end())
      co_return fail(ErrorCode::kCorruptMessage,
                     fmt::format("an answer to no request (correlation id {})", id));
    at->second->frame = bytes::Buffer::take(std::move(bytes));
    at->second->has_frame = true;
    at->second->answered.set();
    co_return Result<void>{};
  }
};

Connection::Connection(std::unique_ptr<rt::Stream> stream, ConnectionOptions options)
    : core_(std::make_shared<Core>(std::move(stream), std::move(options))) {
  rt::Gate* gate = core_->options.gate;
  const auto enter = [gate] { return gate != nullptr ? gate->enter() : rt::Gate::Entry{}; };
  rt::spawn(Core::send_loop(core_, enter()));
  rt::spawn(Core::receive_loop(core_, enter()));
}

Connection::~Connection() {
  if (core_) core_->fail_all("the connection was closed on this side");
}

void Connection::close() { core_->fail_all("the connection was closed on this side"); }

bool Connection::is_broken() const { return core_->is_broken; }

VersionRange Connection::versions(int16_t key) const {
  const auto at = core_->served.find(key);
  return at == core_->served.end() ? VersionRange{} : at->second;
}

void Connection::put_request(Core& core, int16_t key, int16_t version, const bytes::Buffer& body) {
  const int32_t id = core.next_correlation_id;
  core.next_correlation_id = (id + 1) & 0x7fffffff;
  const wire::FrameStart start = wire::begin_frame(core.to_send);
  wire::put_request_header(core.to_send, {key, version, id, core.options.client_id},
                           gen::request_header_version(key, version));
  core.to_send.put_bytes(body.span());
  wire::end_frame(core.to_send, start);
  core.outgoing.set();
}

rt::Task<Result<void>> Connection::send(int16_t key, int16_t version, bytes::Buffer body,
                                        rt::WaitLimits limits) {
  const std::shared_ptr<Core> core = core_;
  if (core->is_broken) co_return fail(broken(core->reason));
  put_request(*core, key, version, body);
  const uint64_t end = core->bytes_taken + core->to_send.size();
  while (!core->is_broken && core->bytes_written < end) {
    core->written.reset();
    const rt::WaitOutcome outcome = co_await core->written.wait(limits);
    if (outcome != rt::WaitOutcome::kReady) core->fail_all("a request was not written in time");
  }
  if (core->bytes_written < end) co_return fail(broken(core->reason));
  co_return Result<void>{};
}

rt::Task<Result<bytes::Buffer>> Connection::call(int16_t key, int16_t version, bytes::Buffer body,
                                                 rt::WaitLimits limits) {
  const std::shared_ptr<Core> core = core_;
  if (core->is_broken) co_return fail(broken(core->reason));
  Pending pending(core->pending, core->next_correlation_id, core->stream->executor());
  put_request(*core, key, version, body);

  const rt::WaitOutcome outcome = co_await pending.answered.wait(limits);
  if (outcome != rt::WaitOutcome::kReady) {
    const bool is_late = outcome == rt::WaitOutcome::kDeadline;
    core->fail_all(is_late ? "a request was not answered in time" : "a request was cancelled");
    co_return fail(is_late ? ErrorCode::kRequestTimedOut : ErrorCode::kNetworkException,
                   core->reason, is_late ? Cause::kClosed : Cause::kCancelled);
  }
  if (!pending.has_frame) co_return fail(broken(core->reason));
  bytes::Reader reader(pending.frame);
  const auto header =
      wire::read_response_header(reader, gen::response_header_version(key, version));
  if (!header) co_return fail(header.error());
  co_return pending.frame.slice(reader.position(), reader.remaining());
}

rt::Task<Result<void>> Connection::negotiate_at(int16_t version, rt::WaitLimits limits) {
  gen::ApiVersionsRequest request;
  request.client_software_name = "semel";
  request.client_software_version = "0.1.0";
  bytes::Writer writer;
  const auto encoded = request.encode(writer, version);
  if (!encoded) co_return fail(encoded.error());
  auto body = co_await call(kApiVersionsKey, version, writer.take(), limits);
  if (!body) co_return fail(body.error());
  // An older peer answers an unknown version in schema 0, with the error in the first two bytes.
  bytes::Reader peek(*body);
  const auto code = static_cast<ErrorCode>(peek.read_i16());
  if (code == ErrorCode::kUnsupportedVersion)
    co_return fail(code, "the peer does not serve this version of ApiVersions");
  bytes::Reader reader(*body);
  gen::ApiVersionsResponse response;
  const auto decoded = response.decode(reader, version);
  if (!decoded) co_return fail(decoded.error());
  if (response.error_code != 0)
    co_return fail(static_cast<ErrorCode>(response.error_code), "the peer refused ApiVersions");
  for (const auto& api : response.api_keys)
    core_->served[api.api_key] = {api.min_version, api.max_version};
  co_return Result<void>{};
}

rt::Task<Result<void>> Connection::negotiate(rt::WaitLimits limits) {
  auto done = co_await negotiate_at(4, limits);
  if (done || done.error().code != ErrorCode::kUnsupportedVersion) co_return done;
  auto plain = co_await negotiate_at(0, limits);
  co_return plain;
}

}  // namespace semel::peer
