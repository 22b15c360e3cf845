// Congestion control: bbr paces its sending, also over loopback, where that costs latency and gains
// nothing. Where the system's default is bbr, sockets to this machine take cubic or reno instead.
//
// A socket that has once run bbr stays paced, so listeners are taken off it before they accept, and
// connections that came from elsewhere are put back on it.
#pragma once

#include <string>

namespace semel::rt::linux_os {

struct Endpoint;

class CongestionControl {
 public:
  /// Takes an unpaced algorithm for `socket` (a listener, or one that will connect to this
  /// machine).
  static void make_unpaced(int socket);
  /// For a socket that a listener accepted: back to the system's default, if the peer is elsewhere.
  /// `system_default` as of(listener) said before make_unpaced.
  static void settle_accepted(int socket, const std::string& system_default);
  /// The algorithm's name; empty if the system does not say.
  static std::string of(int socket);
};

}  // namespace semel::rt::linux_os
