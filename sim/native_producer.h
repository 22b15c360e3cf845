// NativeProducer: the client library's producer (src/client) as a driver: records of one's own to
// every partition, its settings drawn by the seed. It holds the library to its contract: one report
// per accepted record, in order per partition, and nothing given up while there is time.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "client/producer.h"
#include "client_world.h"
#include "rt/gate.h"
#include "rt/sim/random.h"
#include "sender.h"

namespace semel::sim {

class NativeProducer final : public Sender, public client::DeliveryListener {
 public:
  NativeProducer(rt::Runtime runtime, const ClientWorld& world, uint16_t number);
  ~NativeProducer() override;

  void start() override;
  rt::Task<void> stop() override;

  void finish() override { is_finishing_ = true; }
  bool is_settled() const override;
  std::string describe() const override;

 private:
  struct Part {
    uint32_t next_number = 0;
    int64_t last_reported = -1;
    std::set<uint32_t> unreported;  // of what was accepted, or is about to be
  };

  client::ProducerConfig draw_config();
  Promise promise() const;
  rt::Task<void> feed(uint16_t index, rt::Gate::Entry entry);
  rt::Task<void> send(RecordKey key, size_t value_bytes);
  void on_delivery(const client::Delivery& delivery) override;
  void check_report(Part& part, const RecordKey& key);
  void take_failure(const RecordKey& key, const client::Delivery& delivery);
  void complain(std::string kind, const RecordKey& key, const Error& error);

  rt::Runtime runtime_;
  const ClientWorld& world_;
  uint16_t number_;
  rt::sim::SimRandom random_;
  std::vector<Part> parts_;
  std::unique_ptr<client::Producer> producer_;
  ProducerId producer_id_ = kNoProducerId;
  size_t feeding_ = 0;
  bool is_finishing_ = false;
  bool is_stopping_ = false;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::sim
