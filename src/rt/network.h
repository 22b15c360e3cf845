// Network: listening, connecting, and byte streams. Streams are readiness-based: try_read and
// try_write never block; the waiting is a separate step, so that no buffer is handed out and
// nothing is allocated while a connection is idle.
//
// A Stream belongs to one executor; every call on it is made there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bytes/buffer.h"
#include "rt/disk.h"
#include "rt/executor.h"
#include "rt/function.h"
#include "rt/task.h"

namespace semel::rt {

/// A host (name or numeric address, no brackets) and a port.
struct Address {
  std::string host;
  uint16_t port = 0;
  auto operator<=>(const Address&) const = default;
  /// "host:port", with brackets around IPv6.
  std::string to_text() const;
  /// "host:port", "[v6]:port", ":port" (every interface: host stays empty). Nothing if the port is
  /// missing or no number up to 65535, or an IPv6 host has no brackets.
  static std::optional<Address> from_text(std::string_view text);
};

/// What a non-blocking transfer did.
struct Transfer {
  enum class State : uint8_t { kDone, kWouldBlock, kEnd, kFailed };
  State state = State::kDone;
  size_t count = 0;  // bytes moved, if kDone (> 0)
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual Executor& executor() = 0;

  /// kEnd = the peer finished sending.
  virtual Transfer try_read(bytes::MutableByteSpan into) = 0;
  /// May take fewer bytes than given. `more_follows` lets the system hold back a short packet.
  virtual Transfer try_write(std::span<const bytes::ByteSpan> parts, bool more_follows) = 0;
  /// Sends from the start of `range` (sendfile where possible); may take fewer bytes.
  virtual Transfer try_send_file(const FileRange& range, bool more_follows) = 0;

  /// Calls `waiter.run()` on the executor once the stream may be readable (or has failed or was
  /// closed), never inside this call. At most one waiter per direction.
  virtual void wait_readable(Mail& waiter) = 0;
  virtual void wait_writable(Mail& waiter) = 0;
  /// Takes a waiter back. True: it will not run. False: it is already on its way (or, for a stream
  /// that cannot take waiters back, runs at the latest after close()); its owner must keep it until
  /// then.
  virtual bool cancel_wait(Mail& waiter) {
    static_cast<void>(waiter);
    return false;
  }

  /// Ends both directions; pending waiters run. Idempotent.
  virtual void close() = 0;
  /// Ends it with a reset (RST) where the transport has one.
  virtual void abort() { close(); }
  virtual bool is_closed() const = 0;
  virtual Address peer() const = 0;
  virtual Address local() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  /// The bound address; its port is the real one if 0 was asked for.
  virtual Address local() const = 0;
  /// Stops accepting. Idempotent.
  virtual void close() = 0;
};

class Network {
 public:
  /// Runs on the executor that the new stream belongs to; with several executors also on several at
  /// the same time, so what it touches must bear that.
  using OnAccept = UniqueFunction<void(std::unique_ptr<Stream>)>;
  virtual ~Network() = default;

  /// Listens at `address`; new streams are spread over `executors`. Errors: kInUse, kPermission,
  /// kNotFound (the host is no address of this machine).
  virtual Result<std::unique_ptr<Listener>> listen(const Address& address,
                                                   std::span<Executor* const> executors,
                                                   OnAccept on_accept) = 0;
  /// Resolves and connects. Errors: kRefused, kNotFound, kClosed (timeout).
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Executor& executor, Address address,
                                                        Duration timeout) = 0;
};

}  // namespace semel::rt
