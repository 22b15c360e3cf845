// ClientSession: a runtime of its own with one reactor, on which a command's clients run while the
// command itself blocks.
#pragma once

#include <future>
#include <memory>

#include "client/broker_pool.h"
#include "rt/linux/linux_runtime.h"

namespace semel::cli {

class ClientSession {
 public:
  /// `watches_signals`: TERM and INT cancel stop_token() instead of ending the process.
  static Result<std::unique_ptr<ClientSession>> open(bool watches_signals = false);
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  client::Environment environment();
  rt::Runtime& runtime() { return os_->runtime(); }
  rt::Executor& executor() { return *runtime().executors.front(); }

  /// Cancelled by a signal.
  const rt::CancelSource& stop() const { return stop_; }

  /// Runs `task` on the reactor and waits for its end here, on another thread.
  template <class T>
  T run(rt::Task<T> task) {
    std::promise<T> promise;
    auto future = promise.get_future();
    executor().post([&] { rt::spawn(drive<T>(std::move(task), promise)); });
    return future.get();
  }

 private:
  explicit ClientSession(std::unique_ptr<rt::LinuxRuntime> os) : os_(std::move(os)) {}

  template <class T>
  static rt::Task<void> drive(rt::Task<T> task, std::promise<T>& promise) {
    if constexpr (std::is_void_v<T>) {
      co_await task;
      promise.set_value();
    } else {
      auto result = co_await task;
      promise.set_value(std::move(result));
    }
  }

  std::unique_ptr<rt::LinuxRuntime> os_;
  rt::CancelSource stop_;
};

}  // namespace semel::cli
