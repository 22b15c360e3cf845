#include "net/connection_limits.h"

#include "base/assert.h"

namespace semel::net {

void ConnectionLimits::set(uint32_t total_max, uint32_t per_host_max) {
  auto counts = counts_.lock();
  counts->total_max = total_max;
  counts->per_host_max = per_host_max;
}

bool ConnectionLimits::enter(const std::string& host) {
  auto counts = counts_.lock();
  if (counts->total >= counts->total_max) return false;
  uint32_t& here = counts->by_host[host];
  if (here >= counts->per_host_max) {
    if (here == 0) counts->by_host.erase(host);
    return false;
  }
  ++here;
  ++counts->total;
  return true;
}

void ConnectionLimits::leave(const std::string& host) {
  auto counts = counts_.lock();
  const auto at = counts->by_host.find(host);
  SEMEL_ASSERT(at != counts->by_host.end() && counts->total > 0);
  --counts->total;
  if (--at->second == 0) counts->by_host.erase(at);
}

uint32_t ConnectionLimits::total() { return counts_.lock()->total; }

}  // namespace semel::net
