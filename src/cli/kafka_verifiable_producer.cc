#include "cli/kafka_verifiable_producer.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/argparse.h"
#include "cli/client_session.h"
#include "cli/client_settings.h"
#include "cli/dump_printer.h"
#include "cli/kafka_producer_usage.h"
#include "client/producer.h"

namespace semel::cli {
namespace {

using Kind = ArgparseOption::Kind;

constexpr ArgparseOption kOptions[] = {
    {"-h", Kind::kFlag},
    {"--help", Kind::kFlag},
    {"--topic", Kind::kText, true},
    {"--max-messages", Kind::kInteger},
    {"--throughput", Kind::kInteger},
    {"--acks", Kind::kInteger, false, "", false, "0,1,-1"},
    {"--producer.config"},
    {"--message-create-time", Kind::kLong},
    {"--value-prefix", Kind::kInteger},
    {"--repeating-keys", Kind::kInteger},
    {"--command-config"},
    {"--bootstrap-server", Kind::kText, false, "connection", true}};

/// One run, on the session's reactor. A record's tag is its number.
class Run final : public client::DeliveryListener {
 public:
  Run(ClientSession& session, const ArgparseArguments& given, client::ProducerConfig config,
      Output& output)
      : session_(session),
        given_(given),
        output_(output),
        producer_(session.environment(), std::move(config), *this) {}

  void on_delivery(const client::Delivery& delivery) override {
    const auto number = static_cast<int64_t>(delivery.tag);
    nlohmann::ordered_json json{{"timestamp", unix_ms()}, {"name", "producer_send_success"}};
    json["key"] = nullptr;
    if (const auto key = key_of(number)) json["key"] = *key;
    json["value"] = value_of(number);
    if (delivery.fate == client::Fate::kStored) {
      ++acked_;
      json["offset"] = delivery.offset.value;
    } else {
      json["name"] = "producer_send_error";
      const std::string text = java_text(delivery.error);
      json["exception"] = "class " + text.substr(0, text.find(':'));
      json["message"] = delivery.error.context;
    }
    json["topic"] = delivery.topic;
    if (delivery.fate == client::Fate::kStored) json["partition"] = delivery.partition;
    print(json);
  }

  rt::Task<void> run() {
    const rt::CancelToken stop = session_.stop().token();
    const rt::Instant start = now();
    const int64_t count_max = given_.number("--max-messages", -1);
    const int64_t throughput = given_.number("--throughput", -1);
    producer_.start();
    print({{"timestamp", unix_ms()}, {"name", "startup_complete"}});
    int64_t create_time = given_.number("--message-create-time", -1);
    while (!stop.is_cancelled() && (count_max < 0 || sent_ < count_max)) {
      auto sent = co_await send_next(create_time);
      if (create_time >= 0) ++create_time;
      if (!sent) report_refusal(sent.error());
      ++sent_;
      if (sent_ % 64 == 0) {
        co_await rt::resume_on(session_.executor());
      }
      if (throughput <= 0) continue;
      const rt::Instant due = start + rt::Duration{sent_ * 1'000'000'000 / throughput};
      if (due > now()) {
        co_await rt::pause(session_.executor(), {due, &stop});
      }
    }
    co_await producer_.close(producer_.config().delivery_timeout);
    print({{"timestamp", unix_ms()}, {"name", "shutdown_complete"}});
    const double seconds = std::max(1e-3, static_cast<double>((now() - start).count()) / 1e9);
    print({{"timestamp", unix_ms()},
           {"name", "tool_data"},
           {"sent", sent_},
           {"acked", acked_},
           {"target_throughput", throughput},
           {"avg_throughput", static_cast<double>(acked_) / seconds}});
  }

 private:
  rt::Instant now() { return session_.executor().clock().now(); }
  int64_t unix_ms() { return session_.executor().clock().unix_ms(); }

  void print(const nlohmann::ordered_json& json) {
    output_.out(json_text(json) + "\n");
    std::fflush(stdout);
  }
  std::string value_of(int64_t number) const {
    if (!given_.has("--value-prefix")) return std::to_string(number);
    return fmt::format("{}.{}", given_.text("--value-prefix"), number);
  }
  std::optional<std::string> key_of(int64_t number) const {
    const int64_t keys = given_.number("--repeating-keys", -1);
    if (keys <= 0) return std::nullopt;
    return std::to_string(number % keys);
  }

  rt::Task<Result<void>> send_next(int64_t create_time) {
    const std::string value = value_of(sent_);
    const std::optional<std::string> key = key_of(sent_);
    const std::string topic = given_.text("--topic");
    client::ProducerRecord record;
    record.topic = topic;
    record.value = bytes::as_bytes(value);
    if (key) record.key = bytes::as_bytes(*key);
    if (create_time >= 0) record.timestamp = create_time;
    auto sent = co_await producer_.send(record, static_cast<uint64_t>(sent_));
    co_return sent;
  }

  void report_refusal(const Error& error) {
    const std::string topic = given_.text("--topic");
    client::Delivery delivery;
    delivery.tag = static_cast<uint64_t>(sent_);
    delivery.topic = topic;
    delivery.fate = client::Fate::kNotStored;
    delivery.error = error;
    on_delivery(delivery);
  }

  ClientSession& session_;
  const ArgparseArguments& given_;
  Output& output_;
  client::Producer producer_;
  int64_t sent_ = 0;
  int64_t acked_ = 0;
};

rt::Task<void> produce(ClientSession& session, const ArgparseArguments& given,
                       client::ProducerConfig config, Output& output) {
  Run run(session, given, std::move(config), output);
  co_await run.run();
}

}  // namespace

int run_kafka_verifiable_producer(std::span<const std::string> words, rt::Runtime& runtime,
                                  Output& output) {
  const bool wants_help = std::find(words.begin(), words.end(), "--help") != words.end() ||
                          std::find(words.begin(), words.end(), "-h") != words.end();
  if (words.empty() || wants_help) {
    output.out(fmt::format("{}{}", kVerifiableProducerUsage, kVerifiableProducerHelp));
    return words.empty() ? 0 : 1;
  }
  const auto refuse = [&](const Error& error) {
    output.err(kVerifiableProducerUsage + argparse_error("verifiable-producer", error.context));
    return 1;
  };
  const auto given = ArgparseArguments::parse(kOptions, words);
  if (!given) return refuse(given.error());
  Settings settings{{"bootstrap.servers", given->text("--bootstrap-server")},
                    {"acks", std::to_string(given->number("--acks", -1))},
                    {"retries", "0"}};
  for (const char* file : {"--producer.config", "--command-config"}) {
    if (!given->has(file)) continue;
    const auto read = add_settings_file(settings, *runtime.disk, given->text(file));
    if (!read) return refuse(read.error());
  }
  auto config = client::ProducerConfig::from(settings);
  if (!config) {
    output.err("Exception in thread \"main\" " + java_text(config.error()) + "\n");
    return 1;
  }
  auto session = ClientSession::open(true);
  if (!session) return refuse(session.error());
  (*session)->run(produce(**session, *given, std::move(*config), output));
  return 0;
}

}  // namespace semel::cli
