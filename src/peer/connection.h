// Connection: one outgoing connection to a Kafka node. Requests are written in the order in which
// they are called and answered in that order; the correlation id ties each answer to its request.
//
// Contract: everything on the stream's executor. `negotiate` first, then any number of calls,
// several of which may be under way. The first failure (cut, deadline, an answer that was not asked
// for) breaks the connection for good: every call under way and every later one fails with
// kNetworkException, and the owner opens a new one. `close` may be called any time; destroying
// closes.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "base/result.h"
#include "bytes/buffer.h"
#include "bytes/reader.h"
#include "bytes/writer.h"
#include "rt/gate.h"
#include "rt/network.h"
#include "rt/task.h"
#include "rt/wait.h"

namespace semel::peer {

struct ConnectionOptions {
  std::string client_id = "semel";
  size_t response_bytes_max = 128u << 20;  // a larger answer breaks the connection
  /// The owner's; the connection's own loops are inside as long as they run, so that closing it
  /// waits for them. Null: nobody waits.
  rt::Gate* gate = nullptr;
};

/// What the other side serves of one API; max < min: nothing.
struct VersionRange {
  int16_t min = 0;
  int16_t max = -1;
};

class Connection {
 public:
  Connection(std::unique_ptr<rt::Stream> stream, ConnectionOptions options);
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  /// Asks for the versions that the other side serves (ApiVersions; falls back to version 0 where 4
  /// is not known, KIP-511).
  rt::Task<Result<void>> negotiate(rt::WaitLimits limits = {});

  /// Sends header and `body` of API `key` at `version`; answers with the response's body, a slice
  /// of the received frame. Errors: kNetworkException (broken; Cause::kClosed), kRequestTimedOut
  /// (the deadline passed; this breaks the connection), kCorruptMessage (the answer is no answer).
  rt::Task<Result<bytes::Buffer>> call(int16_t key, int16_t version, bytes::Buffer body,
                                       rt::WaitLimits limits = {});

  /// Sends a request that the other side does not answer (Produce with acks=0); continues when its
  /// last byte was handed to the stream. Errors as call.
  rt::Task<Result<void>> send(int16_t key, int16_t version, bytes::Buffer body,
                              rt::WaitLimits limits = {});

  /// As told by negotiate; nothing before.
  VersionRange versions(int16_t key) const;
  bool is_broken() const;
  void close();

 private:
  struct Core;
  static void put_request(Core& core, int16_t key, int16_t version, const bytes::Buffer& body);
  rt::Task<Result<void>> negotiate_at(int16_t version, rt::WaitLimits limits);

  std::shared_ptr<Core> core_;
};

/// Typed call at the highest version that both sides know. Error kUnsupportedVersion if there is
/// none, or if a field that is set cannot be told in it.
template <class Response, class Request>
rt::Task<Result<Response>> call_typed(Connection& connection, const Request& request,
                                      rt::WaitLimits limits = {}) {
  const VersionRange served = connection.versions(Request::kApiKey);
  const int16_t version = std::min(served.max, Request::kMaxVersion);
  if (version < served.min || version < Request::kMinVersion)
    co_return fail(ErrorCode::kUnsupportedVersion, "the peer does not serve this request");
  bytes::Writer writer;
  const auto encoded = request.encode(writer, version);
  if (!encoded) co_return fail(encoded.error());
  auto body = co_await connection.call(Request::kApiKey, version, writer.take(), limits);
  if (!body) co_return fail(body.error());
  bytes::Reader reader(*body);
  Response response;
  const auto decoded = response.decode(reader, version);
  if (!decoded) co_return fail(decoded.error());
  co_return response;
}

}  // namespace semel::peer
