// Guarded<T>: a mutex together with the data that it protects. The only lock of the program; the
// data cannot be reached without holding it. Never hold it over a co_await or a call into foreign
// code.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

namespace semel::rt {

template <class T>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  /// Access to the data for as long as it lives.
  class [[nodiscard]] Locked {
   public:
    Locked(std::mutex& mutex, T& value) : lock_(mutex), value_(value) {}
    T* operator->() { return &value_; }
    T& operator*() { return value_; }
    /// Lets go until `condition` is notified and `ready(value)` holds. Only threads of their own
    /// (the I/O pool) may wait; a reactor never does.
    template <class Ready>
    void wait(std::condition_variable& condition, Ready ready) {
      condition.wait(lock_, [&] { return ready(value_); });
    }

   private:
    std::unique_lock<std::mutex> lock_;
    T& value_;
  };

  Locked lock() { return Locked(mutex_, value_); }
  /// Runs `function(value)` under the lock and returns its result.
  template <class Function>
  decltype(auto) with(Function&& function) {
    std::unique_lock hold(mutex_);
    return std::forward<Function>(function)(value_);
  }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace semel::rt
