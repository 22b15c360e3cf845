// Typed requests of the broker itself to the controller, over a ControllerChannel.
#pragma once

#include <algorithm>

#include "bytes/reader.h"
#include "bytes/writer.h"
#include "cluster/controller_channel.h"

namespace semel::cluster {

/// Sends `request` at the highest version that both sides know (this side's highest while the
/// channel is not connected: the controller then answers or breaks the connection). Errors: as
/// ControllerChannel::call; kUnsupportedVersion if no version fits; kCorruptMessage.
template <class Response, class Request>
rt::Task<Result<Response>> send(ControllerChannel& channel, rt::Executor& caller, Request request,
                                rt::Duration timeout) {
  const ControllerChannel::Versions served = channel.versions(Request::kApiKey);
  const bool is_known = served.max >= served.min;
  const int16_t version =
      is_known ? std::min(served.max, Request::kMaxVersion) : Request::kMaxVersion;
  if (is_known && version < served.min)
    co_return fail(ErrorCode::kUnsupportedVersion,
                   "the controller serves no version of this request");
  bytes::Writer writer;
  const auto encoded = request.encode(writer, version);
  if (!encoded) co_return fail(encoded.error());
  auto body = co_await channel.call(caller, Request::kApiKey, version, writer.take(), timeout);
  if (!body) co_return fail(body.error());
  bytes::Reader reader(*body);
  Response response;
  const auto decoded = response.decode(reader, version);
  if (!decoded) co_return fail(decoded.error());
  co_return response;
}

}  // namespace semel::cluster
