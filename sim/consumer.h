// Consumer: reads every partition from its leader, over and over, and notes what it saw. The final
// one stops at the high watermark and hands over the whole content.
#pragma once

#include <memory>
#include <vector>

#include "client_world.h"
#include "gen/fetch.h"
#include "gen/metadata.h"
#include "records.h"
#include "rt/gate.h"
#include "rt/sim/process.h"
#include "wire_client.h"

namespace semel::sim {

class Consumer final : public rt::sim::Program {
 public:
  enum class Role : uint8_t { kDuring, kFinal };
  Consumer(rt::Runtime runtime, const ClientWorld& world, Role role);
  ~Consumer() override;

  void start() override;
  rt::Task<void> stop() override;

  /// The final one has read every partition up to its high watermark.
  bool is_done() const;
  std::string describe() const;

 private:
  struct Part {
    int32_t leader = -1;
    Offset position{0};
    Offset log_start{0};
    Offset high_watermark{0};
    Offset reached{-1};  // the high watermark at which it stands …
    rt::Instant reached_at{0};
    bool is_done = false;  // … and which did not move any more
  };
  struct Lane;

  rt::Task<void> run_lane(Lane& lane, rt::Gate::Entry entry);
  rt::Task<bool> ask_metadata(Lane& lane);
  rt::Task<bool> fetch(Lane& lane);
  gen::FetchRequest make_request(const Lane& lane) const;
  bool handle_partition(const gen::FetchResponse::PartitionData& data, int64_t asked_at);
  void handle_data(Part& part, uint16_t index, const gen::FetchResponse::PartitionData& data,
                   int64_t asked_at);
  void wander();
  rt::Instant now() const { return runtime_.clock->now(); }

  rt::Runtime runtime_;
  const ClientWorld& world_;
  Role role_;
  rt::sim::SimRandom random_;
  RecordCodec codec_;
  int16_t fetch_version_;
  Uuid topic_id_;
  std::vector<Part> parts_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::sim
