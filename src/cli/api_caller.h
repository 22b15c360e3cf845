// ApiCaller: one request to a cluster and its response, as the tools need it: blocking, one at a
// time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "bytes/reader.h"
#include "bytes/writer.h"
#include "rt/clock.h"

namespace semel::cli {

struct VersionRange {
  int16_t min = 0;
  int16_t max = -1;  // max < min: not served
};

class ApiCaller {
 public:
  virtual ~ApiCaller() = default;
  /// What the other side serves of `key`.
  virtual VersionRange versions(int16_t key) = 0;
  /// Sends the body and returns the response's body. Errors: kNetworkException (unreachable, cut),
  /// kRequestTimedOut.
  virtual Result<bytes::Buffer> call(int16_t key, int16_t version, bytes::Buffer body) = 0;
  virtual rt::Instant now() = 0;
  /// Waits for retry.backoff.ms. False, without waiting: the default.api.timeout.ms of something
  /// that began at `began` would be over by then.
  virtual bool pause_before_retry(rt::Instant began) = 0;
};

/// Where a tool finds its cluster.
struct ClusterAddress {
  std::string servers;        // "host:port,host:port"
  std::string settings_file;  // a client's settings (--command-config); empty: none
};
using Connect = std::function<Result<std::unique_ptr<ApiCaller>>(const ClusterAddress& address)>;

/// Typed: the highest version that both sides know. Error kUnsupportedVersion if there is none.
template <class Response, class Request>
Result<Response> call_api(ApiCaller& caller, const Request& request) {
  const VersionRange served = caller.versions(Request::kApiKey);
  const int16_t version = std::min(served.max, Request::kMaxVersion);
  if (version < served.min || version < Request::kMinVersion)
    return fail(ErrorCode::kUnsupportedVersion, "the broker does not serve this request");
  bytes::Writer writer;
  SEMEL_CHECK(request.encode(writer, version));
  SEMEL_TRY(const bytes::Buffer body, caller.call(Request::kApiKey, version, writer.take()));
  bytes::Reader reader(body);
  Response response;
  SEMEL_CHECK(response.decode(reader, version));
  return response;
}

}  // namespace semel::cli
