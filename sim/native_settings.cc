#include "native_settings.h"

namespace semel::sim {

std::vector<client::ClientSetting> native_settings(const ClientWorld& world,
                                                   rt::sim::SimRandom& random) {
  std::string bootstrap;
  for (const rt::Address& address : world.brokers)
    bootstrap += (bootstrap.empty() ? "" : ",") + address.to_text();
  return {{"bootstrap.servers", bootstrap},
          {"request.timeout.ms", std::to_string(world.workload.request_timeout_ms)},
          {"retry.backoff.ms", draw_word(random, std::array{"1", "20", "100"})},
          {"reconnect.backoff.ms", draw_word(random, std::array{"5", "50"})},
          {"reconnect.backoff.max.ms", "200"},
          {"metadata.max.age.ms", draw_word(random, std::array{"150", "300000"})}};
}

}  // namespace semel::sim
