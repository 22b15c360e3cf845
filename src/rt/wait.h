// Waiting inside coroutines: for a stream, for time, each with an optional deadline and
// cancellation. Nothing here allocates: what is registered lives in the awaiting frame.
//
//   auto outcome = co_await readable(stream, {.deadline = deadline, .cancel = &token});
//   if (outcome != WaitOutcome::kReady) co_return;
//
// Events and results that one piece of code waits for and another provides: rt/event.h. Blocking
// work: rt/blocking.h. Reading and writing whole buffers: rt/stream_io.h.
#pragma once

#include <coroutine>
#include <cstdint>
#include <limits>

#include "rt/cancel.h"
#include "rt/executor.h"
#include "rt/network.h"

namespace semel::rt {

enum class WaitOutcome : uint8_t { kReady, kDeadline, kCancelled };

inline constexpr Instant kNever{std::numeric_limits<int64_t>::max()};

struct WaitLimits {
  Instant deadline = kNever;
  const CancelToken* cancel = nullptr;  // null = cannot be cancelled; outlives the wait
};

/// What every bounded wait has in common: the first of source, deadline and cancellation decides;
/// the frame resumes only when none of the three can reach it any more. A source that fires while
/// the others are being taken back turns the outcome into kReady.
class BoundedWait : private CancelToken::Watch {
 public:
  BoundedWait(const BoundedWait&) = delete;
  BoundedWait& operator=(const BoundedWait&) = delete;

  bool await_ready() {
    if (limits_.cancel == nullptr || !limits_.cancel->is_cancelled()) return false;
    outcome_ = WaitOutcome::kCancelled;
    return true;
  }

 protected:
  BoundedWait(Executor& executor, const WaitLimits& limits)
      : Watch(executor), waiting_executor_(executor), limits_(limits) {}
  ~BoundedWait() = default;

  /// Takes the source back; false if it has fired already and its news is on the way.
  virtual bool disarm() = 0;

  /// After the source was armed.
  void suspend(std::coroutine_handle<> awaiter);
  /// The source has fired (on the executor).
  void fired();

  /// The mail that a source sends when it fires.
  struct News final : rt::Mail {
    explicit News(BoundedWait& w) : wait(w) {}
    void run() override { wait.fired(); }
    BoundedWait& wait;
  };

  WaitOutcome outcome() const { return outcome_; }
  Executor& executor() const { return waiting_executor_; }

 private:
  void run() override;
  void finish(WaitOutcome outcome);
  void resume_if_free() {
    if (!source_is_armed_ && !cancel_is_armed_) awaiter_.resume();
  }

  Executor& waiting_executor_;
  WaitLimits limits_;
  std::coroutine_handle<> awaiter_;
  TimerId timer_;
  WaitOutcome outcome_ = WaitOutcome::kReady;
  bool is_decided_ = false;
  bool source_is_armed_ = false;
  bool cancel_is_armed_ = false;
};

/// See readable() and writable().
class StreamWait final : public BoundedWait {
 public:
  enum class Direction : uint8_t { kRead, kWrite };
  StreamWait(Stream& stream, Direction direction, const WaitLimits& limits)
      : BoundedWait(stream.executor(), limits), stream_(stream), direction_(direction) {}

  void await_suspend(std::coroutine_handle<> awaiter) {
    direction_ == Direction::kRead ? stream_.wait_readable(waiter_)
                                   : stream_.wait_writable(waiter_);
    suspend(awaiter);
  }
  WaitOutcome await_resume() const { return outcome(); }

 private:
  bool disarm() override { return stream_.cancel_wait(waiter_); }

  Stream& stream_;
  Direction direction_;
  News waiter_{*this};
};

/// `co_await readable(stream);` continues when a try_read may succeed (or the stream failed or
/// closed).
inline StreamWait readable(Stream& stream, const WaitLimits& limits = {}) {
  return {stream, StreamWait::Direction::kRead, limits};
}
inline StreamWait writable(Stream& stream, const WaitLimits& limits = {}) {
  return {stream, StreamWait::Direction::kWrite, limits};
}

/// See pause().
class Pause final : public BoundedWait {
 public:
  Pause(Executor& executor, const WaitLimits& limits) : BoundedWait(executor, limits) {}
  void await_suspend(std::coroutine_handle<> awaiter) { suspend(awaiter); }
  /// kDeadline or kCancelled.
  WaitOutcome await_resume() const { return outcome(); }

 private:
  bool disarm() override { return true; }
};

/// A sleep that a cancellation ends early: `co_await pause(executor, {deadline, &token});`.
inline Pause pause(Executor& executor, const WaitLimits& limits) { return {executor, limits}; }

}  // namespace semel::rt
