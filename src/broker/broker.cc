#include "broker/broker.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/broker/fetch_session.h"
#include "api/broker/services.h"
#include "api/controller/dispatcher.h"
#include "base/log.h"
#include "broker/directories.h"
#include "broker/dynamic_settings.h"
#include "broker/settings.h"
#include "cluster/broker_lifecycle.h"
#include "cluster/controller_call.h"
#include "cluster/directory_reporter.h"
#include "cluster/embedded_controller.h"
#include "cluster/metadata_follower.h"
#include "cluster/peer_channel.h"
#include "cluster/producer_id_allocator.h"
#include "gen/allocate_producer_ids.h"
#include "log/log_manager.h"
#include "net/memory_budget.h"
#include "net/socket_server.h"
#include "replica/replica_manager.h"
#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/memory_stream.h"
#include "security/authorizer.h"

namespace semel::broker {
namespace {

constexpr size_t kControllerStreamBytes = 256u << 10;
constexpr rt::Duration kProducerIdTimeout = std::chrono::seconds(10);

/// Blocks of producer ids from the controller.
class ControllerProducerIds final : public cluster::ProducerIdSource {
 public:
  ControllerProducerIds(cluster::ControllerChannel& channel, rt::Executor& home, BrokerId self,
                        const cluster::BrokerLifecycle& lifecycle)
      : channel_(channel), home_(home), self_(self), lifecycle_(lifecycle) {}

  rt::Task<Result<cluster::ProducerIdBlock>> next_block() override {
    gen::AllocateProducerIdsRequest request;
    request.broker_id = self_.value;
    request.broker_epoch = lifecycle_.epoch().value;
    auto response = co_await cluster::send<gen::AllocateProducerIdsResponse>(
        channel_, home_, std::move(request), kProducerIdTimeout);
    if (!response) co_return fail(response.error());
    if (response->error_code != 0)
      co_return fail(static_cast<ErrorCode>(response->error_code),
                     "the controller gave no block of producer ids");
    co_return cluster::ProducerIdBlock{response->producer_id_start, response->producer_id_len};
  }

 private:
  cluster::ControllerChannel& channel_;
  rt::Executor& home_;
  BrokerId self_;
  const cluster::BrokerLifecycle& lifecycle_;
};

}  // namespace

class Broker::Impl final : public log::LogManagerListener {
 public:
  Impl(rt::Runtime& runtime, Config config, rt::UniqueFunction<void(const Error&)> on_fatal)
      : runtime_(runtime),
        home_(*runtime.executors.front()),
        config_(std::move(config)),
        on_fatal_(std::move(on_fatal)) {}

  rt::Task<Result<BrokerReady>> start() {
    for (const std::string& warning : config_.warnings) log_warn("config", "{}", warning);
    auto identity = co_await rt::run_blocking(*runtime_.disk, home_, [this] { return prepare(); });
    if (!identity) co_return fail(identity.error());
    identity_ = std::move(*identity);

    make_server();
    const auto early = listen_if(true);
    if (!early) co_return fail(early.error());
    auto controller = co_await start_controller();
    if (!controller) co_return fail(controller.error());
    auto registered = co_await join_cluster();
    if (!registered) co_return fail(registered.error());
    auto loaded = co_await load_logs();
    if (!loaded) co_return fail(loaded.error());
    replicas_->start(images_.current());
    images_.add_listener(*replicas_);
    settings_ = std::make_unique<DynamicSettings>(identity_.broker, facts_.static_config,
                                                  SettingsUsers{*server_, *logs_, *replicas_});
    settings_->apply(*images_.current());
    images_.add_listener(*settings_);
    report_directories();
    const auto late = listen_if(false);
    if (!late) co_return fail(late.error());
    auto running = co_await lifecycle_->become_running();
    if (!running) co_return fail(running.error());
    BrokerReady ready{config_.data_text, addresses_, identity_.cluster_id, identity_.broker};
    co_return ready;
  }

  rt::Task<void> stop() {
    if (lifecycle_ && !has_failed_) co_await lifecycle_->shut_down();
    if (reporter_) {
      images_.remove_listener(*reporter_);
      reporter_->stop();
    }
    if (settings_) images_.remove_listener(*settings_);
    if (replicas_) {
      images_.remove_listener(*replicas_);
      replicas_->stop();
    }
    if (follower_) follower_->stop();
    if (channel_) channel_->close();
    if (server_) co_await server_->stop();
    if (logs_started_) co_await close_logs();
    if (controller_started_) co_await controller_->stop();
    metadata_lock_.reset();
  }

  void on_directory_offline(const DirectoryId& directory, const std::string& path,
                            const std::vector<TopicPartition>& lost, bool is_last) override {
    log_error("broker", "log directory {} is offline with {} partitions", path, lost.size());
    if (replicas_) replicas_->on_directory_offline(lost);
    if (lifecycle_) lifecycle_->report_offline_directory(directory);
    if (is_last)
      fatal({ErrorCode::kKafkaStorageError,
             "no log directory is left; mend the disk and start again", Cause::kIo});
  }

 private:
  void fatal(const Error& error) {
    has_failed_ = true;
    if (lifecycle_) lifecycle_->abandon();
    if (on_fatal_) std::exchange(on_fatal_, {})(error);
  }

  /// On the I/O pool.
  Result<Identity> prepare() {
    if (!is_combined()) {
      SEMEL_CHECK(runtime_.disk->make_directories(config_.metadata_dir));
      auto lock = runtime_.disk->lock(config_.metadata_dir + "/.lock");
      if (!lock) return fail(lock_error(config_.metadata_dir, lock.error()));
      metadata_lock_ = std::move(*lock);
    }
    return prepare_directories(runtime_, config_);
  }

  static Error lock_error(const std::string& directory, Error error) {
    if (error.cause == Cause::kLocked)
      error.context = fmt::format(
          "{} is in use by another process; stop that one, or give this one another directory",
          directory);
    return error;
  }

  bool is_combined() const { return config_.roles == Roles::kCombined; }

  void make_server() {
    budget_ = std::make_unique<net::MemoryBudget>(
        static_cast<size_t>(config_.number("semel.memory.bytes")) + net::MemoryBudget::kReserve);
    fetch_sessions_ = std::make_unique<api::broker::FetchSessionCache>(
        static_cast<size_t>(config_.number("max.incremental.fetch.session.cache.slots")),
        *runtime_.clock, *runtime_.random);
    server_ =
        std::make_unique<net::SocketServer>(runtime_, server_config(config_), *budget_,
                                            [this](api::ListenerKind kind, rt::Executor& executor) {
                                              return make_dispatcher(kind, executor);
                                            });
  }

  std::unique_ptr<api::Dispatcher> make_dispatcher(api::ListenerKind kind, rt::Executor& executor) {
    if (kind == api::ListenerKind::kController)
      return api::controller::make_dispatcher(*controller_, executor);
    const api::broker::Services services{facts_,    runtime_,       images_,     replicas_->table(),
                                         *channel_, *producer_ids_, authorizer_, *fetch_sessions_,
                                         *logs_};
    return api::broker::make_dispatcher(services, executor);
  }

  /// Listeners with port 0 are opened first, since the port must be told at registration; the
  /// others when requests can be served.
  Result<void> listen_if(bool any_port) {
    addresses_.resize(config_.listeners.size());
    for (size_t i = 0; i < config_.listeners.size(); ++i) {
      ListenerConfig& listener = config_.listeners[i];
      if ((listener.bind.port == 0) != any_port || addresses_[i].port != 0) continue;
      SEMEL_TRY(addresses_[i], listen(listener, api::ListenerKind::kBroker));
      if (listener.advertised.port == 0) listener.advertised.port = addresses_[i].port;
    }
    if (!any_port && config_.controller_listener) {
      SEMEL_TRY(const auto address,
                listen(*config_.controller_listener, api::ListenerKind::kController));
      log_info("broker", "controller listens on {}", address.to_text());
    }
    return {};
  }

  Result<rt::Address> listen(const ListenerConfig& listener, api::ListenerKind kind) {
    auto address = server_->listen({listener.name, listener.bind, kind});
    if (address) return address;
    Error error = address.error();
    if (error.cause == Cause::kInUse)
      error.context = fmt::format(
          "{} cannot listen on {}: the port is taken; stop who holds it, or choose another "
          "with --listen HOST:PORT or listeners=",
          listener.name, listener.bind.to_text());
    else
      error.context = fmt::format("{} cannot listen on {}: {}", listener.name,
                                  listener.bind.to_text(), error.context);
    return std::unexpected<Error>(std::move(error));
  }

  rt::Task<Result<void>> start_controller() {
    controller_ = std::make_unique<cluster::EmbeddedController>(
        runtime_, controller_config(config_, identity_, *runtime_.random),
        [this](const Error& error) { fatal(error); });
    auto started = co_await controller_->start();
    controller_started_ = started.has_value();
    co_return started;
  }

  /// The broker's way to the controller of this process: a stream in memory that the server adopts.
  cluster::OpenStream open_controller() {
    return [this]() -> rt::Task<Result<std::unique_ptr<rt::Stream>>> {
      auto [near, far] =
          rt::make_memory_streams(home_, home_, kControllerStreamBytes, "controller");
      server_->adopt(std::move(far), "CONTROLLER", api::ListenerKind::kController);
      co_return std::move(near);
    };
  }

  rt::Task<Result<void>> join_cluster() {
    facts_ = broker_facts(config_, identity_);
    channel_ = std::make_unique<cluster::PeerChannel>(home_, open_controller());
    follower_ = std::make_unique<cluster::MetadataFollower>(
        home_, open_controller(), images_,
        cluster::FollowerSettings{.cluster_id = identity_.cluster_id,
                                  .replica_id = follower_id(),
                                  .directory = identity_.metadata_directory},
        [this](const Error& error) { fatal(error); });
    follower_->start();
    auto directories =
        co_await rt::run_blocking(*runtime_.disk, home_, [this] { return directory_ids(); });
    if (!directories) co_return fail(directories.error());
    auto self = broker_identity(config_, identity_, std::move(*directories), *runtime_.random);
    keep_finalized_levels(controller_->controller().image()->features, self.features);
    lifecycle_ = std::make_unique<cluster::BrokerLifecycle>(
        home_, *channel_, images_, std::move(self), lifecycle_times(config_));
    id_source_ =
        std::make_unique<ControllerProducerIds>(*channel_, home_, identity_.broker, *lifecycle_);
    producer_ids_ = std::make_unique<cluster::ProducerIdAllocator>(*id_source_, home_);
    auto registered = co_await lifecycle_->register_and_catch_up();
    co_return registered;
  }

  /// In combined mode broker and voter are one node, and a voter does not follow itself: the broker
  /// then reads the committed log as a node of no quorum.
  int32_t follower_id() const { return is_combined() ? -1 : identity_.broker.value; }

  Result<std::vector<DirectoryId>> directory_ids() {
    return read_directory_ids(*runtime_.disk, config_.log_dirs);
  }

  rt::Task<Result<void>> load_logs() {
    log::LogManagerConfig config = log_manager_config(config_, identity_, *runtime_.random);
    config.config_of = [this](const std::string& topic) {
      return replica::topic_settings(*images_.current(), topic, identity_.broker,
                                     facts_.static_config)
          .log;
    };
    logs_ = std::make_unique<log::LogManager>(runtime_, std::move(config), *this);
    partition_config_ = partition_config(config_, identity_);
    replicas_ = std::make_unique<replica::ReplicaManager>(runtime_, partition_config_, *logs_,
                                                          facts_.static_config);
    rt::OneShot<Result<log::LoadReport>> loaded(home_);
    logs_->start([&loaded](Result<log::LoadReport> report) { loaded.set(std::move(report)); });
    auto report = co_await loaded.wait();
    if (!*report) co_return fail(lock_error("a log directory", report->error()));
    logs_started_ = true;
    for (const log::RefusedPartition& refused : (*report)->refused)
      log_error("broker", "{} is not served: {}", refused.name.to_text(), refused.why.context);
    if ((*report)->is_first) {
      log_info("broker", "the log directories are new");
    } else {
      log_info("broker", "{} partitions loaded, last stop was {}", (*report)->logs,
               (*report)->was_clean ? "clean" : "not clean");
    }
    co_return Result<void>{};
  }

  /// After the replicas: they are opened before the reporter hears of them.
  void report_directories() {
    const auto directory_of = [this](const TopicPartition& name) -> std::optional<DirectoryId> {
      const auto log = logs_->find(name);
      if (log == nullptr) return std::nullopt;
      return logs_->directory_of(*log);
    };
    reporter_ = std::make_unique<cluster::DirectoryReporter>(home_, *channel_, *lifecycle_,
                                                             identity_.broker, directory_of);
    reporter_->start(images_.current());
    images_.add_listener(*reporter_);
  }

  rt::Task<void> close_logs() {
    rt::OneShot<Result<void>> closed(home_);
    logs_->stop(lifecycle_ ? lifecycle_->epoch().value : -1,
                [&closed](Result<void> result) { closed.set(std::move(result)); });
    auto result = co_await closed.wait();
    if (result && !*result)
      log_error("broker", "logs were not closed in order: {}", result->error().context);
  }

  rt::Runtime& runtime_;
  rt::Executor& home_;
  Config config_;
  rt::UniqueFunction<void(const Error&)> on_fatal_;
  Identity identity_;
  std::unique_ptr<rt::FileLock> metadata_lock_;
  api::broker::BrokerFacts facts_;
  replica::PartitionConfig partition_config_;
  security::AllowAll authorizer_;
  cluster::ImagePublisher images_;
  std::unique_ptr<net::MemoryBudget> budget_;
  std::unique_ptr<api::broker::FetchSessionCache> fetch_sessions_;
  std::unique_ptr<cluster::EmbeddedController> controller_;
  std::unique_ptr<log::LogManager> logs_;
  std::unique_ptr<replica::ReplicaManager> replicas_;
  std::unique_ptr<cluster::PeerChannel> channel_;
  std::unique_ptr<cluster::MetadataFollower> follower_;
  std::unique_ptr<cluster::BrokerLifecycle> lifecycle_;
  std::unique_ptr<cluster::DirectoryReporter> reporter_;
  std::unique_ptr<DynamicSettings> settings_;
  std::unique_ptr<ControllerProducerIds> id_source_;
  std::unique_ptr<cluster::ProducerIdAllocator> producer_ids_;
  std::unique_ptr<net::SocketServer> server_;
  std::vector<rt::Address> addresses_;
  bool has_failed_ = false;  // nobody is asked for a controlled shutdown any more
  bool controller_started_ = false;
  bool logs_started_ = false;
};

Broker::Broker(rt::Runtime& runtime, Config config, rt::UniqueFunction<void(const Error&)> on_fatal)
    : impl_(std::make_unique<Impl>(runtime, std::move(config), std::move(on_fatal))) {}
Broker::~Broker() = default;

rt::Task<Result<BrokerReady>> Broker::start() {
  auto ready = co_await impl_->start();
  co_return ready;
}

rt::Task<void> Broker::stop() { co_await impl_->stop(); }

}  // namespace semel::broker
