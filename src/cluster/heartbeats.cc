#include "cluster/heartbeats.h"

#include <limits>

namespace semel::cluster {

void Heartbeats::touch(BrokerId broker, BrokerEpoch epoch, Offset metadata_offset, int64_t now_ms) {
  Contact& contact = brokers_[broker];
  if (contact.epoch != epoch) contact = Contact{};
  contact.epoch = epoch;
  contact.metadata_offset = metadata_offset;
  contact.last_ms = now_ms;
}

void Heartbeats::expect(BrokerId broker, BrokerEpoch epoch, int64_t now_ms) {
  const auto at = brokers_.find(broker);
  if (at != brokers_.end() && at->second.epoch == epoch) return;
  brokers_[broker] = Contact{.epoch = epoch, .last_ms = now_ms};
}

void Heartbeats::expire(BrokerId broker) {
  const auto at = brokers_.find(broker);
  if (at != brokers_.end()) at->second.last_ms = std::numeric_limits<int64_t>::min() / 2;
}

bool Heartbeats::has_valid_session(BrokerId broker, BrokerEpoch epoch, int64_t now_ms) const {
  const auto at = brokers_.find(broker);
  return at != brokers_.end() && at->second.epoch == epoch &&
         now_ms - at->second.last_ms <= session_timeout_ms_;
}

void Heartbeats::set_shutdown_offset(BrokerId broker, Offset offset) {
  Contact& contact = brokers_[broker];
  if (!contact.shutdown_offset) contact.shutdown_offset = offset;
}

std::optional<Offset> Heartbeats::shutdown_offset(BrokerId broker) const {
  const auto at = brokers_.find(broker);
  return at == brokers_.end() ? std::nullopt : at->second.shutdown_offset;
}

Offset Heartbeats::metadata_offset(BrokerId broker) const {
  const auto at = brokers_.find(broker);
  return at == brokers_.end() ? Offset{-1} : at->second.metadata_offset;
}

}  // namespace semel::cluster
