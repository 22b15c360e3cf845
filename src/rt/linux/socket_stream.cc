#include "rt/linux/socket_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/sendfile.h>
#include <sys/uio.h>

#include "base/assert.h"
#include "base/units.h"

namespace semel::rt::linux_os {
namespace {

constexpr size_t kPartsAtOnce = 128;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

SocketStream::SocketStream(Reactor& reactor, FileHandle socket)
    : reactor_(reactor),
      socket_(std::move(socket)),
      peer_(Endpoint::peer_of(socket_.get()).to_address()),
      local_(Endpoint::local_of(socket_.get()).to_address()) {}

Result<std::unique_ptr<SocketStream>> SocketStream::adopt(Reactor& reactor, FileHandle socket) {
  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, std::move(socket)));
  SEMEL_CHECK(stream->descriptor_.attach(reactor, stream->socket_.get()));
  return stream;
}

Transfer SocketStream::try_read(bytes::MutableByteSpan into) {
  if (is_closed()) return {Transfer::State::kFailed};
  if (descriptor_.is_blocked(Descriptor::kRead)) return {Transfer::State::kWouldBlock};
  ssize_t count = 0;
  do {
    count = ::recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return {into.empty() ? Transfer::State::kDone : Transfer::State::kEnd};
  if (count < 0) {
    if (!would_block(errno)) return {Transfer::State::kFailed};
    descriptor_.mark_blocked(Descriptor::kRead);
    return {Transfer::State::kWouldBlock};
  }
  if (static_cast<size_t>(count) < into.size()) descriptor_.mark_drained();
  return {Transfer::State::kDone, static_cast<size_t>(count)};
}

Transfer SocketStream::try_write(std::span<const bytes::ByteSpan> parts, bool more_follows) {
  if (is_closed()) return {Transfer::State::kFailed};
  if (descriptor_.is_blocked(Descriptor::kWrite)) return {Transfer::State::kWouldBlock};
  std::array<iovec, kPartsAtOnce> vectors;
  const size_t taken = std::min(parts.size(), vectors.size());
  for (size_t i = 0; i < taken; ++i) {
    vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = taken;
  const bool holds_back = more_follows || taken < parts.size();
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (holds_back ? MSG_MORE : 0);
  ssize_t count = 0;
  do {
    count = ::sendmsg(socket_.get(), &message, flags);
  } while (count < 0 && errno == EINTR);
  return sent(count);
}

Transfer SocketStream::try_send_file(const FileRange& range, bool more_follows) {
  if (is_closed()) return {Transfer::State::kFailed};
  if (descriptor_.is_blocked(Descriptor::kWrite)) return {Transfer::State::kWouldBlock};
  if (range.size == 0) return {Transfer::State::kDone};
  if (range.file->descriptor() < 0) {
    std::array<std::byte, 16_KiB> chunk;
    const size_t wanted = std::min<uint64_t>(chunk.size(), range.size);
    const auto count = range.file->pread(range.at, std::span(chunk).first(wanted));
    if (!count || *count == 0) return {Transfer::State::kFailed};
    const bytes::ByteSpan part = std::span(chunk).first(*count);
    return try_write(std::span(&part, 1), more_follows || *count < range.size);
  }
  off_t at = static_cast<off_t>(range.at);
  const size_t wanted = std::min<uint64_t>(range.size, 1_GiB);
  ssize_t count = 0;
  do {
    count = ::sendfile(socket_.get(), range.file->descriptor(), &at, wanted);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return {Transfer::State::kFailed};  // the file is shorter than promised
  return sent(count);
}

Transfer SocketStream::sent(ssize_t count) {
  if (count >= 0) return {Transfer::State::kDone, static_cast<size_t>(count)};
  if (!would_block(errno)) return {Transfer::State::kFailed};
  descriptor_.mark_blocked(Descriptor::kWrite);
  return {Transfer::State::kWouldBlock};
}

void SocketStream::wait(Descriptor::Direction direction, Mail& waiter) {
  if (is_closed()) {
    reactor_.post(waiter);
  } else {
    descriptor_.wait(direction, waiter);
  }
}

void SocketStream::close() {
  descriptor_.detach();
  socket_.reset();
}

void SocketStream::abort() {
  if (is_closed()) return;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close();
}

int SocketStream::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  peer_ = Endpoint::peer_of(socket_.get()).to_address();
  local_ = Endpoint::local_of(socket_.get()).to_address();
  return error;
}

}  // namespace semel::rt::linux_os
