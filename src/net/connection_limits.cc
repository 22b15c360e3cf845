#include "net/connection_limits.h"

#include "base/assert.h"

namespace semel::net {

bool ConnectionLimits::enter(const std::string& host) {
  auto counts = counts_.lock();
  if (counts->total >= total_max_) return false;
  uint32_t& here = counts->by_host[host];
  if (here >= per_host_max_) {
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
