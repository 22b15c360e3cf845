// Endpoint: a numeric socket address, and the ways to it from host names.
#pragma once

#include <optional>
#include <vector>

#include <sys/socket.h>

#include "base/result.h"
#include "rt/network.h"

namespace semel::rt::linux_os {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  /// Numeric; an IPv4 address inside IPv6 is written as IPv4.
  Address to_address() const;
  /// 127.0.0.0/8, ::1, or the former inside IPv6.
  bool is_loopback() const;

  /// From numeric text, without asking a resolver.
  static std::optional<Endpoint> from_numeric(const Address& address);
  /// Every interface: IPv6 and IPv4 where the machine has IPv6, else IPv4.
  static std::vector<Endpoint> wildcards(uint16_t port);
  static Endpoint local_of(int socket);
  static Endpoint peer_of(int socket);
};

/// Asks the system's resolver (may block): IPv4 first, as Java does by default. Never empty. Error:
/// kNotFound.
Result<std::vector<Endpoint>> resolve(const Address& address);

}  // namespace semel::rt::linux_os
