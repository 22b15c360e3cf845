// Produce: batches of records into partitions (KIP-98, docs/formats/record-batch.md).
#pragma once

#include <deque>
#include <vector>

#include "api/broker/services.h"
#include "api/work_pool.h"
#include "gen/produce.h"
#include "record/batch_validator.h"

namespace semel::api::broker {

class ProduceWork;

/// admit(): decode, one verdict per batch. Small batches of all requests of one pass of the
/// executor are then appended together, in the order of the requests. The rest waits in
/// ProduceWork. Requests of very many batches are served in parts, so that others have their turn.
class ProduceHandler final : public Handler {
 public:
  ProduceHandler(const Services& services, std::shared_ptr<Deadlines> deadlines);
  ~ProduceHandler() override;
  Progress admit(RequestContext& context) override;
  size_t memory_for(size_t) const override { return 0; }
  bool gathers() const override { return true; }
  void serve_gathered() override;

 private:
  friend class ProduceWork;
  struct PassEnd final : rt::Mail {
    explicit PassEnd(ProduceHandler& h) : handler(h) {}
    void run() override {
      handler.pass_end_is_out_ = false;
      handler.serve_gathered();
    }
    ProduceHandler& handler;
  };
  /// A request whose batches wait for serve_gathered(); with these, or with so many bytes, at once.
  static constexpr size_t kGatheredMax = 64;
  static constexpr size_t kGatheredBytesMax = 64 * 1024;
  void gather(ProduceWork& work);
  void check_later(ProduceWork& work);
  void check_next();
  using TopicData = gen::ProduceRequest::TopicProduceData;
  using PartitionData = gen::ProduceRequest::PartitionProduceData;

  /// Of a topic's partitions.
  struct Range {
    size_t begin = 0;
    size_t end = ~size_t{0};
  };
  /// Returns how many partitions it admitted.
  size_t admit_topic(ProduceWork& work, TopicData& topic, Range range,
                     const replica::PartitionTable& table);
  /// Why nothing can be appended to `topic` for this client; kNone if it can.
  ErrorCode check_topic(ProduceWork& work, const TopicData& topic,
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
  std::vector<ProduceWork*> gathered_;
  std::vector<ProduceWork*> serving_;  // its room is kept
  size_t gathered_bytes_ = 0;
  std::deque<ProduceWork*> to_check_;  // the first one is being checked
  std::deque<ProduceWork*> in_parts_;  // the first one is being served
  PassEnd pass_end_{*this};
  bool pass_end_is_out_ = false;
};

}  // namespace semel::api::broker
