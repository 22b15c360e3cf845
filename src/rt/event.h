// What one piece of code waits for and another provides, without allocation:
//   Event       stays set until reset; many waiters; everything on one executor
//   Doorbell    rung from any thread, answered by one loop on its executor; rings while it is busy
//   are
//               remembered as one
//   OneShot<T>  a value, given once from any thread, taken once on its executor
// Waiters resume through their executor's mailbox, never inside the call that woke them.
#pragma once

#include <atomic>
#include <optional>
#include <utility>

#include "rt/wait.h"

namespace semel::rt {

class Event {
 public:
  class Wait;

  explicit Event(Executor& executor) : executor_(executor) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { SEMEL_ASSERT(first_ == nullptr, "an event died before its waiters were woken"); }

  bool is_set() const { return is_set_; }
  void set();
  void reset() { is_set_ = false; }
  /// `auto outcome = co_await event.wait();`
  Wait wait(const WaitLimits& limits = {});

 private:
  Executor& executor_;
  Wait* first_ = nullptr;
  Wait* last_ = nullptr;
  bool is_set_ = false;
};

class Event::Wait final : public BoundedWait {
 public:
  Wait(Event& event, const WaitLimits& limits)
      : BoundedWait(event.executor_, limits), event_(event) {}
  bool await_ready() { return event_.is_set_ || BoundedWait::await_ready(); }
  void await_suspend(std::coroutine_handle<> awaiter);
  WaitOutcome await_resume() const { return outcome(); }

 private:
  friend class Event;
  bool disarm() override;
  void unlink();

  Event& event_;
  News waiter_{*this};
  Wait* previous_ = nullptr;
  Wait* next_ = nullptr;
  bool is_listed_ = false;
};

inline Event::Wait Event::wait(const WaitLimits& limits) { return {*this, limits}; }

/// Race: ringer and waiter meet in one atomic state. Who turns kWaiting into something else owns
/// the waiter: the ringer then posts it, the deadline or cancellation then takes it back.
class Doorbell {
 public:
  class Wait;

  explicit Doorbell(Executor& executor) : executor_(executor) {}
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  /// Any thread. After it returned, or after the waiter resumed, the bell is not touched by it any
  /// more.
  void ring();
  /// On its executor, one at a time. Takes the ring that it answers away.
  Wait wait(const WaitLimits& limits = {});

 private:
  enum class State : uint8_t { kIdle, kWaiting, kRung };
  Executor& executor_;
  std::atomic<State> state_{State::kIdle};
  Mail* waiter_ = nullptr;  // written before kWaiting
};

class Doorbell::Wait final : public BoundedWait {
 public:
  Wait(Doorbell& bell, const WaitLimits& limits)
      : BoundedWait(bell.executor_, limits), bell_(bell) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> awaiter);
  WaitOutcome await_resume() const { return outcome(); }

 private:
  struct Waiter final : rt::Mail {
    explicit Waiter(Wait& w) : wait(w) {}
    void run() override;
    Wait& wait;
  };
  bool disarm() override;

  Doorbell& bell_;
  Waiter waiter_{*this};
};

inline Doorbell::Wait Doorbell::wait(const WaitLimits& limits) { return {*this, limits}; }

template <class T>
class OneShot {
 public:
  explicit OneShot(Executor& executor) : bell_(executor) {}

  /// Any thread, once. The OneShot must live until it returned or the waiter resumed.
  void set(T value) {
    value_.emplace(std::move(value));
    bell_.ring();
  }

  class Wait {
   public:
    Wait(OneShot& shot, const WaitLimits& limits) : shot_(shot), inner_(shot.bell_, limits) {}
    bool await_ready() { return inner_.await_ready(); }
    void await_suspend(std::coroutine_handle<> awaiter) { inner_.await_suspend(awaiter); }
    std::optional<T> await_resume() {
      if (inner_.await_resume() != WaitOutcome::kReady) return std::nullopt;
      return std::exchange(shot_.value_, std::nullopt);
    }

   private:
    OneShot& shot_;
    Doorbell::Wait inner_;
  };
  /// `auto value = co_await shot.wait();` Empty if the deadline passed or the wait was cancelled.
  Wait wait(const WaitLimits& limits = {}) { return {*this, limits}; }

 private:
  Doorbell bell_;
  std::optional<T> value_;
};

}  // namespace semel::rt
