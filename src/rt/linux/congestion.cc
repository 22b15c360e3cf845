#include "rt/linux/congestion.h"

#include <initializer_list>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "rt/linux/endpoint.h"

namespace semel::rt::linux_os {
namespace {

bool set(int socket, std::string_view name) {
  return ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                      static_cast<socklen_t>(name.size())) == 0;
}

bool is_paced(std::string_view name) { return name.starts_with("bbr"); }

}  // namespace

void CongestionControl::make_unpaced(int socket) {
  if (!is_paced(of(socket))) return;
  for (const std::string_view name : {"cubic", "reno"}) {
    if (set(socket, name)) return;
  }
}

void CongestionControl::settle_accepted(int socket, const std::string& system_default) {
  if (!is_paced(system_default)) return;
  const Endpoint peer = Endpoint::peer_of(socket);
  const bool is_here =
      peer.is_loopback() || peer.to_address().host == Endpoint::local_of(socket).to_address().host;
  if (!is_here) set(socket, system_default);
}

std::string CongestionControl::of(int socket) {
  char name[16] = {};
  socklen_t size = sizeof name;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0) return {};
  return name;
}

}  // namespace semel::rt::linux_os
