// Prints every record of one partition, from its beginning to its present end.
//
//   consume_all HOST:PORT TOPIC PARTITION
#include <cstdio>
#include <cstdlib>
#include <future>

#include "client/consumer.h"
#include "rt/linux/linux_runtime.h"

namespace {

using namespace semel;

rt::Task<Result<void>> read(client::Consumer& consumer, rt::Clock& clock,
                            TopicPartition partition) {
  const auto in_ten_seconds = [&] {
    return rt::WaitLimits{.deadline = clock.now() + std::chrono::seconds(10), .cancel = nullptr};
  };
  consumer.assign({partition});
  consumer.seek_to_time(partition, client::kEarliestOffset);
  auto end = co_await consumer.offset_at(partition, client::kLatestOffset, in_ten_seconds());
  if (!end) co_return fail(end.error());
  while (consumer.position(partition) < *end) {
    auto count = co_await consumer.poll(in_ten_seconds(), [](const client::ConsumedRecord& record) {
      const auto text = record.record.value ? bytes::as_text(*record.record.value) : "null";
      std::printf("%lld %.*s\n", static_cast<long long>(record.record.offset.value),
                  static_cast<int>(text.size()), text.data());
      return true;
    });
    if (!count) co_return fail(count.error());
  }
  co_return Result<void>{};
}

rt::Task<void> run(client::Environment environment, client::ConsumerConfig config,
                   TopicPartition partition, std::promise<int>& done) {
  client::Consumer consumer(environment, std::move(config));
  auto result = co_await read(consumer, environment.executor.clock(), std::move(partition));
  if (!result) std::printf("failed: %s\n", result.error().context.c_str());
  co_await consumer.close();
  done.set_value(result ? 0 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::printf("usage: consume_all HOST:PORT TOPIC PARTITION\n");
    return 2;
  }
  const client::ClientSetting settings[] = {{"bootstrap.servers", argv[1]}};
  auto config = client::ConsumerConfig::from(settings);
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
    rt::spawn(run({executor, *runtime.network, *runtime.random}, std::move(*config),
                  {argv[2], PartitionIndex{std::atoi(argv[3])}}, done));
  });
  const int code = done.get_future().get();
  (*os)->stop();
  return code;
}
