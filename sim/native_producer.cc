#include "native_producer.h"

#include <chrono>

#include <fmt/format.h>

#include "native_settings.h"
#include "records.h"

namespace semel::sim {

using std::chrono::milliseconds;

namespace {

uint64_t to_tag(const RecordKey& key) { return uint64_t{key.partition} << 32 | key.number; }

}  // namespace

NativeProducer::NativeProducer(rt::Runtime runtime, const ClientWorld& world, uint16_t number)
    : runtime_(std::move(runtime)),
      world_(world),
      number_(number),
      random_(runtime_.random->next()),
      parts_(static_cast<size_t>(world.workload.partitions)) {
  producer_ = std::make_unique<client::Producer>(
      client::Environment{*runtime_.executors[0], *runtime_.network, *runtime_.random,
                          runtime_.plants},
      draw_config(), *this);
  world_.history.promises(number_, promise());
}

NativeProducer::~NativeProducer() = default;

client::ProducerConfig NativeProducer::draw_config() {
  auto settings = native_settings(world_, random_);
  const auto set = [&settings](const char* key, std::string value) {
    settings.push_back({key, std::move(value)});
  };
  set("linger.ms", draw_word(random_, std::array{"0", "2", "20"}));
  set("batch.size", draw_word(random_, std::array{"150", "1000", "16384"}));
  set("buffer.memory", draw_word(random_, std::array{"8000", "33554432", "33554432"}));
  set("compression.type", draw_word(random_, std::array{"none", "gzip", "snappy", "lz4", "zstd"}));
  set("max.in.flight.requests.per.connection", draw_word(random_, std::array{"1", "2", "5", "5"}));
  set("delivery.timeout.ms", std::to_string(world_.workload.delivery_timeout_ms));
  switch (world_.workload.delivery) {
    case Delivery::kIdempotent:
      break;
    case Delivery::kAtLeastOnce:
      set("enable.idempotence", "false");
      set("acks", draw_word(random_, std::array{"1", "all"}));
      break;
    case Delivery::kAtMostOnce:
      set("enable.idempotence", "false");
      set("acks", "0");
      break;
  }
  auto config = client::ProducerConfig::from(settings);
  SEMEL_ASSERT(config.has_value(), "settings of the simulator are refused");
  return std::move(*config);
}

Promise NativeProducer::promise() const {
  switch (world_.workload.delivery) {
    case Delivery::kIdempotent:
      return {};
    case Delivery::kAtLeastOnce:
      return {.stores_once = false,
              .loses_nothing = true,
              .keeps_order = producer_->config().in_flight_max == 1};
    case Delivery::kAtMostOnce:
      return {.stores_once = true, .loses_nothing = false, .keeps_order = false};
  }
  return {};
}

void NativeProducer::start() {
  producer_->start();
  feeding_ = parts_.size();
  for (uint16_t i = 0; i < parts_.size(); ++i) rt::spawn(feed(i, gate_.enter()));
}

rt::Task<void> NativeProducer::stop() {
  is_stopping_ = true;
  cancel_.cancel();
  co_await producer_->close(milliseconds{0});
  co_await gate_.close(*runtime_.executors[0]);
}

bool NativeProducer::is_settled() const {
  return is_finishing_ && feeding_ == 0 &&
         std::ranges::all_of(parts_, [](const Part& part) { return part.unreported.empty(); });
}

std::string NativeProducer::describe() const {
  std::string text =
      fmt::format("native producer {} (pid {}):", number_, producer_->identity().id.value);
  for (size_t i = 0; i < parts_.size(); ++i)
    if (!parts_[i].unreported.empty())
      text += fmt::format(" partition {}: {} records wait, first {};", i,
                          parts_[i].unreported.size(), *parts_[i].unreported.begin());
  return text;
}

rt::Task<void> NativeProducer::feed(uint16_t index, rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  const auto most = static_cast<uint64_t>(world_.workload.records_per_batch);
  const auto pause_most = static_cast<uint64_t>(world_.workload.send_every_ms) * 2;
  while (!is_finishing_ && !is_stopping_) {
    for (uint64_t left = random_.between(1, most); left > 0 && !is_stopping_; --left) {
      const RecordKey key{number_, index, parts_[index].next_number++};
      const size_t size = random_.between(16, static_cast<uint64_t>(world_.workload.value_bytes));
      co_await send(key, size);
    }
    const rt::Instant again =
        runtime_.clock->now() + milliseconds{static_cast<int64_t>(random_.between(0, pause_most))};
    co_await rt::pause(*runtime_.executors[0], {again, &token});
  }
  --feeding_;
}

rt::Task<void> NativeProducer::send(RecordKey key, size_t value_bytes) {
  const auto value = write_value(key, value_bytes);
  client::ProducerRecord record;
  record.topic = world_.topic;
  record.partition = key.partition;
  record.value = bytes::ByteSpan(value);
  parts_[key.partition].unreported.insert(key.number);
  world_.history.sent(key, world_.now_ns());
  auto accepted = co_await producer_->send(record, to_tag(key));
  if (accepted) co_return;
  parts_[key.partition].unreported.erase(key.number);
  world_.history.failed(key, world_.now_ns());
  if (is_stopping_) co_return;
  if (error_is_retriable(accepted.error().code))
    world_.trace.probe("native producer: waited too long for room or metadata");
  else
    complain("not accepted", key, accepted.error());
}

void NativeProducer::complain(std::string kind, const RecordKey& key, const Error& error) {
  world_.history.complain(std::move(kind), fmt::format("{}: {} ({})", key.to_text(),
                                                       error_name(error.code), error.context));
}

void NativeProducer::check_report(Part& part, const RecordKey& key) {
  if (part.unreported.erase(key.number) == 0)
    world_.history.complain("two reports", key.to_text() + " has no report to come");
  const bool is_behind = key.number <= part.last_reported;
  part.last_reported = std::max<int64_t>(part.last_reported, key.number);
  if (is_behind && world_.workload.delivery == Delivery::kIdempotent && !is_stopping_)
    world_.history.complain("reports out of order",
                            fmt::format("{} after {}", key.to_text(), part.last_reported));
}

void NativeProducer::on_delivery(const client::Delivery& delivery) {
  const RecordKey key{number_, static_cast<uint16_t>(delivery.tag >> 32),
                      static_cast<uint32_t>(delivery.tag)};
  check_report(parts_[key.partition], key);
  const ProducerId id = producer_->identity().id;
  if (id != producer_id_ && id != kNoProducerId) {
    producer_id_ = id;
    world_.history.took_producer_id(id, number_);
  }
  if (delivery.fate != client::Fate::kStored)
    take_failure(key, delivery);
  else if (delivery.offset == kNoOffset)
    world_.history.stored(key, world_.now_ns());
  else
    world_.history.acked(key, delivery.offset, world_.now_ns());
}

void NativeProducer::take_failure(const RecordKey& key, const client::Delivery& delivery) {
  const bool is_proven = delivery.fate == client::Fate::kNotStored;
  if (is_proven) world_.history.failed(key, world_.now_ns());
  if (is_stopping_) return;
  world_.trace.probe(fmt::format("native producer: {}: {}",
                                 is_proven ? "not stored" : "maybe stored",
                                 error_name(delivery.error.code)));
  const bool may_fail = world_.may_lose || world_.workload.may_give_up() ||
                        world_.workload.delivery == Delivery::kAtMostOnce;
  if (!may_fail) complain("gave up", key, delivery.error);
}

}  // namespace semel::sim
