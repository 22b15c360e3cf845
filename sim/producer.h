// Producer: an idempotent producer that keeps to the protocol's rules, on the interfaces of rt and
// with the real codecs. acks=all; at most five batches of a partition on the way; what was on the
// wire is sent again with the same sequence, for as long as it takes, and never renumbered. After
// an answer that ends a sequence it leaves what it cannot know about and goes on with a new epoch.
//
// It is also nasty: it sends acknowledged batches again (as a network that doubles messages would),
// some re-encoded, some with other records under a used sequence, and checks the answers.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "client_world.h"
#include "gen/init_producer_id.h"
#include "gen/metadata.h"
#include "gen/produce.h"
#include "records.h"
#include "rt/event.h"
#include "rt/gate.h"
#include "sender.h"
#include "wire_client.h"

namespace semel::sim {

class Producer final : public Sender {
 public:
  Producer(rt::Runtime runtime, const ClientWorld& world, uint16_t number);
  ~Producer() override;

  void start() override;
  rt::Task<void> stop() override;

  void finish() override { is_finishing_ = true; }
  bool is_settled() const override;
  std::string describe() const override;

 private:
  enum class State : uint8_t { kWaiting, kOnTheWay };
  struct Batch {
    ProducerId producer_id;
    ProducerEpoch epoch;
    Sequence base;
    RecordKey first;
    int32_t count = 0;
    int64_t timestamp = 0;
    size_t value_bytes = 0;
    bytes::CodecId codec = bytes::CodecId::kNone;
    State state = State::kWaiting;
    bool was_sent = false;
    Offset offset = kNoOffset;  // once acknowledged
  };
  struct Part {
    int32_t leader = -1;
    ProducerId producer_id;
    ProducerEpoch epoch = kNoProducerEpoch;
    Sequence next{0};
    uint32_t next_number = 0;
    rt::Instant next_send{0};
    rt::Instant retry_at{0};
    bool is_recovering = false;  // send nothing new until the batches sent before are answered
    std::deque<Batch> pending;
    std::deque<Batch> acked;  // the latest, for re-sending
  };
  enum class Kind : uint8_t { kMetadata, kFresh, kCopy, kReencoded, kForged };
  struct Sent {
    Kind kind = Kind::kMetadata;
    rt::Instant deadline;
    std::vector<std::pair<uint16_t, Batch>> batches;  // partition and batch as sent
  };
  struct Lane;

  rt::Task<void> run_lane(Lane& lane, rt::Gate::Entry entry);
  rt::Task<bool> greet(Lane& lane);
  rt::Task<void> converse(Lane& lane);
  rt::Task<void> learn_identity(Lane& lane);
  void give_back(Lane& lane);

  void make_batches();
  void make_batch(uint16_t index, Part& part);
  void adopt_identity(Part& part);
  void queue_requests(Lane& lane);
  void queue_fresh(Lane& lane);
  void queue_copy(Lane& lane);
  void queue_metadata(Lane& lane);
  Batch* pick(Part& part);
  void queue_produce(Lane& lane, Sent sent);
  bytes::Buffer encode(const Batch& batch, Kind kind);

  bool handle(Lane& lane, const WireClient::Response& response);
  void handle_metadata(const gen::MetadataResponse& response);
  void handle_produce(const Sent& sent, const gen::ProduceResponse& response);
  void handle_fresh(uint16_t index, const Batch& batch,
                    const gen::ProduceResponse::PartitionProduceResponse& answer);
  void handle_copy(uint16_t index, const Batch& batch, Kind kind,
                   const gen::ProduceResponse::PartitionProduceResponse& answer);
  void accept(uint16_t index, size_t position, Offset base);
  void abandon(uint16_t index, ErrorCode code, const std::string& text);
  rt::Instant next_wake(const Lane& lane) const;
  rt::Instant now() const { return runtime_.clock->now(); }

  rt::Runtime runtime_;
  const ClientWorld& world_;
  uint16_t number_;
  rt::sim::SimRandom random_;
  RecordCodec codec_;
  int16_t produce_version_;
  int16_t metadata_version_;
  int16_t identity_version_;
  size_t in_flight_max_;
  bool is_cautious_;  // after a failure one batch at a time
  ProducerId producer_id_ = kNoProducerId;
  ProducerEpoch epoch_ = kNoProducerEpoch;
  Uuid topic_id_;
  bool needs_metadata_ = true;
  bool is_learning_identity_ = false;
  bool is_finishing_ = false;
  std::vector<Part> parts_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::sim
