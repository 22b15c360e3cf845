// The short handlers, one class per API.
#pragma once

#include "api/broker/services.h"

namespace semel::api::broker {

/// Where leader epochs end (KIP-101, KIP-320).
class OffsetForLeaderEpochHandler final : public Handler {
 public:
  explicit OffsetForLeaderEpochHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

/// Producer ids for idempotent producers (KIP-98, KIP-360). Transactional ids need a coordinator,
/// which this broker does not have: kNotCoordinator, as FindCoordinator names none.
class InitProducerIdHandler final : public TaskHandler {
 public:
  explicit InitProducerIdHandler(const Services& services) : services_(services) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override;

 private:
  const Services services_;
};

/// Coordinators: none yet (kCoordinatorNotAvailable). Advertised because librdkafka sends lz4 only
/// to brokers that list it.
class FindCoordinatorHandler final : public Handler {
 public:
  Progress admit(RequestContext& context) override;
};

/// The brokers and the controller (KIP-700, KIP-919).
class DescribeClusterHandler final : public Handler {
 public:
  explicit DescribeClusterHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

/// Producer states of partitions (KIP-664).
class DescribeProducersHandler final : public Handler {
 public:
  explicit DescribeProducersHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

/// Settings of topics and brokers with their sources (KIP-133, KIP-226, KIP-524).
class DescribeConfigsHandler final : public Handler {
 public:
  explicit DescribeConfigsHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

/// Moves log starts forward (KIP-107).
class DeleteRecordsHandler final : public Handler {
 public:
  explicit DeleteRecordsHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

/// Log directories, what lies in them and how full they are (KIP-113, KIP-827, KIP-1066).
class DescribeLogDirsHandler final : public TaskHandler {
 public:
  explicit DescribeLogDirsHandler(const Services& services) : services_(services) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override;

 private:
  const Services services_;
};

/// Topics page by page, with eligible leader replicas (KIP-966).
class DescribeTopicPartitionsHandler final : public Handler {
 public:
  explicit DescribeTopicPartitionsHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

/// What settings can be set on (KIP-1000, KIP-1142).
class ListConfigResourcesHandler final : public Handler {
 public:
  explicit ListConfigResourcesHandler(const Services& services) : services_(services) {}
  Progress admit(RequestContext& context) override;

 private:
  const Services services_;
};

}  // namespace semel::api::broker
