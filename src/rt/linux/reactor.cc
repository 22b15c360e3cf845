#include "rt/linux/reactor.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <sys/eventfd.h>

#include "base/assert.h"
#include "metrics/shard.h"
#include "rt/linux/errors.h"

namespace semel::rt::linux_os {
namespace {

constinit thread_local Reactor* current_reactor = nullptr;

constexpr uint32_t kAllEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
/// Events of bytes that nobody waits for, until they are no longer asked for.
constexpr uint8_t kUnheededMax = 4;

class FunctionMail final : public SelfOwnedMail {
 public:
  explicit FunctionMail(UniqueFunction<void()> work) : work_(std::move(work)) {}
  void run() override {
    auto work = std::move(work_);
    delete this;
    work();
  }

 private:
  UniqueFunction<void()> work_;
};

}  // namespace

Result<void> Descriptor::attach(Reactor& reactor, int fd) {
  SEMEL_ASSERT(reactor_ == nullptr && reactor.is_current());
  epoll_event event{};
  event.events = kAllEvents;
  event.data.ptr = this;
  if (::epoll_ctl(reactor.epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return network_failure(errno, "epoll_ctl", "ADD");
  }
  reactor_ = &reactor;
  fd_ = fd;
  return {};
}

// Removing it from epoll by hand matters after a fork: the child's copy would keep the
// registration.
void Descriptor::detach() {
  if (reactor_ == nullptr) return;
  ::epoll_ctl(reactor_->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
  if (reactor_->is_current()) {
    wake(kRead);
    wake(kWrite);
  }
  reactor_ = nullptr;
}

void Descriptor::wait(Direction direction, Mail& waiter) {
  SEMEL_ASSERT(reactor_ != nullptr && waiters_[direction] == nullptr, "one waiter per direction");
  waiters_[direction] = &waiter;
  if (direction == kRead && !hears_reads_) [[unlikely]]
    hear_reads(true);
  if (readiness_[direction] == Readiness::kReady) wake(direction);
}

bool Descriptor::cancel_wait(Mail& waiter) {
  for (Mail*& place : waiters_) {
    if (place != &waiter) continue;
    place = nullptr;
    return true;
  }
  return false;
}

void Descriptor::on_events(uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) is_ending_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    if (readiness_[kRead] != Readiness::kReady || waiters_[kRead] != nullptr)
      unheeded_ = 0;
    else if (hears_reads_ && ++unheeded_ == kUnheededMax)
      hear_reads(false);
    readiness_[kRead] = Readiness::kReady;
    wake(kRead);
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    readiness_[kWrite] = Readiness::kReady;
    wake(kWrite);
  }
}

// Asked anew, the kernel reports what is there already: no byte that came in between is missed.
void Descriptor::hear_reads(bool hears) {
  epoll_event event{};
  event.events = hears ? kAllEvents : kAllEvents & ~EPOLLIN;
  event.data.ptr = this;
  const int result = ::epoll_ctl(reactor_->epoll_.get(), EPOLL_CTL_MOD, fd_, &event);
  SEMEL_ASSERT(result == 0, "a registered descriptor can be changed");
  hears_reads_ = hears;
  unheeded_ = 0;
}

void Descriptor::wake(Direction direction) {
  if (Mail* waiter = std::exchange(waiters_[direction], nullptr)) reactor_->queue_.push(*waiter);
}

Result<std::unique_ptr<Reactor>> Reactor::create(uint32_t index, Clock& clock) {
  FileHandle epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return network_failure(errno, "epoll_create1", "reactor");
  FileHandle wake_up(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_up) return network_failure(errno, "eventfd", "reactor");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_up.get(), &event) != 0) {
    return network_failure(errno, "epoll_ctl", "eventfd");
  }
  return std::unique_ptr<Reactor>(new Reactor(index, clock, std::move(epoll), std::move(wake_up)));
}

Reactor::~Reactor() {
  if (!is_discarded_) discard();
}

void Reactor::run() {
  current_reactor = this;
  metrics::set_thread_shard(index_);
  while (!is_stopping_.load(std::memory_order_acquire)) {
    mailbox_.take_into(queue_);
    run_timers();
    run_queue();
    poll();
  }
  discard();
  current_reactor = nullptr;
}

void Reactor::request_stop() {
  is_stopping_.store(true, std::memory_order_release);
  wake();
}

// Sorted out first and destroyed then: what a function captured may own other mail of the same
// queue.
void Reactor::discard() {
  is_discarded_ = true;
  mailbox_.close_into(queue_);
  while (Mail* mail = last_.pop()) queue_.push(*mail);
  MailQueue owned;
  while (Mail* mail = queue_.pop()) {
    if (dynamic_cast<SelfOwnedMail*>(mail) != nullptr) owned.push(*mail);
  }
  while (Mail* mail = owned.pop()) delete static_cast<SelfOwnedMail*>(mail);
  timers_.clear();
}

void Reactor::post(UniqueFunction<void()> work) { post(*new FunctionMail(std::move(work))); }

void Reactor::post(Mail& mail) {
  if (!deliver(mail)) delete dynamic_cast<SelfOwnedMail*>(&mail);
}

// Mail from this thread goes straight into the queue, behind what others posted before it.
bool Reactor::deliver(Mail& mail) {
  if (is_current() && !is_discarded_) {
    mailbox_.take_into(queue_);
    queue_.push(mail);
    return true;
  }
  const Mailbox::Pushed pushed = mailbox_.push(mail);
  if (pushed == Mailbox::Pushed::kWakeOwner) wake();
  return pushed != Mailbox::Pushed::kRefused;
}

TimerId Reactor::run_at(Instant when, UniqueFunction<void()> work) {
  SEMEL_ASSERT(is_current(), "timers belong to the reactor's own thread");
  return timers_.add(when, std::move(work));
}

bool Reactor::cancel(TimerId timer) {
  SEMEL_ASSERT(is_current(), "timers belong to the reactor's own thread");
  return timers_.cancel(timer);
}

bool Reactor::is_current() const { return current_reactor == this; }

void Reactor::wake() {
  const uint64_t one = 1;
  const ssize_t written = ::write(wake_up_.get(), &one, sizeof one);
  SEMEL_ASSERT(written == sizeof one || errno == EAGAIN);
}

void Reactor::run_timers() {
  if (timers_.empty()) return;
  const Instant now = clock_.now();
  while (!timers_.empty() && timers_.next() <= now) {
    auto work = timers_.pop();
    work();
  }
}

void Reactor::post_last(Mail& mail) {
  SEMEL_ASSERT(is_current() && !is_discarded_);
  last_.push(mail);
}

// Only what is queued now; what this queues in turn comes after the next look at epoll. But what
// was put off to the end of the pass, and what follows from it, comes before: requests that were
// gathered are answered without asking epoll in between.
void Reactor::run_queue() {
  run_all(std::exchange(queue_, {}));
  if (last_.empty()) return;
  run_all(std::exchange(last_, {}));
  run_all(std::exchange(queue_, {}));
}

void Reactor::run_all(MailQueue turn) {
  while (Mail* mail = turn.pop()) mail->run();
}

void Reactor::poll() {
  const bool may_block = queue_.empty() && last_.empty() && mailbox_.fall_asleep();
  const int count = wait_for_events(may_block);
  for (int i = 0; i < count; ++i) {
    if (auto* descriptor = static_cast<Descriptor*>(events_[i].data.ptr)) {
      descriptor->on_events(events_[i].events);
    }
  }
}

int Reactor::wait_for_events(bool may_block) {
  constexpr int64_t kForever = -1;
  int64_t ns = 0;
  if (may_block) {
    ns = timers_.empty() ? kForever : std::max<int64_t>((timers_.next() - clock_.now()).count(), 0);
  }
  const int room = static_cast<int>(events_.size());
  int count = -1;
  if (has_pwait2_) {
    const timespec limit{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    count = ::epoll_pwait2(epoll_.get(), events_.data(), room, ns == kForever ? nullptr : &limit,
                           nullptr);
    has_pwait2_ = count >= 0 || (errno != ENOSYS && errno != EPERM);
  }
  if (!has_pwait2_) {
    const int64_t ms = std::min<int64_t>((ns + 999'999) / 1'000'000, 3'600'000);
    count = ::epoll_wait(epoll_.get(), events_.data(), room,
                         ns == kForever ? -1 : static_cast<int>(ms));
  }
  SEMEL_ASSERT(count >= 0 || errno == EINTR, "epoll failed");
  return count;
}

}  // namespace semel::rt::linux_os
