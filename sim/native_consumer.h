// NativeConsumer: the client library's consumer (src/client) as a driver. It reads every partition
// from the start, goes back now and then, and holds the library to its contract: no offset left
// out, none twice.
#pragma once

#include <memory>
#include <vector>

#include "client/consumer.h"
#include "client_world.h"
#include "rt/gate.h"
#include "rt/sim/process.h"
#include "rt/sim/random.h"

namespace semel::sim {

class NativeConsumer final : public rt::sim::Program {
 public:
  NativeConsumer(rt::Runtime runtime, const ClientWorld& world);
  ~NativeConsumer() override;

  void start() override;
  rt::Task<void> stop() override;

  /// It goes back no more.
  void finish() { is_finishing_ = true; }
  /// It has read `partition` up to `end`.
  bool has_read(uint16_t partition, Offset end) const;
  std::string describe() const;

 private:
  client::ConsumerConfig draw_config();
  rt::Task<void> run(rt::Gate::Entry entry);
  bool visit(const client::ConsumedRecord& record);
  void take_error(const Error& error);
  bool step_over_rot();
  void wander();
  TopicPartition name(size_t index) const;

  rt::Runtime runtime_;
  const ClientWorld& world_;
  rt::sim::SimRandom random_;
  std::vector<Offset> expected_;  // the next one per partition; kNoOffset: whatever comes
  std::unique_ptr<client::Consumer> consumer_;
  bool is_finishing_ = false;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::sim
