// The APIs of a broker listener: one line each. ApiVersions lists exactly these.
#include "api/broker/api_versions.h"
#include "api/broker/fetch.h"
#include "api/broker/forward.h"
#include "api/broker/list_offsets.h"
#include "api/broker/metadata.h"
#include "api/broker/produce.h"
#include "api/broker/services.h"
#include "api/broker/small_handlers.h"

namespace semel::api::broker {

std::unique_ptr<Dispatcher> make_dispatcher(const Services& services, rt::Executor& executor) {
  using enum gen::ApiKey;
  auto dispatcher = std::make_unique<Dispatcher>();
  auto deadlines = std::make_shared<Deadlines>(executor);
  const auto add = [&dispatcher](gen::ApiKey key, Order order, std::unique_ptr<Handler> handler) {
    dispatcher->add(ListenerKind::kBroker, key, order, std::move(handler));
  };
  const auto forward = [&services] { return std::make_unique<ForwardHandler>(services); };

  add(kProduce, Order::kOverlaps, std::make_unique<ProduceHandler>(services, deadlines));
  add(kFetch, Order::kOverlaps, std::make_unique<FetchHandler>(services, deadlines));
  add(kListOffsets, Order::kOverlaps, std::make_unique<ListOffsetsHandler>(services));
  add(kMetadata, Order::kOverlaps, std::make_unique<MetadataHandler>(services));
  add(kApiVersions, Order::kOverlaps, std::make_unique<ApiVersionsHandler>(services, *dispatcher));
  add(kFindCoordinator, Order::kBarrier, std::make_unique<FindCoordinatorHandler>());
  add(kInitProducerId, Order::kBarrier, std::make_unique<InitProducerIdHandler>(services));
  add(kOffsetForLeaderEpoch, Order::kBarrier,
      std::make_unique<OffsetForLeaderEpochHandler>(services));
  add(kDescribeConfigs, Order::kBarrier, std::make_unique<DescribeConfigsHandler>(services));
  add(kDescribeCluster, Order::kBarrier, std::make_unique<DescribeClusterHandler>(services));
  add(kDescribeProducers, Order::kBarrier, std::make_unique<DescribeProducersHandler>(services));
  add(kDeleteRecords, Order::kBarrier, std::make_unique<DeleteRecordsHandler>(services));
  add(kDescribeLogDirs, Order::kBarrier, std::make_unique<DescribeLogDirsHandler>(services));
  add(kDescribeTopicPartitions, Order::kBarrier,
      std::make_unique<DescribeTopicPartitionsHandler>(services));
  add(kListConfigResources, Order::kBarrier,
      std::make_unique<ListConfigResourcesHandler>(services));
  for (const gen::ApiKey key :
       {kCreateTopics, kDeleteTopics, kAlterConfigs, kCreatePartitions, kElectLeaders,
        kIncrementalAlterConfigs, kDescribeQuorum, kUpdateFeatures, kUnregisterBroker})
    add(key, Order::kBarrier, forward());
  return dispatcher;
}

}  // namespace semel::api::broker
