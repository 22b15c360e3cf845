// LoadSocket: a non-blocking connection that sends frames lying elsewhere and receives whole
// frames.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "bytes/buffer.h"

namespace semel::bench {

class LoadSocket {
 public:
  /// Connects to 127.0.0.1; aborts with a message if nobody listens.
  explicit LoadSocket(uint16_t port);
  LoadSocket(const LoadSocket&) = delete;
  LoadSocket& operator=(const LoadSocket&) = delete;
  ~LoadSocket();

  int fd() const { return fd_; }

  /// Puts a frame into the queue; its bytes must stay until flush() has said that it went out.
  void queue(bytes::ByteSpan frame) { unsent_.push_back(frame); }
  /// Sends what the kernel takes; the number of frames that went out whole.
  size_t flush();
  bool has_unsent() const { return !unsent_.empty(); }

  /// Receives what has come; false when the peer closed the connection.
  bool receive();
  /// The next whole frame without its size field, or nothing. Valid until the next receive().
  bytes::ByteSpan next_frame();

 private:
  void make_room(size_t wanted);

  int fd_;
  std::deque<bytes::ByteSpan> unsent_;
  size_t sent_of_first_ = 0;
  std::unique_ptr<std::byte[]> input_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace semel::bench
