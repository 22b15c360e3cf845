// ConnectionLimits: how many connections there may be, in all and from one address.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>

#include "rt/guarded.h"

namespace semel::net {

class ConnectionLimits {
 public:
  static constexpr uint32_t kUnlimited = std::numeric_limits<int32_t>::max();

  /// `max.connections` and `max.connections.per.ip`.
  ConnectionLimits(uint32_t total_max, uint32_t per_host_max) { set(total_max, per_host_max); }

  /// Any thread. Connections that are there stay.
  void set(uint32_t total_max, uint32_t per_host_max);

  /// Any thread. False: the connection must be refused, and is not counted.
  bool enter(const std::string& host);
  /// Any thread, once per successful enter().
  void leave(const std::string& host);
  uint32_t total();

 private:
  struct Counts {
    uint32_t total_max = kUnlimited;
    uint32_t per_host_max = kUnlimited;
    uint32_t total = 0;
    std::unordered_map<std::string, uint32_t> by_host;
  };
  rt::Guarded<Counts> counts_;
};

}  // namespace semel::net
