#include "api/request_context.h"

#include "base/log.h"
#include "base/units.h"

namespace semel::api {

void Response::clear() {
  constexpr size_t kKeptBytes = 16_KiB;
  if (memory_bytes() > kKeptBytes) {
    out = bytes::Writer();
    files = {};
  }
  out.clear();
  files.clear();
  fate = Fate::kSend;
}

void RequestContext::start(ConnectionInfo& connection, ResponseSink& sink, bytes::Buffer frame) {
  connection_ = &connection;
  sink_ = &sink;
  frame_ = std::move(frame);
  body_at_ = 0;
  SEMEL_ASSERT(claimed_ == 0);
  row = nullptr;
  version_is_known = true;
  is_barrier = false;
}

void RequestContext::clear() {
  SEMEL_ASSERT(work == nullptr, "a request is recycled while its handler works on it");
  hold(0);
  drop_frame();
  response.clear();
  connection_ = nullptr;
  sink_ = nullptr;
}

void RequestContext::hold(size_t bytes) {
  RequestMemory* const memory = connection_->memory;
  if (memory != nullptr && bytes < claimed_) memory->give_back(claimed_ - bytes);
  if (memory != nullptr && bytes > claimed_) memory->take_anyway(bytes - claimed_);
  claimed_ = bytes;
}

bytes::Writer& RequestContext::begin_response(bool flexible) {
  bytes::Writer& out = response.out;
  out.clear();
  out.put_i32(0);
  out.put_i32(header.correlation_id);
  if (flexible) out.put_uvarint(0);
  return out;
}

void RequestContext::end_response() {
  response.out.patch_be<int32_t>(0,
                                 static_cast<int32_t>(response.out.total_size() - sizeof(int32_t)));
}

void RequestContext::drop_response(const Error& why) {
  log_error("api", "no answer to API {} version {}: {}", header.key, header.version, why.context);
  response.out.clear();
  response.fate = Response::Fate::kClose;
}

void RequestContext::respond_raw(const bytes::Buffer& frame) {
  response.out.clear();
  response.out.put_i32(static_cast<int32_t>(frame.size()));
  response.out.put_bytes(frame.span());
}

}  // namespace semel::api
