// Heartbeats: what the controller knows of brokers beyond the log: when each was heard last, how
// far it has read the metadata log. Lost with the process; after a restart every unfenced broker
// gets one whole session to be heard.
#pragma once

#include <map>
#include <optional>

#include "base/ids.h"

namespace semel::cluster {

class Heartbeats {
 public:
  explicit Heartbeats(int64_t session_timeout_ms) : session_timeout_ms_(session_timeout_ms) {}

  /// The broker was heard (or unfenced by replay) at monotonic `now_ms`.
  void touch(BrokerId broker, BrokerEpoch epoch, Offset metadata_offset, int64_t now_ms);
  /// A broker that the log says is unfenced and nobody has heard of yet.
  void expect(BrokerId broker, BrokerEpoch epoch, int64_t now_ms);
  void forget(BrokerId broker) { brokers_.erase(broker); }
  /// Its session is over as of now.
  void expire(BrokerId broker);

  bool has_valid_session(BrokerId broker, BrokerEpoch epoch, int64_t now_ms) const;
  /// Where the broker must have been read past before it may stop; set once per shutdown.
  void set_shutdown_offset(BrokerId broker, Offset offset);
  std::optional<Offset> shutdown_offset(BrokerId broker) const;
  /// −1 if never told.
  Offset metadata_offset(BrokerId broker) const;
  int64_t session_timeout_ms() const { return session_timeout_ms_; }

 private:
  struct Contact {
    BrokerEpoch epoch;
    Offset metadata_offset{-1};
    int64_t last_ms = 0;
    std::optional<Offset> shutdown_offset;
  };
  std::map<BrokerId, Contact> brokers_;
  int64_t session_timeout_ms_;
};

}  // namespace semel::cluster
