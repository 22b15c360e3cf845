// What the broker's handlers work with. Everything is borrowed and outlives every dispatcher.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "api/deadlines.h"
#include "api/dispatch.h"
#include "cluster/controller_channel.h"
#include "cluster/image_publisher.h"
#include "cluster/producer_id_allocator.h"
#include "log/log_manager.h"
#include "replica/partition_table.h"
#include "rt/runtime.h"
#include "security/authorizer.h"

namespace semel::api::broker {

/// What this broker says of itself.
struct BrokerFacts {
  BrokerId self;
  std::string cluster_id;
  std::map<std::string, cluster::LevelRange> supported_features;
  bool auto_creates_topics = true;                          // auto.create.topics.enable
  int32_t auto_create_partitions = 1;                       // num.partitions
  int16_t auto_create_replication = 1;                      // default.replication.factor
  rt::Duration request_timeout = std::chrono::seconds(30);  // request.timeout.ms, to the controller
  int32_t fetch_bytes_max = 55 * 1024 * 1024;               // fetch.max.bytes
  size_t fetch_sessions_max = 1000;         // max.incremental.fetch.session.cache.slots
  int32_t described_partitions_max = 2000;  // max.request.partition.size.limit
  cluster::ConfigMap static_config;         // server.properties
};

class FetchSessionCache;

struct Services {
  const BrokerFacts& facts;
  rt::Runtime& runtime;
  const cluster::ImagePublisher& images;
  const replica::TableSource& table;
  cluster::ControllerChannel& controller;
  cluster::ProducerIdAllocator& producer_ids;
  const security::Authorizer& authorizer;
  FetchSessionCache& fetch_sessions;
  const log::LogManager& logs;
};

/// The dispatcher of one reactor for listeners of kind kBroker. On that reactor.
std::unique_ptr<Dispatcher> make_dispatcher(const Services& services, rt::Executor& executor);

}  // namespace semel::api::broker
