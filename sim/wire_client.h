// WireClient: one connection to a broker, as a client library would hold it. Requests leave in
// order, any number may be on the way, responses come back in the order of the requests.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "bytes/reader.h"
#include "bytes/writer.h"
#include "gen/api_table.h"
#include "rt/cancel.h"
#include "rt/network.h"
#include "rt/runtime.h"
#include "rt/wait.h"

namespace semel::sim {

class WireClient {
 public:
  struct Response {
    int32_t correlation_id = 0;
    int16_t version = 0;
    bytes::Buffer body;
  };

  WireClient(std::unique_ptr<rt::Stream> stream, std::string client_id)
      : stream_(std::move(stream)), client_id_(std::move(client_id)) {}

  static rt::Task<Result<std::unique_ptr<WireClient>>> open(const rt::Runtime& runtime,
                                                            rt::Address address,
                                                            std::string client_id);

  /// Encodes the request; pump() sends it. The correlation id.
  template <class Request>
  int32_t queue(const Request& request, int16_t version) {
    begin_frame(Request::kApiKey, version);
    const auto encoded = request.encode(out_, version);
    SEMEL_ASSERT(encoded.has_value(), "a request of the simulator cannot be encoded");
    return end_frame();
  }
  /// Moves bytes both ways as far as they go. False if the connection is gone.
  bool pump();
  /// The next whole response.
  std::optional<Response> take();
  /// Continues when there may be something to read, or at the deadline, or when cancelled.
  rt::Task<void> wait(rt::Instant deadline, const rt::CancelToken* cancel);
  size_t in_flight() const { return expected_.size(); }
  /// True if the broker sent what no broker may send.
  bool is_garbled() const { return is_garbled_; }
  void close() { stream_->close(); }
  void abort() { stream_->abort(); }

  /// Sends one request and waits for its response; nothing else may be on the way.
  template <class Response, class Request>
  rt::Task<Result<Response>> call(const Request& request, int16_t version, rt::Instant deadline,
                                  const rt::CancelToken* cancel) {
    queue(request, version);
    auto body = co_await receive(deadline, cancel);
    if (!body) co_return fail(std::move(body.error()));
    Response response;
    bytes::Reader reader(*body);
    const auto decoded = response.decode(reader, version);
    if (!decoded) co_return fail(decoded.error());
    co_return response;
  }

 private:
  struct Expected {
    int32_t correlation_id;
    int16_t api_key;
    int16_t version;
  };
  void begin_frame(int16_t api_key, int16_t version);
  int32_t end_frame();
  rt::Task<Result<bytes::Buffer>> receive(rt::Instant deadline, const rt::CancelToken* cancel);

  std::unique_ptr<rt::Stream> stream_;
  std::string client_id_;
  bytes::Writer out_;
  size_t frame_at_ = 0;
  size_t sent_ = 0;
  int32_t last_correlation_id_ = 0;
  std::vector<std::byte> in_;
  std::deque<Expected> expected_;
  bool is_dead_ = false;
  bool is_garbled_ = false;
};

}  // namespace semel::sim
