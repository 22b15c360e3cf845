// Gate: counts the work that runs on behalf of an owner, so that its shutdown can wait for the last
// of it. Work enters before it starts and leaves by destroying its Entry; close() lets nobody in
// any more and completes when all have left.
//
// Race: the closer publishes itself before it sets the closed bit; the last to leave sees the bit
// and only then looks for the closer. So exactly one of them finds the gate closed and empty.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "rt/executor.h"

namespace semel::rt {

class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { SEMEL_ASSERT((state_.load() & ~kClosed) == 0, "a gate died before its work had left"); }

  /// Holds its gate open; false if the gate was closed already.
  class [[nodiscard]] Entry {
   public:
    Entry() = default;
    explicit Entry(Gate* gate) : gate_(gate) {}
    Entry(Entry&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Entry() {
      if (gate_ != nullptr) gate_->leave();
    }
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    Gate* gate_ = nullptr;
  };

  /// Any thread.
  Entry enter() {
    uint64_t state = state_.load(std::memory_order_relaxed);
    while ((state & kClosed) == 0) {
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel))
        return Entry(this);
    }
    return {};
  }
  bool is_closed() const { return (state_.load(std::memory_order_acquire) & kClosed) != 0; }
  /// Work inside, a snapshot.
  uint64_t count() const { return state_.load(std::memory_order_acquire) & ~kClosed; }

  class Closing final : Mail {
   public:
    Closing(Gate& gate, Executor& executor) : gate_(gate), executor_(executor) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiter) {
      awaiter_ = awaiter;
      gate_.closing_ = this;
      const uint64_t before = gate_.state_.fetch_or(kClosed, std::memory_order_acq_rel);
      SEMEL_ASSERT((before & kClosed) == 0, "a gate is closed once");
      return before != 0;
    }
    void await_resume() const noexcept {}

   private:
    friend class Gate;
    void run() override { awaiter_.resume(); }

    Gate& gate_;
    Executor& executor_;
    std::coroutine_handle<> awaiter_;
  };
  /// `co_await gate.close(executor);` on that executor, once: continues there when nobody is
  /// inside.
  Closing close(Executor& executor) { return {*this, executor}; }

 private:
  static constexpr uint64_t kClosed = 1ull << 63;

  void leave() {
    const uint64_t before = state_.fetch_sub(1, std::memory_order_acq_rel);
    if (before == (kClosed | 1)) closing_->executor_.post(*closing_);
  }

  std::atomic<uint64_t> state_{0};
  Closing* closing_ = nullptr;  // written before the closed bit
};

}  // namespace semel::rt
