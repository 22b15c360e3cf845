#include "core_broker.h"

#include "api/broker/fetch_session.h"
#include "api/broker/services.h"
#include "base/units.h"
#include "cluster/image_publisher.h"
#include "file_metadata.h"
#include "log/log_manager.h"
#include "net/memory_budget.h"
#include "net/socket_server.h"
#include "replica/replica_manager.h"
#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/gate.h"
#include "security/authorizer.h"

namespace semel::sim {

namespace {

replica::FlushPolicy flush_policy(const std::string& text) {
  if (text == "ack") return replica::FlushPolicy::kAck;
  return text == "os" ? replica::FlushPolicy::kOs : replica::FlushPolicy::kAuto;
}

class CoreBroker final : public BrokerProgram, log::LogManagerListener {
 public:
  CoreBroker(rt::Runtime runtime, const BrokerSpec& spec)
      : runtime_(std::move(runtime)),
        spec_(spec),
        metadata_(runtime_, spec.data + "/metadata", spec.listen),
        partition_config_{BrokerId{spec.node_id}, flush_policy(spec.settings.at("semel.flush"))},
        logs_(runtime_, log_config(), *this),
        replicas_(runtime_, partition_config_, logs_, {}),
        producer_ids_(metadata_, home()),
        fetch_sessions_(100, *runtime_.clock, *runtime_.random),
        budget_(64_MiB),
        server_(runtime_, {.frame_bytes_max = 16 * 1024 * 1024}, budget_,
                [this](api::ListenerKind, rt::Executor& executor) {
                  return api::broker::make_dispatcher(services_, executor);
                }) {
    facts_.self = BrokerId{spec.node_id};
    facts_.cluster_id = "simulated";
    facts_.auto_creates_topics = false;
    metadata_.on_change = [this](const cluster::ImageChange& change) { images_.publish(change); };
  }

  void start() override { rt::spawn(run(gate_.enter())); }

  rt::Task<void> stop() override {
    is_stopping_ = true;
    co_await has_started_.wait();
    co_await server_.stop();
    if (has_replicas_) {
      images_.remove_listener(replicas_);
      replicas_.stop();
    }
    if (has_logs_) {
      rt::Event is_stopped(home());
      logs_.stop(1, [&is_stopped](Result<void>) { is_stopped.set(); });
      co_await is_stopped.wait();
    }
    co_await gate_.close(home());
  }

  bool has_exited() const override { return !exit_reason_.empty(); }
  std::string exit_reason() const override { return exit_reason_; }

 private:
  rt::Executor& home() { return *runtime_.executors[0]; }

  log::LogManagerConfig log_config() const {
    log::LogManagerConfig config;
    config.directories = {spec_.data + "/logs"};
    config.node_id = BrokerId{spec_.node_id};
    config.cluster_id = "simulated";
    config.formats_new_directories = true;
    config.flush_interval_ms = 400;
    config.recovery_point_checkpoint_ms = 300;
    config.high_watermark_checkpoint_ms = 200;
    config.config_of = [](const std::string&) { return log::LogConfig{}; };
    return config;
  }

  rt::Task<void> run(rt::Gate::Entry entry) {
    auto begun = co_await begin();
    if (!begun) exit_reason_ = "start: " + begun.error().context;
    has_started_.set();
  }

  rt::Task<Result<void>> begin() {
    auto loaded = co_await rt::run_blocking(*runtime_.disk, home(), [this]() -> Result<void> {
      SEMEL_CHECK(runtime_.disk->make_directories(spec_.data + "/logs"));
      SEMEL_CHECK(runtime_.disk->sync_directory("/"));
      SEMEL_CHECK(runtime_.disk->sync_directory(spec_.data));
      return metadata_.load();
    });
    if (!loaded) co_return fail(loaded.error());
    rt::OneShot<Result<log::LoadReport>> report(home());
    logs_.start([&report](Result<log::LoadReport> result) { report.set(std::move(result)); });
    has_logs_ = true;
    auto result = co_await report.wait();
    if (!*result) co_return fail(result->error());
    for (const auto& refused : (*result)->refused)
      exit_reason_ = refused.name.to_text() + " refused: " + refused.why.context;
    const cluster::ImageChange change = metadata_.first_image();
    images_.publish(change);
    replicas_.start(change.after);
    images_.add_listener(replicas_);
    has_replicas_ = true;
    if (is_stopping_) co_return Result<void>();
    auto bound = server_.listen({"PLAINTEXT", spec_.listen, api::ListenerKind::kBroker});
    if (!bound) co_return fail(bound.error());
    co_return Result<void>();
  }

  void on_directory_offline(const DirectoryId&, const std::string& path,
                            const std::vector<TopicPartition>& lost, bool is_last) override {
    replicas_.on_directory_offline(lost);
    if (is_last) exit_reason_ = path + " is offline";
  }

  rt::Runtime runtime_;
  const BrokerSpec spec_;
  FileMetadata metadata_;
  replica::PartitionConfig partition_config_;
  log::LogManager logs_;
  cluster::ImagePublisher images_;
  replica::ReplicaManager replicas_;
  cluster::ProducerIdAllocator producer_ids_;
  security::AllowAll authorizer_;
  api::broker::BrokerFacts facts_;
  api::broker::FetchSessionCache fetch_sessions_;
  api::broker::Services services_{facts_,    runtime_,      images_,     replicas_.table(),
                                  metadata_, producer_ids_, authorizer_, fetch_sessions_,
                                  logs_};
  net::MemoryBudget budget_;
  net::SocketServer server_;
  rt::Event has_started_{home()};
  rt::Gate gate_;
  bool is_stopping_ = false;
  bool has_logs_ = false;
  bool has_replicas_ = false;
  std::string exit_reason_;
};

}  // namespace

BrokerFactory core_broker_factory() {
  return [](rt::Runtime runtime, const BrokerSpec& spec) -> std::unique_ptr<BrokerProgram> {
    return std::make_unique<CoreBroker>(std::move(runtime), spec);
  };
}

}  // namespace semel::sim
