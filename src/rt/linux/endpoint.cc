#include "rt/linux/endpoint.h"

#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

namespace semel::rt::linux_os {
namespace {

template <class Address>
Address view_as(const sockaddr_storage& storage) {
  Address address;
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

template <class Address>
Endpoint make_endpoint(const Address& address) {
  Endpoint endpoint;
  std::memcpy(&endpoint.storage, &address, sizeof address);
  endpoint.length = sizeof address;
  return endpoint;
}

Endpoint make_endpoint(const addrinfo& info) {
  Endpoint endpoint;
  std::memcpy(&endpoint.storage, info.ai_addr, info.ai_addrlen);
  endpoint.length = info.ai_addrlen;
  return endpoint;
}

Endpoint make_v4(in_addr host, uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr = host;
  return make_endpoint(v4);
}

Endpoint make_v6(const in6_addr& host, uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = host;
  return make_endpoint(v6);
}

in_addr mapped_v4(const in6_addr& host) {
  in_addr v4{};
  std::memcpy(&v4, host.s6_addr + 12, sizeof v4);
  return v4;
}

Address v4_text(in_addr host, uint16_t port_be) {
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &host, text, sizeof text);
  return {text, ntohs(port_be)};
}

bool is_v4_loopback(in_addr host) { return (ntohl(host.s_addr) >> 24) == 127; }

}  // namespace

Address Endpoint::to_address() const {
  if (family() == AF_INET) {
    const auto v4 = view_as<sockaddr_in>(storage);
    return v4_text(v4.sin_addr, v4.sin_port);
  }
  if (family() != AF_INET6) return {};
  const auto v6 = view_as<sockaddr_in6>(storage);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v4_text(mapped_v4(v6.sin6_addr), v6.sin6_port);
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return {text, ntohs(v6.sin6_port)};
}

bool Endpoint::is_loopback() const {
  if (family() == AF_INET) return is_v4_loopback(view_as<sockaddr_in>(storage).sin_addr);
  if (family() != AF_INET6) return false;
  const in6_addr host = view_as<sockaddr_in6>(storage).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&host)) return is_v4_loopback(mapped_v4(host));
  return IN6_IS_ADDR_LOOPBACK(&host);
}

std::optional<Endpoint> Endpoint::from_numeric(const Address& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return make_v4(v4, address.port);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6) == 1) return make_v6(v6, address.port);
  return std::nullopt;
}

std::vector<Endpoint> Endpoint::wildcards(uint16_t port) {
  return {make_v6(in6addr_any, port), make_v4(in_addr{INADDR_ANY}, port)};
}

Endpoint Endpoint::local_of(int socket) {
  Endpoint endpoint;
  if (::getsockname(socket, endpoint.get(), &endpoint.length) != 0) return {};
  return endpoint;
}

Endpoint Endpoint::peer_of(int socket) {
  Endpoint endpoint;
  if (::getpeername(socket, endpoint.get(), &endpoint.length) != 0) return {};
  return endpoint;
}

Result<std::vector<Endpoint>> resolve(const Address& address) {
  if (const auto numeric = Endpoint::from_numeric(address)) return std::vector{*numeric};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
  std::vector<Endpoint> endpoints;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* at = error == 0 ? found : nullptr; at != nullptr; at = at->ai_next) {
      if (at->ai_family == family) endpoints.push_back(make_endpoint(*at));
    }
  }
  if (found != nullptr) ::freeaddrinfo(found);
  if (endpoints.empty()) {
    return fail(ErrorCode::kNetworkException,
                fmt::format("resolve {}: {}", address.host,
                            error != 0 ? ::gai_strerror(error) : "no address"),
                Cause::kNotFound);
  }
  return endpoints;
}

}  // namespace semel::rt::linux_os
