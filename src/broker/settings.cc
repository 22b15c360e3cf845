#include "broker/settings.h"

#include <charconv>

#include "base/log.h"
#include "broker/config_table.h"
#include "cluster/features.h"
#include "log/meta_properties.h"

namespace semel::broker {
namespace {

rt::Duration milliseconds(int64_t count) { return std::chrono::milliseconds(count); }

std::vector<cluster::Endpoint> endpoints_of(const std::vector<ListenerConfig>& listeners) {
  std::vector<cluster::Endpoint> endpoints;
  for (const ListenerConfig& listener : listeners)
    endpoints.push_back({listener.name, listener.advertised.host, listener.advertised.port,
                         cluster::SecurityProtocol::kPlaintext});
  return endpoints;
}

/// What server.properties says, of the settings that brokers have.
cluster::ConfigMap static_config(const Config& config) {
  cluster::ConfigMap map;
  for (const auto& [key, setting] : config.given)
    if (find_config_key(key) != nullptr) map[key] = setting.value;
  return map;
}

/// The ids of `controller.quorum.voters` ("1@host:port,2@…").
std::vector<int32_t> voter_ids(const Config& config) {
  std::vector<int32_t> ids;
  std::string_view text;
  const std::string given = config.text("controller.quorum.voters");
  text = given;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view voter = text.substr(0, comma);
    int32_t id = 0;
    const auto [end, error] = std::from_chars(voter.data(), voter.data() + voter.size(), id);
    if (error == std::errc{} && end < voter.data() + voter.size() && *end == '@') ids.push_back(id);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return ids;
}

cluster::MetadataLogConfig metadata_log_config(const Config& config) {
  const bool is_internal = config.given.contains("internal.metadata.log.segment.bytes");
  return {.segment_bytes = config.number(is_internal ? "internal.metadata.log.segment.bytes"
                                                     : "metadata.log.segment.bytes"),
          .segment_ms = config.number("metadata.log.segment.ms"),
          .snapshot_bytes = static_cast<uint64_t>(
              config.number("metadata.log.max.record.bytes.between.snapshots")),
          .snapshot_interval_ms = config.number("metadata.log.max.snapshot.interval.ms"),
          .retention_bytes = config.number("metadata.max.retention.bytes"),
          .retention_ms = config.number("metadata.max.retention.ms"),
          .delete_delay_ms = config.number("internal.metadata.delete.delay.millis")};
}

}  // namespace

replica::FlushPolicy flush_policy(std::string_view text) {
  if (text == "ack") return replica::FlushPolicy::kAck;
  return text == "os" ? replica::FlushPolicy::kOs : replica::FlushPolicy::kAuto;
}

net::SocketServerConfig server_config(const Config& config) {
  net::SocketServerConfig server;
  server.frame_bytes_max = static_cast<int32_t>(config.number("socket.request.max.bytes"));
  server.connections_max = static_cast<uint32_t>(config.number("max.connections"));
  server.connections_per_ip_max = static_cast<uint32_t>(config.number("max.connections.per.ip"));
  const int64_t idle = config.number("connections.max.idle.ms");
  server.times.idle = idle < 0 ? std::chrono::hours(24 * 365) : milliseconds(idle);
  return server;
}

api::broker::BrokerFacts broker_facts(const Config& config, const Identity& identity) {
  api::broker::BrokerFacts facts;
  facts.self = identity.broker;
  facts.cluster_id = identity.cluster_id;
  facts.supported_features = cluster::broker_features();
  facts.auto_creates_topics = config.flag("auto.create.topics.enable");
  facts.auto_create_partitions = static_cast<int32_t>(config.number("num.partitions"));
  facts.auto_create_replication = static_cast<int16_t>(config.number("default.replication.factor"));
  facts.request_timeout = milliseconds(config.number("request.timeout.ms"));
  facts.fetch_bytes_max = static_cast<int32_t>(config.number("fetch.max.bytes"));
  facts.fetch_sessions_max =
      static_cast<size_t>(config.number("max.incremental.fetch.session.cache.slots"));
  facts.described_partitions_max =
      static_cast<int32_t>(config.number("max.request.partition.size.limit"));
  facts.static_config = static_config(config);
  return facts;
}

cluster::BrokerIdentity broker_identity(const Config& config, const Identity& identity,
                                        std::vector<DirectoryId> directories, rt::Random& random) {
  cluster::BrokerIdentity self;
  self.id = identity.broker;
  self.cluster_id = identity.cluster_id;
  self.incarnation_id = random.uuid();
  self.endpoints = endpoints_of(config.listeners);
  self.features = cluster::broker_features();
  if (config.given.contains("broker.rack")) self.rack = config.text("broker.rack");
  self.directories = std::move(directories);
  self.previous_epoch = identity.previous_epoch;
  return self;
}

cluster::LifecycleTimes lifecycle_times(const Config& config) {
  return {.heartbeat_interval = milliseconds(config.number("broker.heartbeat.interval.ms")),
          .registration_timeout =
              milliseconds(config.number("initial.broker.registration.timeout.ms"))};
}

cluster::ControllerNodeConfig controller_config(const Config& config, const Identity& identity,
                                                rt::Random& random) {
  cluster::ControllerNodeConfig node;
  node.directory = config.metadata_dir;
  node.directory_id = identity.metadata_directory;
  node.own_broker = identity.broker;
  node.voters = voter_ids(config);
  node.max_idle_interval = milliseconds(config.number("metadata.max.idle.interval.ms"));
  node.log = metadata_log_config(config);
  node.settings.node_id = identity.controller.value;
  node.settings.cluster_id = identity.cluster_id;
  node.settings.incarnation_id = random.uuid();
  const ListenerConfig fallback{"CONTROLLER", {"localhost", 9093}, {"localhost", 9093}};
  node.settings.endpoints = endpoints_of({config.controller_listener.value_or(fallback)});
  node.settings.static_configs = static_config(config);
  node.settings.default_partitions = static_cast<int32_t>(config.number("num.partitions"));
  node.settings.default_replication_factor =
      static_cast<int16_t>(config.number("default.replication.factor"));
  node.settings.session_timeout_ms = config.number("broker.session.timeout.ms");
  node.settings.bootstrap = identity.bootstrap;
  return node;
}

log::LogManagerConfig log_manager_config(const Config& config, const Identity& identity,
                                         rt::Random& random) {
  log::LogManagerConfig logs;
  logs.directories = config.log_dirs;
  logs.node_id = identity.broker;
  logs.cluster_id = identity.cluster_id;
  logs.recovery_point_checkpoint_ms = config.number("log.flush.offset.checkpoint.interval.ms");
  logs.log_start_checkpoint_ms = config.number("log.flush.start.offset.checkpoint.interval.ms");
  logs.high_watermark_checkpoint_ms =
      config.number("replica.high.watermark.checkpoint.interval.ms");
  logs.retention_check_ms = config.number("log.retention.check.interval.ms");
  logs.producer_expiration_check_ms = config.number("producer.id.expiration.check.interval.ms");
  logs.flushes_while_loading =
      flush_policy(config.text("semel.flush")) != replica::FlushPolicy::kOs;
  logs.producers.window_batches =
      static_cast<uint16_t>(config.number("semel.dedup.window.batches"));
  logs.producers.producers_max =
      static_cast<uint32_t>(config.number("semel.dedup.producer.ids.max"));
  logs.producers.expiration_ms = config.number("producer.id.expiration.ms");
  logs.producers.hash_seed = random.next();
  return logs;
}

replica::PartitionConfig partition_config(const Config& config, const Identity& identity) {
  return {.self = identity.broker,
          .flush = flush_policy(config.text("semel.flush")),
          .lookup_bytes_max = static_cast<uint64_t>(config.number("semel.dedup.lookup.bytes"))};
}

void keep_finalized_levels(const cluster::FeatureLevels& finalized,
                           std::map<std::string, cluster::LevelRange>& offered) {
  for (const auto& [name, level] : finalized) {
    const cluster::Feature* feature = cluster::find_feature(name);
    cluster::LevelRange& range = offered[name];
    if (level <= range.max || feature == nullptr || level > feature->supported.max) continue;
    log_warn("broker", "{} stays at level {}; what it stands for is not served by this version",
             name, level);
    range.max = level;
  }
}

Result<std::vector<DirectoryId>> read_directory_ids(rt::Disk& disk,
                                                    const std::vector<std::string>& directories) {
  std::vector<DirectoryId> ids;
  for (const std::string& directory : directories) {
    SEMEL_TRY(const auto properties, log::read_meta_properties(disk, directory));
    if (properties && properties->directory_id) ids.push_back(*properties->directory_id);
  }
  return ids;
}

}  // namespace semel::broker
