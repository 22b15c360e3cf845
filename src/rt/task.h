// Task<T>: a lazy coroutine. It starts when awaited, resumes its awaiter by symmetric transfer, and
// is destroyed by whoever holds it. Used at the edges (connection loops, waits, background loops),
// never per record or per partition.
//
// House shape: `auto x = co_await f();` or `co_await f();` as whole statements; never inside a
// condition, an argument or a range expression. Frames come from a per-thread cache, so that a loop
// of awaits does not allocate in steady state.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "rt/executor.h"

namespace semel::rt {

/// Frames of up to 4 KiB are kept per thread for reuse.
void* allocate_frame(size_t size);
void free_frame(void* frame, size_t size) noexcept;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  static void* operator new(size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, size_t size) { free_frame(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      return self.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept {
    assert_failed("no exception in a Task", __FILE__, __LINE__, "an exception left a coroutine");
  }
};

template <class T>
struct Promise;

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  T await_resume();

 private:
  Handle handle_;
};

namespace detail {

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
  }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
  }
  void return_void() {}
};

}  // namespace detail

template <class T>
T Task<T>::await_resume() {
  if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
}

/// Starts `task` on the calling executor and lets it run on its own; its frame frees itself. Owners
/// that must wait for it at shutdown take a Gate::Entry into the coroutine (rt/gate.h).
void spawn(Task<void> task);

/// `co_await resume_on(executor);` continues on that executor.
struct ResumeOn final : Mail {
  explicit ResumeOn(Executor& target) : executor(target) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    handle = awaiter;
    executor.post(*this);
  }
  void await_resume() const noexcept {}
  void run() override { handle.resume(); }

  Executor& executor;
  std::coroutine_handle<> handle;
};
inline ResumeOn resume_on(Executor& executor) { return ResumeOn(executor); }

/// `co_await sleep_until(executor, when);` on that executor.
struct SleepUntil {
  Executor& executor;
  Instant when;
  bool await_ready() const { return executor.clock().now() >= when; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    executor.run_at(when, [awaiter] { awaiter.resume(); });
  }
  void await_resume() const noexcept {}
};
inline SleepUntil sleep_until(Executor& executor, Instant when) { return {executor, when}; }
inline SleepUntil sleep_for(Executor& executor, Duration duration) {
  return {executor, executor.clock().now() + duration};
}

}  // namespace semel::rt
