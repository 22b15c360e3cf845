// run_blocking: a function on the I/O pool, its result back on the executor.
//
//   auto size = co_await run_blocking(disk, executor, [file] { return file->size(); });
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "rt/disk.h"
#include "rt/executor.h"

namespace semel::rt {

template <class Function>
class Blocking {
 public:
  using Value = std::invoke_result_t<Function&>;

  Blocking(Disk& disk, Executor& executor, Function function)
      : disk_(disk), executor_(executor), function_(std::move(function)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    disk_.run_blocking([this] { work(); }, executor_, [awaiter] { awaiter.resume(); });
  }
  Value await_resume() {
    if constexpr (!std::is_void_v<Value>) return std::move(*value_);
  }

 private:
  struct Nothing {};
  void work() {
    if constexpr (std::is_void_v<Value>) {
      function_();
    } else {
      value_.emplace(function_());
    }
  }

  Disk& disk_;
  Executor& executor_;
  Function function_;
  std::optional<std::conditional_t<std::is_void_v<Value>, Nothing, Value>> value_;
};

/// On `executor`; `function` runs once on a thread of the pool, while the awaiting frame is
/// suspended, so that it may refer to the frame's locals.
template <class Function>
Blocking<std::decay_t<Function>> run_blocking(Disk& disk, Executor& executor, Function&& function) {
  return {disk, executor, std::forward<Function>(function)};
}

}  // namespace semel::rt
