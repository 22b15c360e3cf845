// Cancellation: the owner of some work holds a CancelSource, the work holds CancelTokens and asks
// or is told. Cancelling is a request: the work ends at its next wait, and a Gate tells when it has
// ended.
//
// Each wait with a token takes the source's lock twice. Loops that wait per request (connections)
// do without: their owner closes the stream, which wakes them.
#pragma once

#include <atomic>
#include <memory>

#include "rt/executor.h"
#include "rt/guarded.h"

namespace semel::rt {

class CancelToken {
 public:
  /// A registration, embedded by who wants to be told: `run()` is called once, on `executor`, after
  /// the cancellation. It must stay alive until it ran or unwatch() returned true.
  class Watch : public Mail {
   public:
    explicit Watch(Executor& executor) : executor_(executor) {}

   private:
    friend class CancelToken;
    friend class CancelSource;
    Executor& executor_;
    Watch* previous_ = nullptr;
    Watch* next_ = nullptr;
    bool is_listed_ = false;
  };

  /// Never cancelled.
  CancelToken() = default;

  /// Any thread.
  bool is_cancelled() const {
    return state_ != nullptr && state_->is_cancelled.load(std::memory_order_acquire);
  }
  /// False if it is cancelled already; then `watch` is not registered. Any thread.
  bool watch(Watch& watch) const;
  /// True: `watch` will not run. False: it ran, or is on its way. On the watch's executor.
  bool unwatch(Watch& watch) const;

 private:
  friend class CancelSource;
  struct State {
    std::atomic<bool> is_cancelled{false};
    Guarded<Watch*> watches{nullptr};
  };
  explicit CancelToken(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

class CancelSource {
 public:
  CancelSource() : state_(std::make_shared<CancelToken::State>()) {}
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;

  CancelToken token() const { return CancelToken(state_); }
  /// Any thread; idempotent.
  void cancel();
  bool is_cancelled() const { return state_->is_cancelled.load(std::memory_order_acquire); }

 private:
  std::shared_ptr<CancelToken::State> state_;
};

}  // namespace semel::rt
