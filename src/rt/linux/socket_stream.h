// SocketStream: a connected TCP socket on one reactor.
#pragma once

#include <memory>

#include "rt/linux/endpoint.h"
#include "rt/linux/file_handle.h"
#include "rt/linux/reactor.h"
#include "rt/network.h"

namespace semel::rt::linux_os {

class SocketStream final : public Stream {
 public:
  /// On the reactor's thread. `socket` is non-blocking.
  static Result<std::unique_ptr<SocketStream>> adopt(Reactor& reactor, FileHandle socket);
  ~SocketStream() override { SocketStream::close(); }

  Executor& executor() override { return reactor_; }
  Transfer try_read(bytes::MutableByteSpan into) override;
  Transfer try_write(std::span<const bytes::ByteSpan> parts, bool more_follows) override;
  Transfer try_send_file(const FileRange& range, bool more_follows) override;
  void wait_readable(Mail& waiter) override { wait(Descriptor::kRead, waiter); }
  void wait_writable(Mail& waiter) override { wait(Descriptor::kWrite, waiter); }
  bool cancel_wait(Mail& waiter) override { return descriptor_.cancel_wait(waiter); }
  void close() override;
  void abort() override;
  bool is_closed() const override { return !socket_; }
  Address peer() const override { return peer_; }
  Address local() const override { return local_; }

  /// For a socket whose connect() was under way, once it is writable: the errno value of the
  /// attempt, 0 = connected.
  int finish_connect();

 private:
  SocketStream(Reactor& reactor, FileHandle socket);

  void wait(Descriptor::Direction direction, Mail& waiter);
  Transfer sent(ssize_t count);

  Reactor& reactor_;
  FileHandle socket_;
  Descriptor descriptor_;
  Address peer_;
  Address local_;
};

}  // namespace semel::rt::linux_os
