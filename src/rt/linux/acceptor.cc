#include "rt/linux/acceptor.h"

#include <cerrno>
#include <system_error>

#include <sys/socket.h>

#include "base/log.h"
#include "rt/linux/congestion.h"
#include "rt/linux/endpoint.h"
#include "rt/linux/socket_stream.h"

namespace semel::rt::linux_os {

Acceptor::Acceptor(FileHandle socket, std::vector<Reactor*> reactors, Network::OnAccept on_accept,
                   std::string system_default)
    : home_(*reactors.front()),
      socket_(std::move(socket)),
      reactors_(std::move(reactors)),
      on_accept_(std::move(on_accept)),
      system_default_(std::move(system_default)),
      local_(Endpoint::local_of(socket_.get()).to_address()) {}

void Acceptor::start() {
  home_.post([self = shared_from_this()] { self->begin(); });
}

void Acceptor::begin() {
  if (is_closed_.load(std::memory_order_acquire)) return;
  if (const auto attached = descriptor_.attach(home_, socket_.get()); !attached) {
    log_error("rt", "{} does not accept: {}", local_.to_text(), attached.error().context);
    return;
  }
  await_connection();
}

void Acceptor::await_connection() {
  is_mail_out_ = true;
  descriptor_.wait(Descriptor::kRead, *this);
}

// shutdown() ends the listening at once and for every thread; the descriptor itself is the
// reactor's.
void Acceptor::close() {
  if (is_closed_.exchange(true, std::memory_order_acq_rel)) return;
  ::shutdown(socket_.get(), SHUT_RDWR);
  home_.post([self = shared_from_this()] {
    if (self->is_mail_out_ && !self->descriptor_.cancel_wait(*self)) self->until_run_ = self;
    self->descriptor_.detach();
    self->socket_.reset();
  });
}

void Acceptor::run() {
  const auto last_hold = std::move(until_run_);
  is_mail_out_ = false;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (is_closed_.load(std::memory_order_acquire)) return;
    FileHandle socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int error = errno;
    if (socket) {
      hand_out(std::move(socket));
    } else if (error == EAGAIN || error == EWOULDBLOCK) {
      descriptor_.mark_blocked(Descriptor::kRead);
      return await_connection();
    } else if (error != ECONNABORTED && error != EINTR && error != EPROTO) {
      return rest(error);
    }
  }
  is_mail_out_ = true;
  home_.post(*this);
}

void Acceptor::rest(int error) {
  if (!std::exchange(is_starving_, true)) {
    log_warn("rt", "{} cannot accept connections now: {}", local_.to_text(),
             std::generic_category().message(error));
  }
  const Instant later = home_.clock().now() + std::chrono::milliseconds(100);
  home_.run_at(later, [self = shared_from_this()] {
    if (!self->is_closed_.load(std::memory_order_acquire)) self->run();
  });
}

void Acceptor::hand_out(FileHandle socket) {
  if (std::exchange(is_starving_, false)) log_warn("rt", "{} accepts again", local_.to_text());
  CongestionControl::settle_accepted(socket.get(), system_default_);
  Reactor& reactor = *reactors_[next_];
  next_ = (next_ + 1) % reactors_.size();
  if (&reactor == &home_) return take_over(reactor, std::move(socket));
  reactor.post([self = shared_from_this(), &reactor, moved = std::move(socket)]() mutable {
    if (!self->is_closed_.load(std::memory_order_acquire))
      self->take_over(reactor, std::move(moved));
  });
}

void Acceptor::take_over(Reactor& reactor, FileHandle socket) {
  auto stream = SocketStream::adopt(reactor, std::move(socket));
  if (!stream) return log_warn("rt", "a connection was lost: {}", stream.error().context);
  on_accept_(std::move(*stream));
}

}  // namespace semel::rt::linux_os
