#include "cli/lab_proxy.h"

#include "bytes/endian.h"
#include "rt/stream_io.h"
#include "wire/frame.h"

namespace semel::cli {
namespace {

constexpr size_t kFrameMax = size_t{100} << 20;
constexpr int16_t kProduceKey = 0;
constexpr rt::Duration kConnectTimeout = std::chrono::seconds(5);

}  // namespace

void LabProxy::Link::abort() {
  client->abort();
  broker->abort();
}

Result<rt::Address> LabProxy::listen() {
  rt::Executor* const executors[] = {&executor_};
  SEMEL_TRY(listener_, network_.listen({"127.0.0.1", 0}, executors,
                                       [this](std::unique_ptr<rt::Stream> client) {
                                         auto entry = gate_.enter();
                                         if (entry)
                                           rt::spawn(serve(std::move(client), std::move(entry)));
                                       }));
  return listener_->local();
}

rt::Task<void> LabProxy::stop() {
  if (listener_) listener_->close();
  for (const LinkPtr& link : links_) link->abort();
  co_await gate_.close(executor_);
}

rt::Task<void> LabProxy::serve(std::unique_ptr<rt::Stream> client, rt::Gate::Entry entry) {
  if (!upstream_) {
    client->abort();
    co_return;
  }
  auto broker = co_await network_.connect(executor_, *upstream_, kConnectTimeout);
  if (!broker || gate_.is_closed()) {
    client->abort();
    co_return;
  }
  auto link = std::make_shared<Link>(Link{std::move(client), std::move(*broker), {}});
  links_.insert(link);
  rt::spawn(forward_requests(link, gate_.enter()));
  co_await forward_responses(link);
  links_.erase(link);
}

rt::Task<Result<LabProxy::Frame>> LabProxy::read_frame(rt::Stream& stream) {
  Frame frame(wire::kFrameSizeBytes);
  auto head = co_await rt::read_exactly(stream, frame);
  if (!head) co_return fail(head.error());
  const auto size = wire::read_frame_size(frame, kFrameMax);
  if (!size) co_return fail(size.error());
  frame.resize(wire::kFrameSizeBytes + *size);
  const auto rest = bytes::MutableByteSpan(frame).subspan(wire::kFrameSizeBytes);
  auto body = co_await rt::read_exactly(stream, rest);
  if (!body) co_return fail(body.error());
  co_return frame;
}

rt::Task<void> LabProxy::forward_requests(LinkPtr link, rt::Gate::Entry entry) {
  while (entry) {
    auto frame = co_await read_frame(*link->client);
    if (!frame) break;
    const auto request = wire::peek_request(bytes::ByteSpan(*frame).subspan(wire::kFrameSizeBytes));
    if (request && request->api_key == kProduceKey) link->produces.insert(request->correlation_id);
    auto sent = co_await rt::write_all(*link->broker, *frame);
    if (!sent) break;
  }
  link->abort();
}

bool LabProxy::takes_drop(Link& link, const Frame& frame) {
  if (frame.size() < 2 * wire::kFrameSizeBytes) return false;
  const auto id = bytes::load_be<int32_t>(frame.data() + wire::kFrameSizeBytes);
  return link.produces.erase(id) > 0 && on_drop_ != nullptr;
}

rt::Task<void> LabProxy::forward_responses(LinkPtr link) {
  while (true) {
    auto frame = co_await read_frame(*link->broker);
    if (!frame) break;
    if (takes_drop(*link, *frame)) {
      std::exchange(on_drop_, nullptr)();
      break;
    }
    auto sent = co_await rt::write_all(*link->client, *frame);
    if (!sent) break;
  }
  link->abort();
}

}  // namespace semel::cli
