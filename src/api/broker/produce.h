// Produce: batches of records into partitions (KIP-98, docs/formats/record-batch.md).
#pragma once

#include "api/broker/services.h"
#include "api/work_pool.h"
#include "gen/produce.h"
#include "record/batch_validator.h"

namespace semel::api::broker {

class ProduceWork;

/// admit(): decode, one verdict per batch, append in memory order. The rest waits in ProduceWork.
class ProduceHandler final : public Handler {
 public:
  ProduceHandler(const Services& services, std::shared_ptr<Deadlines> deadlines);
  ~ProduceHandler() override;
  Progress admit(RequestContext& context) override;

 private:
  friend class ProduceWork;
  using TopicData = gen::ProduceRequest::TopicProduceData;
  using PartitionData = gen::ProduceRequest::PartitionProduceData;

  void admit_topic(ProduceWork& work, TopicData& topic, const replica::PartitionTable& table);
  /// Why nothing can be appended to `topic` for this client; kNone if it can.
  ErrorCode check_topic(const RequestContext& context, const TopicData& topic,
                        const replica::TopicEntry* entry) const;
  void admit_partition(ProduceWork& work, size_t topic_at, PartitionData& data,
                       const replica::TopicEntry& entry);
  /// The code for a partition that is not in this broker's table.
  ErrorCode code_of_unknown(const RequestContext& context, const TopicData& topic) const;

  const Services services_;
  const std::shared_ptr<Deadlines> deadlines_;
  replica::TableView table_;
  record::BatchValidator validator_;
  gen::ProduceRequest request_;  // of the admit() that runs
  WorkPool<ProduceWork> pool_;
};

}  // namespace semel::api::broker
