// RequestContext: one request on its way through the broker, and its answer. Recycled by net.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/request_memory.h"
#include "base/assert.h"
#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "bytes/writer.h"
#include "gen/api_table.h"
#include "rt/disk.h"
#include "rt/executor.h"
#include "rt/network.h"
#include "security/principal.h"

namespace semel::api {

struct ApiRow;
class RequestContext;

/// Which table of APIs a listener serves.
using ListenerKind = gen::ListenerKind;

/// What is known of a connection's peer. Lives as long as the connection; used on its executor.
struct ConnectionInfo {
  rt::Executor* executor = nullptr;
  ListenerKind kind = ListenerKind::kBroker;
  std::string listener;  // name, e.g. "PLAINTEXT"
  rt::Address peer;
  rt::Address local;
  security::Principal principal;
  std::string client_software_name;  // KIP-511; empty until ApiVersions v3+ told
  std::string client_software_version;
  uint64_t id = 0;                  // unique in this process
  RequestMemory* memory = nullptr;  // null: what its requests take is not counted
};

/// What stands before a request's body. `client_id` is empty if it was null.
struct RequestHeader {
  int16_t key = -1;
  int16_t version = -1;
  int32_t correlation_id = 0;
  std::string client_id;
};

/// The answer to one request.
struct Response {
  enum class Fate : uint8_t {
    kSend,
    kNone,   // the request gets no answer (Produce with acks=0)
    kClose,  // the connection ends once all earlier answers are out
  };

  bytes::Writer out;                 // the frame: size, header, body
  std::vector<rt::FileRange> files;  // by the id of `out`'s splices
  Fate fate = Fate::kSend;

  /// What it takes of the heap.
  size_t memory_bytes() const {
    return out.memory_bytes() + files.capacity() * sizeof(rt::FileRange);
  }
  /// Keeps capacities, within reason.
  void clear();
};

/// What a handler keeps of a request that it has not answered yet.
class Work {
 public:
  virtual ~Work() = default;
  /// The peer is gone: answer soon; the answer is thrown away. On the connection's executor.
  virtual void cancel() {}
};

/// Takes finished requests.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  /// On the connection's executor, once per request that was admitted with kWaiting; may come while
  /// admit() still runs.
  virtual void finished(RequestContext& context) = 0;
};

class RequestContext {
 public:
  /// Begins a request. `frame` is header and body, without the length.
  void start(ConnectionInfo& connection, ResponseSink& sink, bytes::Buffer frame);
  /// Lets go of everything that the request held.
  void clear();

  ConnectionInfo& connection() const { return *connection_; }
  rt::Executor& executor() const { return *connection_->executor; }
  const bytes::Buffer& frame() const { return frame_; }
  /// The body: what follows the header.
  bytes::Buffer body() const { return frame_.slice(body_at_, frame_.size() - body_at_); }
  size_t body_size() const { return frame_.size() - body_at_; }
  /// Gives the frame back early; header values stay. Slices taken before stay valid.
  void drop_frame() { frame_ = {}; }
  std::string_view client_id() const { return header.client_id; }

  /// Takes memory for what the request becomes: `bytes` in all, beyond the frame. False: there is
  /// not so much now; return Progress::kNeedsMemory, with nothing changed.
  bool claim(size_t bytes) {
    if (bytes <= claimed_) return true;
    if (connection_->memory != nullptr && !connection_->memory->try_take(bytes - claimed_)) {
      missing_ = bytes - claimed_;
      return false;
    }
    claimed_ = bytes;
    return true;
  }
  /// What the last claim() lacked.
  size_t missing() const { return missing_; }
  /// It was taken for this request meanwhile.
  void granted() { claimed_ += missing_; }
  /// The request holds `bytes` from now on, more or less than before.
  void hold(size_t bytes);

  /// Writes size placeholder and response header (v1 if `flexible`) and hands out the Writer.
  bytes::Writer& begin_response(bool flexible);
  /// Patches the size. The frame is complete.
  void end_response();
  /// A response frame made elsewhere (forwarded requests): header and body, without the length.
  void respond_raw(const bytes::Buffer& frame);
  /// Same as begin_response(), `message.encode(writer, version)`, end_response(), with the header
  /// version that belongs to this request. A message that has no form in this version ends the
  /// connection.
  template <class Message>
  void respond(const Message& message);

  /// There is no answer after all (a bug, logged): the connection ends.
  void drop_response(const Error& why);

  /// Ends a request that was admitted with kWaiting. `*this` may be gone afterwards.
  void finish() { sink_->finished(*this); }

  RequestHeader header;
  const ApiRow* row = nullptr;   // set by Dispatcher::route
  bool version_is_known = true;  // false only for ApiVersions of an unknown version
  Response response;
  Work* work = nullptr;  // the handler's, set while the request waits
  /// Set by a handler: no later request of the connection begins before this one is answered.
  bool is_barrier = false;

 private:
  friend class Dispatcher;

  ConnectionInfo* connection_ = nullptr;
  ResponseSink* sink_ = nullptr;
  bytes::Buffer frame_;
  size_t body_at_ = 0;
  size_t claimed_ = 0;
  size_t missing_ = 0;
};

}  // namespace semel::api
