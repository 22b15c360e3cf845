#include "rt/linux/signal_watch.h"

#include <cerrno>

#include <signal.h>
#include <sys/signalfd.h>

#include "rt/linux/errors.h"

namespace semel::rt::linux_os {

Result<void> SignalWatch::start(std::span<const int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return network_failure(error, "pthread_sigmask", "signals");
  }
  signals_ = FileHandle(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals_) return network_failure(errno, "signalfd", "signals");
  reactor_.post([this] {
    const auto attached = descriptor_.attach(reactor_, signals_.get());
    SEMEL_ASSERT(attached.has_value(), "signals cannot be watched");
    descriptor_.wait(Descriptor::kRead, *this);
  });
  return {};
}

void SignalWatch::run() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
  descriptor_.mark_blocked(Descriptor::kRead);
  descriptor_.wait(Descriptor::kRead, *this);
}

}  // namespace semel::rt::linux_os
