// SystemNetwork: TCP over IPv4 and IPv6.
#pragma once

#include <span>

#include "rt/linux/endpoint.h"
#include "rt/linux/file_handle.h"
#include "rt/linux/reactor.h"
#include "rt/network.h"

namespace semel::rt::linux_os {

class SystemNetwork final : public Network {
 public:
  /// Host names are resolved on the pool of `disk`. All executors given to this network are
  /// reactors.
  explicit SystemNetwork(Disk& disk) : disk_(disk) {}

  /// Accepts on executors[0] and hands the streams out in turn: few long-lived connections are
  /// spread evenly, and the port cannot be shared with another process by accident. Blocks for host
  /// names. A host with several addresses is bound at the first, IPv4 before IPv6. An empty host,
  /// and "::", stand for every interface, IPv4 and IPv6.
  Result<std::unique_ptr<Listener>> listen(const Address& address,
                                           std::span<Executor* const> executors,
                                           OnAccept on_accept) override;
  /// Tries the host's addresses one after another; the error is that of the last.
  Task<Result<std::unique_ptr<Stream>>> connect(Executor& executor, Address address,
                                                Duration timeout) override;

 private:
  Disk& disk_;
};

}  // namespace semel::rt::linux_os
