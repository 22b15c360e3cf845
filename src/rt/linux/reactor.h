// Reactor: the executor of one thread. An epoll loop over descriptors, a mailbox, and timers.
//
// A descriptor is registered once, edge-triggered, for both directions; the Descriptor remembers
// what the kernel said, so that waiting costs no system call. One pass: mail, due timers, then the
// work that these made runnable, then epoll (which blocks only if nothing is left to do). Events
// first become queued mail and are run afterwards, so that no event can meet a destroyed stream.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include <sys/epoll.h>

#include "base/result.h"
#include "rt/executor.h"
#include "rt/linux/file_handle.h"
#include "rt/linux/mailbox.h"
#include "rt/linux/timer_heap.h"

namespace semel::rt::linux_os {

class Reactor;

/// A descriptor's readiness as last heard, and who waits for it. Used on its reactor only.
class Descriptor {
 public:
  enum Direction : uint8_t { kRead = 0, kWrite = 1 };

  Descriptor() = default;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { detach(); }

  /// Registers `fd` (owned by the caller, open until detach) with `reactor`.
  Result<void> attach(Reactor& reactor, int fd);
  /// Pending waiters are queued to run. Idempotent.
  void detach();

  /// Queues `waiter` to run as soon as the direction may be ready; at most one per direction.
  void wait(Direction direction, Mail& waiter);
  bool cancel_wait(Mail& waiter);
  /// The system said that it would block: only a new event makes the direction ready.
  void mark_blocked(Direction direction) { readiness_[direction] = Readiness::kBlocked; }
  /// The system gave fewer bytes than asked. Then its queue was empty; unless the peer has ended or
  /// the descriptor failed, which no further event would tell.
  void mark_drained() {
    if (!is_ending_) mark_blocked(kRead);
  }
  /// False while the kernel keeps arriving bytes to itself, since nobody waits for them.
  bool hears_reads() const { return hears_reads_; }
  /// True if it was blocked and no event came since: trying would be a wasted system call.
  bool is_blocked(Direction direction) const {
    return readiness_[direction] == Readiness::kBlocked;
  }

 private:
  friend class Reactor;
  enum class Readiness : uint8_t { kUnknown, kReady, kBlocked };

  void on_events(uint32_t events);
  void wake(Direction direction);
  /// A peer that goes on sending while nobody reads would wake the reactor for each packet. After
  /// some such events the kernel is asked to keep them to itself until somebody waits again.
  void hear_reads(bool hears);

  Reactor* reactor_ = nullptr;
  int fd_ = -1;
  Readiness readiness_[2] = {Readiness::kUnknown, Readiness::kUnknown};
  bool is_ending_ = false;
  bool hears_reads_ = true;
  uint8_t unheeded_ = 0;
  Mail* waiters_[2] = {nullptr, nullptr};
};

class Reactor final : public Executor {
 public:
  static Result<std::unique_ptr<Reactor>> create(uint32_t index, Clock& clock);
  ~Reactor() override;

  /// Runs on the calling thread until request_stop(), then destroys posted work and timers unrun.
  /// Once.
  void run();
  /// Any thread; idempotent.
  void request_stop();

  void post(UniqueFunction<void()> work) override;
  void post(Mail& mail) override;
  void post_last(Mail& mail) override;
  TimerId run_at(Instant when, UniqueFunction<void()> work) override;
  bool cancel(TimerId timer) override;
  bool is_current() const override;
  uint32_t index() const override { return index_; }
  Clock& clock() override { return clock_; }

 private:
  friend class Descriptor;
  Reactor(uint32_t index, Clock& clock, FileHandle epoll, FileHandle wake_up)
      : index_(index), clock_(clock), epoll_(std::move(epoll)), wake_up_(std::move(wake_up)) {}

  bool deliver(Mail& mail);
  void discard();
  void wake();
  void run_timers();
  void run_queue();
  static void run_all(MailQueue turn);
  void poll();
  int wait_for_events(bool may_block);

  uint32_t index_;
  Clock& clock_;
  FileHandle epoll_;
  FileHandle wake_up_;  // eventfd
  Mailbox mailbox_;
  MailQueue queue_;
  MailQueue last_;  // of post_last()
  TimerHeap timers_;
  std::array<epoll_event, 256> events_{};
  std::atomic<bool> is_stopping_{false};
  bool is_discarded_ = false;
  bool has_pwait2_ = true;
};

}  // namespace semel::rt::linux_os
