#include "scenario.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "client_world.h"
#include "cluster.h"
#include "consumer.h"
#include "faults.h"
#include "gen/create_topics.h"
#include "images.h"
#include "native_consumer.h"
#include "native_producer.h"
#include "producer.h"
#include "rt/sim/world.h"

namespace semel::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr rt::Duration kStartLimit = seconds{30};
constexpr int kImagesPerRun = 3;

rt::sim::WorldOptions draw_world(const ScenarioOptions& given) {
  rt::sim::SimRandom random(given.seed ^ 0x776f726c64ull);
  rt::sim::WorldOptions options;
  options.plants = given.plants;
  if (given.unix_start_ms != 0) options.unix_start_ms = given.unix_start_ms;
  options.pool_threads = static_cast<uint32_t>(random.between(1, 4));
  options.combiner_taken_ppm = static_cast<uint32_t>(random.below(3) * 300'000);
  options.network.latency_max = random.between(std::chrono::microseconds{50}, milliseconds{8});
  options.network.reset_ppm = random.below(3) == 0 ? 1'000 : 0;
  options.network.connect_fail_ppm = random.below(4) == 0 ? 50'000 : 0;
  options.network.window = random.below(4) == 0 ? 2'000 : 256 * 1024;
  return options;
}

/// Creates the topic; tries until the broker says yes.
rt::Task<Result<void>> create_topic(rt::Runtime runtime, const ClientWorld& world) {
  const rt::CancelSource never;
  const rt::CancelToken token = never.token();
  gen::CreateTopicsRequest request;
  auto& topic = request.topics.append();
  topic.name = world.topic;
  topic.num_partitions = static_cast<int32_t>(world.workload.partitions);
  topic.replication_factor = static_cast<int16_t>(std::min<size_t>(world.brokers.size(), 3));
  for (const auto& [key, value] : world.workload.topic_settings) {
    auto& config = topic.configs.append();
    config.name = key;
    config.value = value;
  }
  request.timeout_ms = 5000;
  const rt::Instant deadline = runtime.clock->now() + kStartLimit;
  Error last{ErrorCode::kRequestTimedOut, "no answer"};
  while (runtime.clock->now() < deadline) {
    auto client = co_await WireClient::open(runtime, world.brokers[0], "admin");
    if (client) {
      const rt::Instant limit = runtime.clock->now() + seconds{6};
      auto answer = co_await (*client)->call<gen::CreateTopicsResponse>(request, 7, limit, &token);
      if (answer && answer->topics.size() == 1) {
        const auto code = static_cast<ErrorCode>(answer->topics[0].error_code);
        if (code == ErrorCode::kNone || code == ErrorCode::kTopicAlreadyExists)
          co_return Result<void>();
        last = {code, answer->topics[0].error_message.value_or("")};
      } else if (!answer) {
        last = answer.error();
      }
    } else {
      last = client.error();
    }
    co_await rt::sleep_for(*runtime.executors[0], milliseconds{50});
  }
  co_return fail(last, "CreateTopics");
}

/// Everything of one run.
class Scenario {
 public:
  Scenario(const Workload& workload, const BrokerFactory& factory, ScenarioOptions options)
      : workload_(workload),
        world_(options.seed, draw_world(options)),
        images_(options.images_disk, options.images,
                fmt::format("{}-{}", workload.name, options.seed), kImagesPerRun),
        cluster_(world_, workload, factory, [this](rt::sim::Node& node) { images_.take(node); }),
        faults_(world_, cluster_, workload, history_),
        shared_{workload,
                history_,
                world_.trace(),
                std::string(kTopic),
                cluster_.addresses(),
                workload.may_lose(),
                [this] { return world_.now().ns; }} {
    if (options.printer) world_.trace().set_printer(std::move(options.printer));
  }

  Report run() {
    if (start()) {
      faults_.begin();
      world_.run_for(milliseconds{workload_.duration_ms});
      settle();
    }
    world_.kill_all();
    return report();
  }

 private:
  bool start() {
    cluster_.boot_all();
    watch();
    rt::sim::Process& admin = world_.add_node("admin").boot(1);
    auto created = world_.run(admin, create_topic(admin.runtime(), shared_), 2 * kStartLimit);
    if (!created) {
      history_.complain("no start", fmt::format("{} {}", error_name(created.error().code),
                                                created.error().context));
      return false;
    }
    for (int64_t i = 0; i < workload_.producers; ++i) {
      rt::sim::Process& process = world_.add_node(fmt::format("producer{}", i + 1)).boot(1);
      auto producer = make_producer(process, static_cast<uint16_t>(i + 1));
      producers_.push_back(producer.get());
      process.run(std::move(producer));
    }
    for (int64_t i = 0; i < workload_.consumers; ++i) {
      rt::sim::Process& process = world_.add_node(fmt::format("consumer{}", i + 1)).boot(1);
      process.run(make_consumer(process));
    }
    return true;
  }

  std::unique_ptr<Sender> make_producer(rt::sim::Process& process, uint16_t number) {
    if (workload_.driver == Driver::kNative)
      return std::make_unique<NativeProducer>(process.runtime(), shared_, number);
    return std::make_unique<Producer>(process.runtime(), shared_, number);
  }

  std::unique_ptr<rt::sim::Program> make_consumer(rt::sim::Process& process) {
    if (workload_.driver == Driver::kWire)
      return std::make_unique<Consumer>(process.runtime(), shared_, Consumer::Role::kDuring);
    auto consumer = std::make_unique<NativeConsumer>(process.runtime(), shared_);
    native_consumers_.push_back(consumer.get());
    return consumer;
  }

  /// Brings back what exited or died by itself.
  void watch() {
    world_.schedule(milliseconds{50}, [this] {
      cluster_.sweep();
      const auto pause = static_cast<int64_t>(world_.random().between(1, 400));
      if (!cluster_.is_all_running())
        world_.schedule(milliseconds{pause}, [this] { cluster_.boot_all(); });
      watch();
    });
  }

  void settle() {
    faults_.end();
    cluster_.boot_all();
    for (Sender* producer : producers_) producer->finish();
    const bool has_settled = world_.run_until(
        [this] {
          return std::all_of(producers_.begin(), producers_.end(),
                             [](const Sender* producer) { return producer->is_settled(); });
        },
        milliseconds{workload_.settle_ms});
    if (!has_settled)
      for (const Sender* producer : producers_)
        if (!producer->is_settled()) history_.complain("stuck", producer->describe());
    if (world_.random().below(2) == 0) restart_all();
    read_all();
    catch_up();
  }

  /// What is acknowledged must also be there after one more restart.
  void restart_all() {
    const bool may_cut_power = workload_.flush != "os" || workload_.may_lose();
    for (size_t i = 0; i < cluster_.size(); ++i) {
      rt::sim::Node& node = cluster_.node(i);
      if (!node.is_running()) continue;
      if (world_.random().below(2) == 0) {
        node.kill(may_cut_power && world_.random().below(2) == 0 ? rt::sim::Death::kPower
                                                                 : rt::sim::Death::kProcess);
      } else {
        node.shut_down();
        const bool is_down = world_.run_until([&node] { return !node.is_running(); }, seconds{60});
        if (!is_down) history_.complain("stuck", node.name() + " does not stop");
      }
      cluster_.boot(i);
    }
  }

  void read_all() {
    rt::sim::Process& process = world_.add_node("reader").boot(1);
    auto reader = std::make_unique<Consumer>(process.runtime(), shared_, Consumer::Role::kFinal);
    const Consumer* watched = reader.get();
    process.run(std::move(reader));
    const bool has_read = world_.run_until([watched] { return watched->is_done(); },
                                           milliseconds{workload_.settle_ms});
    if (!has_read) history_.complain("stuck", watched->describe());
  }

  /// What the final reader has seen, every native consumer sees in the end.
  void catch_up() {
    for (NativeConsumer* consumer : native_consumers_) {
      consumer->finish();
      const bool has_read = world_.run_until(
          [&] {
            for (uint16_t i = 0; i < workload_.partitions; ++i)
              if (!consumer->has_read(i, history_.end_of(i))) return false;
            return true;
          },
          milliseconds{workload_.settle_ms});
      if (!has_read) history_.complain("stuck", consumer->describe());
    }
  }

  void count_promises() {
    if (workload_.driver == Driver::kWire) return;
    for (uint64_t left = history_.doubled_count(); left > 0; --left)
      world_.trace().probe("native: record stored twice");
    for (uint64_t left = history_.lost_count(); left > 0; --left)
      world_.trace().probe("native: record lost");
  }

  Report report() {
    count_promises();
    for (size_t i = 0; i < cluster_.size(); ++i)
      history_.lost_power(cluster_.node(i).last_power_cut_ns());
    Report report;
    report.violations = history_.judge({.power_cut_may_lose = workload_.may_lose()});
    report.trace_hash = world_.trace().hash();
    report.events = world_.trace().events();
    report.virtual_ms = world_.now().ns / 1'000'000;
    report.sent = history_.sent_count();
    report.acked = history_.acked_count();
    report.read = history_.read_count();
    report.probes = world_.trace().probes();
    return report;
  }

  const Workload& workload_;
  History history_;
  rt::sim::World world_;
  ImageWriter images_;
  Cluster cluster_;
  Faults faults_;
  ClientWorld shared_;
  std::vector<Sender*> producers_;
  std::vector<NativeConsumer*> native_consumers_;
};

}  // namespace

Report run_scenario(const Workload& workload, const BrokerFactory& factory,
                    ScenarioOptions options) {
  Scenario scenario(workload, factory, std::move(options));
  return scenario.run();
}

}  // namespace semel::sim
