// Producer and consumer against a real broker, in the simulator: connections are cut and answers
// lost.
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/log.h"
#include "broker/broker.h"
#include "client/admin.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "gen/create_topics.h"
#include "rt/sim/world.h"

namespace semel::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class BrokerProgram final : public rt::sim::Program {
 public:
  explicit BrokerProgram(rt::Runtime runtime) : runtime_(std::move(runtime)) {
    broker::ConfigSources sources;
    sources.data_dir = "/data";
    sources.listen = "broker:9092";
    auto config = broker::make_config(sources);
    SEMEL_ASSERT(config.has_value());
    broker_ = std::make_unique<broker::Broker>(runtime_, std::move(*config), [](const Error&) {});
  }
  void start() override { rt::spawn(run()); }
  rt::Task<void> stop() override {
    co_await has_started_.wait();
    co_await broker_->stop();
  }
  bool is_up = false;

 private:
  rt::Task<void> run() {
    auto ready = co_await broker_->start();
    is_up = ready.has_value();
    has_started_.set();
  }
  rt::Runtime runtime_;
  rt::Event has_started_{*runtime_.executors[0]};
  std::unique_ptr<broker::Broker> broker_;
};

/// Counts reports, and keeps their order.
class Reports final : public DeliveryListener {
 public:
  void on_delivery(const Delivery& delivery) override {
    delivered.push_back(delivery.tag);
    if (delivery.fate == Fate::kStored) {
      stored.insert(delivery.tag);
    } else {
      failures.push_back(fmt::format("{}: {} {}", delivery.tag, error_name(delivery.error.code),
                                     delivery.error.context));
    }
  }
  std::vector<uint64_t> delivered;
  std::set<uint64_t> stored;
  std::vector<std::string> failures;
};

struct Read {
  int32_t partition;
  int64_t offset;
  std::string value;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : world_(seed) {
    // Brokers are killed on purpose; what they say about it is not news.
    set_log_sink([](LogLevel, std::string_view, std::string_view) {}, LogLevel::kError);
    rt::sim::Node& node = world_.add_node("broker");
    world_.add_node("client");
    start_broker(node);
    client_ = &world_.node("client").boot(1);
  }

  void start_broker(rt::sim::Node& node) {
    rt::sim::Process& process = node.boot(2);
    auto program = std::make_unique<BrokerProgram>(process.runtime());
    BrokerProgram& broker = *program;
    process.run(std::move(program));
    SEMEL_ASSERT(world_.run_until([&] { return broker.is_up; }, minutes{1}));
  }

  static std::vector<ClientSetting> settings(std::vector<ClientSetting> more) {
    more.push_back({"bootstrap.servers", "broker:9092"});
    return more;
  }
  Environment environment() {
    rt::Runtime& runtime = client_->runtime();
    return {*runtime.executors[0], *runtime.network, *runtime.random};
  }

  rt::Task<Result<void>> create_topic(int32_t partitions) {
    const auto config = ProducerConfig::from(settings({}));
    Admin admin(environment(), config->connection);
    gen::CreateTopicsRequest request;
    auto& topic = request.topics.append();
    topic.name = "t";
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    request.timeout_ms = 5'000;
    const rt::Instant deadline = client_->clock().now() + seconds{10};
    auto response = co_await admin.call<gen::CreateTopicsResponse>(request, {deadline, nullptr});
    co_await admin.close();
    if (!response) co_return fail(response.error());
    const auto code = static_cast<ErrorCode>(response->topics.front().error_code);
    if (code != ErrorCode::kNone && code != ErrorCode::kTopicAlreadyExists) co_return fail(code);
    co_return Result<void>{};
  }

  /// Sends `count` numbered records to `partitions` in turn and waits for the end of all.
  rt::Task<void> produce(std::vector<ClientSetting> more, int count, int partitions,
                         Reports& reports) {
    auto config = ProducerConfig::from(settings(std::move(more)));
    SEMEL_ASSERT(config.has_value());
    Producer producer(environment(), std::move(*config), reports);
    producer.start();
    for (int i = 0; i < count; ++i) {
      const std::string value = std::to_string(i);
      ProducerRecord record;
      record.topic = "t";
      record.partition = i % partitions;
      record.value = bytes::as_bytes(value);
      auto sent = co_await producer.send(record, static_cast<uint64_t>(i));
      if (!sent) reports.failures.push_back(sent.error().context);
      if (i % 10 == 0) co_await rt::sleep_for(*client_->runtime().executors[0], milliseconds{7});
    }
    auto flushed = co_await producer.flush();
    SEMEL_ASSERT(flushed.has_value());
    co_await producer.close(Milliseconds{0});
  }

  rt::Task<std::vector<Read>> read_all(int partitions) {
    auto config = ConsumerConfig::from(settings({{"max.poll.records", "37"}}));
    Consumer consumer(environment(), std::move(*config));
    std::vector<TopicPartition> assigned;
    for (int i = 0; i < partitions; ++i) assigned.push_back({"t", PartitionIndex{i}});
    consumer.assign(assigned);
    for (const TopicPartition& partition : assigned)
      consumer.seek_to_time(partition, kEarliestOffset);
    std::vector<Read> read;
    while (true) {
      const rt::Instant deadline = client_->clock().now() + seconds{10};
      auto count = co_await consumer.poll({deadline, nullptr}, [&](const ConsumedRecord& record) {
        read.push_back({record.partition, record.record.offset.value,
                        std::string(bytes::as_text(*record.record.value))});
        return true;
      });
      SEMEL_ASSERT(count.has_value());
      if (*count == 0) break;
    }
    co_await consumer.close();
    co_return read;
  }

  /// Cuts connections every `every` until stop_faults().
  void start_faults(milliseconds every) {
    is_faulty_ = true;
    world_.schedule(every, [this, every] {
      if (!is_faulty_) return;
      cuts_ += world_.fabric().cut_any() ? 1 : 0;
      start_faults(every);
    });
  }
  void stop_faults() { is_faulty_ = false; }

  rt::sim::World& world() { return world_; }
  rt::sim::Process& client() { return *client_; }
  int cuts() const { return cuts_; }

 private:
  rt::sim::World world_;
  rt::sim::Process* client_ = nullptr;
  bool is_faulty_ = false;
  int cuts_ = 0;
};

const std::vector<ClientSetting> kHurried{{"retry.backoff.ms", "20"},
                                          {"reconnect.backoff.ms", "5"},
                                          {"request.timeout.ms", "2000"},
                                          {"linger.ms", "2"}};

std::vector<ClientSetting> hurried_and(std::vector<ClientSetting> more) {
  more.insert(more.end(), kHurried.begin(), kHurried.end());
  return more;
}

class Modes : public testing::TestWithParam<uint64_t> {};

TEST_P(Modes, IdempotentStoresEachRecordOnceAndInOrderWhateverIsCut) {
  constexpr int kCount = 600;
  constexpr int kPartitions = 3;
  Simulation simulation(GetParam());
  const auto created =
      simulation.world().run(simulation.client(), simulation.create_topic(kPartitions));
  ASSERT_TRUE(created) << created.error().context;
  simulation.start_faults(milliseconds{40});
  Reports reports;
  simulation.world().run(
      simulation.client(),
      simulation.produce(hurried_and({{"compression.type", GetParam() % 2 == 0 ? "lz4" : "none"}}),
                         kCount, kPartitions, reports));
  simulation.stop_faults();
  EXPECT_GT(simulation.cuts(), 3);
  EXPECT_THAT(reports.failures, testing::IsEmpty());
  EXPECT_EQ(reports.delivered.size(), static_cast<size_t>(kCount));
  EXPECT_EQ(reports.stored.size(), static_cast<size_t>(kCount));
  const auto read = simulation.world().run(simulation.client(), simulation.read_all(kPartitions));
  ASSERT_EQ(read.size(), static_cast<size_t>(kCount));
  std::map<int32_t, int> next;
  for (const Read& one : read) {
    const int expected = next[one.partition]++ * kPartitions + one.partition;
    ASSERT_EQ(one.value, std::to_string(expected))
        << "partition " << one.partition << " offset " << one.offset;
    ASSERT_EQ(one.offset, expected / kPartitions);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Modes, testing::Range<uint64_t>(1, 25));

TEST(ClientInTheSimulator, AtLeastOnceLosesNothingAndStoresSomeTwice) {
  size_t duplicates = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Simulation simulation(seed);
    ASSERT_TRUE(simulation.world().run(simulation.client(), simulation.create_topic(1)));
    simulation.start_faults(milliseconds{20});
    Reports reports;
    simulation.world().run(
        simulation.client(),
        simulation.produce(hurried_and({{"enable.idempotence", "false"}}), 300, 1, reports));
    simulation.stop_faults();
    EXPECT_EQ(reports.stored.size(), 300u);
    const auto read = simulation.world().run(simulation.client(), simulation.read_all(1));
    std::set<std::string> distinct;
    for (const Read& one : read) distinct.insert(one.value);
    EXPECT_EQ(distinct.size(), 300u);
    duplicates += read.size() - distinct.size();
  }
  EXPECT_GT(duplicates, 0u) << "the faults are too mild to show what idempotence prevents";
}

TEST(ClientInTheSimulator, WhoWaitsForRoomDoesNotSpin) {
  Simulation simulation(9);
  ASSERT_TRUE(simulation.world().run(simulation.client(), simulation.create_topic(1)));
  rt::sim::Node& node = simulation.world().node("broker");
  const uint64_t before = simulation.world().trace().events();
  node.pause();
  simulation.world().schedule(seconds{1}, [&] { node.resume(); });
  Reports reports;
  simulation.world().run(
      simulation.client(),
      simulation.produce(hurried_and({{"buffer.memory", "2000"}}), 300, 1, reports));
  EXPECT_EQ(reports.stored.size(), 300u);
  EXPECT_LT(simulation.world().trace().events() - before, 20'000u)
      << "a second of waiting for room is not filled with looking for it";
}

TEST(ClientInTheSimulator, APartitionThatIsNotThereIsTold) {
  Simulation simulation(2);
  ASSERT_TRUE(simulation.world().run(simulation.client(), simulation.create_topic(1)));
  Reports reports;
  // Records go to partitions 0 and 1 in turn; the topic has only the first.
  simulation.world().run(simulation.client(),
                         simulation.produce(hurried_and({{"max.block.ms", "300"}}), 2, 2, reports));
  EXPECT_THAT(
      reports.failures,
      testing::ElementsAre("Partition 1 of topic t with partition count 1 is not present in "
                           "metadata after 300 ms."));
  EXPECT_EQ(reports.stored.size(), 1u);
}

TEST(ClientInTheSimulator, AConsumerReadsEverythingOnceWhileConnectionsAreCut) {
  for (uint64_t seed = 11; seed <= 14; ++seed) {
    Simulation simulation(seed);
    ASSERT_TRUE(simulation.world().run(simulation.client(), simulation.create_topic(2)));
    Reports reports;
    simulation.world().run(simulation.client(), simulation.produce(kHurried, 500, 2, reports));
    simulation.start_faults(milliseconds{30});
    const auto read = simulation.world().run(simulation.client(), simulation.read_all(2));
    simulation.stop_faults();
    EXPECT_GT(simulation.cuts(), 3);
    ASSERT_EQ(read.size(), 500u);
    std::map<int32_t, int64_t> next;
    for (const Read& one : read) ASSERT_EQ(one.offset, next[one.partition]++);
  }
}

TEST(ClientInTheSimulator, AtMostOnceNeverWaitsAndNeverStoresTwice) {
  Simulation simulation(3);
  ASSERT_TRUE(simulation.world().run(simulation.client(), simulation.create_topic(1)));
  Reports reports;
  simulation.world().run(simulation.client(),
                         simulation.produce(hurried_and({{"acks", "0"}}), 200, 1, reports));
  EXPECT_EQ(reports.stored.size(), 200u);
  simulation.world().run_for(seconds{1});
  const auto read = simulation.world().run(simulation.client(), simulation.read_all(1));
  std::set<std::string> distinct;
  for (const Read& one : read) distinct.insert(one.value);
  EXPECT_EQ(distinct.size(), read.size());
  EXPECT_EQ(read.size(), 200u) << "nothing was cut";
}

TEST(ClientInTheSimulator, ABrokerThatIsKilledAndComesBackGetsTheRestOnce) {
  Simulation simulation(5);
  ASSERT_TRUE(simulation.world().run(simulation.client(), simulation.create_topic(1)));
  rt::sim::Node& node = simulation.world().node("broker");
  simulation.world().schedule(milliseconds{150}, [&] { node.kill(rt::sim::Death::kProcess); });
  simulation.world().schedule(milliseconds{900}, [&] {
    rt::sim::Process& process = node.boot(2);
    process.run(std::make_unique<BrokerProgram>(process.runtime()));
  });
  Reports reports;
  simulation.world().run(simulation.client(), simulation.produce(hurried_and({}), 600, 1, reports));
  EXPECT_THAT(reports.failures, testing::IsEmpty());
  const auto read = simulation.world().run(simulation.client(), simulation.read_all(1));
  ASSERT_EQ(read.size(), 600u);
  for (size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i].value, std::to_string(i));
}

}  // namespace
}  // namespace semel::client
