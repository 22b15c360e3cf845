#include "bench/load_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bytes/endian.h"

namespace semel::bench {
namespace {

constexpr size_t kSmallest = 64 << 10;
constexpr size_t kVectors = 64;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

}  // namespace

LoadSocket::LoadSocket(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) give_up("semel_load: socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    give_up("semel_load: cannot connect to the broker on 127.0.0.1");
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  make_room(kSmallest);
}

LoadSocket::~LoadSocket() { ::close(fd_); }

size_t LoadSocket::flush() {
  size_t whole = 0;
  while (!unsent_.empty()) {
    std::array<iovec, kVectors> vectors;
    const size_t count = std::min(kVectors, unsent_.size());
    for (size_t i = 0; i < count; ++i)
      vectors[i] = {const_cast<std::byte*>(unsent_[i].data()), unsent_[i].size()};
    vectors[0] = {const_cast<std::byte*>(unsent_[0].data()) + sent_of_first_,
                  unsent_[0].size() - sent_of_first_};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return whole;
    if (sent < 0) give_up("semel_load: the broker closed a connection");
    sent_of_first_ += static_cast<size_t>(sent);
    while (!unsent_.empty() && sent_of_first_ >= unsent_.front().size()) {
      sent_of_first_ -= unsent_.front().size();
      unsent_.pop_front();
      ++whole;
    }
  }
  return whole;
}

void LoadSocket::make_room(size_t wanted) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (capacity_ - begin_ >= wanted) return;
  const size_t held = end_ - begin_;
  if (capacity_ >= wanted) {
    std::memmove(input_.get(), input_.get() + begin_, held);
  } else {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (held > 0) std::memcpy(larger.get(), input_.get() + begin_, held);
    input_ = std::move(larger);
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = held;
}

bool LoadSocket::receive() {
  size_t wanted = kSmallest;
  if (end_ - begin_ >= 4)
    wanted = std::max(wanted, size_t{4} + bytes::load_be<uint32_t>(input_.get() + begin_));
  make_room(wanted);
  const ssize_t got = ::recv(fd_, input_.get() + end_, capacity_ - end_, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  end_ += static_cast<size_t>(got);
  return got > 0;
}

bytes::ByteSpan LoadSocket::next_frame() {
  if (end_ - begin_ < 4) return {};
  const size_t size = bytes::load_be<uint32_t>(input_.get() + begin_);
  if (end_ - begin_ < 4 + size) return {};
  const bytes::ByteSpan frame{input_.get() + begin_ + 4, size};
  begin_ += 4 + size;
  return frame;
}

}  // namespace semel::bench
