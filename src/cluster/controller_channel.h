// ControllerChannel: this broker's way to the active controller, over one connection that is opened
// again when it breaks. The same protocol over TCP or over a stream in memory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bytes/buffer.h"
#include "rt/executor.h"
#include "rt/task.h"

namespace semel::cluster {

/// A client's request on its way to the controller (KIP-590).
struct ForwardedRequest {
  bytes::Buffer request;                // the client's header and body, without the frame's length
  bytes::Buffer principal;              // int16 version and DefaultPrincipalData
  std::vector<uint8_t> client_address;  // 4 or 16 bytes
};

/// Thread rule: any executor may call; `caller` is the executor that awaits, and the awaiter goes
/// on there. Bound: at most kMaxWaiting calls wait at a time, more fail with
/// kThrottlingQuotaExceeded.
class ControllerChannel {
 public:
  virtual ~ControllerChannel() = default;

  /// Sends the request in an Envelope. The answer is the response frame (header and body, without
  /// the length) as the client must get it, with the client's own correlation id. Errors:
  /// kRequestTimedOut after `timeout`, kUnsupportedVersion (close the client's connection), else
  /// kUnknownServerError.
  virtual rt::Task<Result<bytes::Buffer>> forward(rt::Executor& caller, ForwardedRequest request,
                                                  rt::Duration timeout) = 0;

  /// Sends one request of the broker itself: the body of api key `key` at `version`, and takes the
  /// response's body. Typed callers use send() in controller_call.h. Retries while the controller
  /// is unknown or the connection breaks, until `timeout`; a response is returned whatever it says.
  virtual rt::Task<Result<bytes::Buffer>> call(rt::Executor& caller, int16_t key, int16_t version,
                                               bytes::Buffer body, rt::Duration timeout) = 0;

  /// The versions of `key` that the controller serves, once connected; nothing before. max < min if
  /// it does not serve the key.
  struct Versions {
    int16_t min = 0;
    int16_t max = -1;
  };
  virtual Versions versions(int16_t key) const = 0;
};

}  // namespace semel::cluster
