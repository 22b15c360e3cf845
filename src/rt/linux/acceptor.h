// Acceptor: a listening socket on one reactor. When the process runs out of descriptors it rests
// for 100 ms instead of spinning; connections wait in the kernel's backlog meanwhile.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "rt/linux/file_handle.h"
#include "rt/linux/reactor.h"
#include "rt/network.h"

namespace semel::rt::linux_os {

/// Shared by the Listener's handle and the work that is under way on the reactors.
class Acceptor final : public std::enable_shared_from_this<Acceptor>, private Mail {
 public:
  /// `system_default` = the congestion control that sockets have by default.
  Acceptor(FileHandle socket, std::vector<Reactor*> reactors, Network::OnAccept on_accept,
           std::string system_default);

  /// Begins on the accepting reactor (reactors[0]).
  void start();
  /// Any thread; idempotent. The port is free when it returns; on_accept may still run for a
  /// connection that another reactor is taking over just now.
  void close();
  const Address& local() const { return local_; }

 private:
  static constexpr int kAcceptsPerTurn = 64;

  void run() override;
  void begin();
  void await_connection();
  void rest(int error);
  void hand_out(FileHandle socket);
  void take_over(Reactor& reactor, FileHandle socket);

  Reactor& home_;
  FileHandle socket_;
  Descriptor descriptor_;
  std::vector<Reactor*> reactors_;
  Network::OnAccept on_accept_;
  std::string system_default_;
  Address local_;
  std::shared_ptr<Acceptor> until_run_;  // keeps a closed acceptor while its mail is on the way
  size_t next_ = 0;
  bool is_mail_out_ = false;  // listed with the descriptor, or posted
  bool is_starving_ = false;
  std::atomic<bool> is_closed_{false};
};

}  // namespace semel::rt::linux_os
