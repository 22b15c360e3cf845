#include "cli/sending.h"

namespace semel::cli {

Sending::Sending(ClientSession& session, client::ProducerConfig config,
                 std::function<void(const client::Delivery&)> on_delivery)
    : session_(session),
      listener_(std::move(on_delivery)),
      producer_(
          std::make_unique<client::Producer>(session.environment(), std::move(config), listener_)) {
  session_.run(start());
}

Sending::~Sending() { session_.run(close()); }

rt::Task<void> Sending::start() {
  producer_->start();
  co_return;
}

rt::Task<void> Sending::send_all(const std::vector<OutgoingRecord>& records) {
  std::vector<record::HeaderView> headers;
  for (const OutgoingRecord& outgoing : records) {
    const LineRecord& content = outgoing.content;
    headers.clear();
    for (const auto& [key, value] : content.headers) {
      record::HeaderView& header = headers.emplace_back(record::HeaderView{key, std::nullopt});
      if (value) header.value = bytes::as_bytes(*value);
    }
    client::ProducerRecord record;
    record.topic = outgoing.topic;
    if (outgoing.partition >= 0) record.partition = outgoing.partition;
    if (content.key) record.key = bytes::as_bytes(*content.key);
    if (content.value) record.value = bytes::as_bytes(*content.value);
    record.headers = headers;
    auto sent = co_await producer_->send(record, outgoing.tag);
    if (sent) continue;
    client::Delivery delivery;
    delivery.tag = outgoing.tag;
    delivery.topic = outgoing.topic;
    delivery.partition = outgoing.partition;
    delivery.fate = client::Fate::kNotStored;
    delivery.error = sent.error();
    listener_.on_delivery(delivery);
  }
}

void Sending::send(const std::vector<OutgoingRecord>& records) { session_.run(send_all(records)); }

rt::Task<void> Sending::flush_all() { co_await producer_->flush(); }

void Sending::flush() { session_.run(flush_all()); }

rt::Task<void> Sending::close() {
  co_await producer_->close(producer_->config().delivery_timeout);
  producer_.reset();
}

}  // namespace semel::cli
