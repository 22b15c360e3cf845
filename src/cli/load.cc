#include "cli/load.h"

namespace semel::cli {
namespace {

constexpr int64_t kTurn = 64;  // records; then the reactor's other work gets its turn

/// A record's tag is the time at which it counts as sent.
class Load final : public client::DeliveryListener {
 public:
  Load(ClientSession& session, client::ProducerConfig config, const LoadPlan& plan,
       LoadListener& listener)
      : session_(session),
        plan_(plan),
        listener_(listener),
        stop_(session.stop().token()),
        producer_(session.environment(), std::move(config), *this) {}

  void on_delivery(const client::Delivery& delivery) override {
    if (delivery.fate == client::Fate::kStored)
      listener_.on_stored({static_cast<int64_t>(delivery.tag)}, now());
    else
      listener_.on_failed(delivery.error);
  }

  rt::Task<Result<void>> run() {
    producer_.start();
    auto sent = co_await send_all();
    co_await producer_.close(producer_.config().delivery_timeout);
    co_return sent;
  }

 private:
  rt::Instant now() { return session_.executor().clock().now(); }

  rt::Instant due(int64_t i) {
    if (plan_.rate <= 0) return now();
    return start_ + rt::Duration{static_cast<int64_t>(static_cast<double>(i) / plan_.rate * 1e9)};
  }

  rt::Task<Result<void>> send_all() {
    start_ = now();
    listener_.on_begin(start_);
    client::ProducerRecord record;
    record.topic = plan_.topic;
    for (int64_t i = 0; i < plan_.records_max && !stop_.is_cancelled(); ++i) {
      const rt::Instant when = due(i);
      if (when - start_ >= plan_.time_max) break;
      if (when > now()) {
        co_await rt::pause(session_.executor(), {when, &stop_});
        if (stop_.is_cancelled()) break;
      }
      record.value = bytes::as_bytes(plan_.value(i));
      const auto tag = static_cast<uint64_t>((plan_.counts_from_due ? when : now()).ns);
      const auto accepted = producer_.try_send(record, tag);
      if (!accepted) co_return fail(accepted.error());
      if (!*accepted) {
        auto sent = co_await producer_.send(record, tag);
        if (!sent) co_return fail(sent.error());
      }
      if (i % kTurn == kTurn - 1) {
        co_await rt::resume_on(session_.executor());
      }
    }
    co_return Result<void>{};
  }

  ClientSession& session_;
  const LoadPlan& plan_;
  LoadListener& listener_;
  rt::CancelToken stop_;
  client::Producer producer_;
  rt::Instant start_;
};

rt::Task<Result<void>> drive(ClientSession& session, client::ProducerConfig config,
                             const LoadPlan& plan, LoadListener& listener) {
  Load load(session, std::move(config), plan, listener);
  auto done = co_await load.run();
  co_return done;
}

}  // namespace

Result<void> run_load(ClientSession& session, client::ProducerConfig config, const LoadPlan& plan,
                      LoadListener& listener) {
  return session.run(drive(session, std::move(config), plan, listener));
}

}  // namespace semel::cli
