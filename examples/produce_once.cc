// Sends three records, each stored once whatever is lost on the way, and prints where they are.
//
//   produce_once HOST:PORT TOPIC
#include <cstdio>
#include <future>

#include "client/producer.h"
#include "rt/linux/linux_runtime.h"

namespace {

using namespace semel;

class Printer final : public client::DeliveryListener {
 public:
  void on_delivery(const client::Delivery& delivery) override {
    if (delivery.fate == client::Fate::kStored) {
      std::printf("record %d is at offset %lld of partition %d\n", static_cast<int>(delivery.tag),
                  static_cast<long long>(delivery.offset.value), delivery.partition);
    } else {
      std::printf("record %d failed: %s\n", static_cast<int>(delivery.tag),
                  delivery.error.context.c_str());
      has_failed = true;
    }
  }
  bool has_failed = false;
};

rt::Task<void> run(client::Environment environment, client::ProducerConfig config,
                   const char* topic, std::promise<int>& done) {
  Printer printer;
  client::Producer producer(environment, std::move(config), printer);
  producer.start();
  constexpr const char* kTexts[] = {"one", "two", "three"};
  for (uint64_t i = 0; i < 3; ++i) {
    client::ProducerRecord record;
    record.topic = topic;
    record.value = bytes::as_bytes(kTexts[i]);
    auto accepted = co_await producer.send(record, i + 1);
    if (accepted) continue;
    std::printf("record %d was not accepted: %s\n", static_cast<int>(i + 1),
                accepted.error().context.c_str());
    printer.has_failed = true;
  }
  co_await producer.close(client::Milliseconds{10'000});  // waits for the answers
  done.set_value(printer.has_failed ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::printf("usage: produce_once HOST:PORT TOPIC\n");
    return 2;
  }
  const client::ClientSetting settings[] = {{"bootstrap.servers", argv[1]},
                                            {"max.block.ms", "10000"}};
  auto config = client::ProducerConfig::from(settings);
  auto os = rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1});
  if (!config || !os) {
    std::printf("%s\n", config ? os.error().context.c_str() : config.error().text.c_str());
    return 2;
  }
  rt::Runtime& runtime = (*os)->runtime();
  rt::Executor& executor = *runtime.executors.front();
  std::promise<int> done;
  (*os)->start();
  executor.post([&] {
    rt::spawn(
        run({executor, *runtime.network, *runtime.random}, std::move(*config), argv[2], done));
  });
  const int code = done.get_future().get();
  (*os)->stop();
  return code;
}
