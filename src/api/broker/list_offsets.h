// ListOffsets: offsets by timestamp and by name (KIP-79, KIP-734, KIP-405, KIP-1005).
#pragma once

#include "api/broker/services.h"
#include "gen/list_offsets.h"

namespace semel::api::broker {

class ListOffsetsHandler final : public TaskHandler {
 public:
  explicit ListOffsetsHandler(const Services& services) : services_(services) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override;

 private:
  const Services services_;
};

}  // namespace semel::api::broker
