#include "cli/cluster_caller.h"

#include <fmt/format.h>

#include <future>
#include <optional>

#include "base/text.h"
#include "peer/connection.h"
#include "rt/linux/linux_runtime.h"
#include "rt/runtime.h"

namespace semel::cli {
namespace {

Result<std::vector<rt::Address>> parse_addresses(std::string_view servers) {
  std::vector<rt::Address> addresses;
  for (const std::string& text : split_text(servers, ',')) {
    auto address = rt::Address::from_text(text);
    if (!address || address->host.empty())
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("{} is no address; write host:port, for example localhost:9092", text));
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

class ClusterCaller final : public ApiCaller {
 public:
  ClusterCaller(std::unique_ptr<rt::LinuxRuntime> os, rt::Duration timeout)
      : os_(std::move(os)), timeout_(timeout) {
    os_->start();
  }
  ~ClusterCaller() override {
    std::promise<void> gone;
    executor().post([&] {
      connection_.reset();
      executor().post([&] { gone.set_value(); });
    });
    gone.get_future().wait();
    os_->stop();
  }

  Result<void> connect(const std::vector<rt::Address>& addresses) {
    std::string failures;
    for (const rt::Address& address : addresses) {
      const auto done = run<void>(open(address));
      if (done) return {};
      failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", address.to_text(), done.error().context);
    }
    return fail(ErrorCode::kNetworkException, "no broker is reached: " + failures, Cause::kRefused);
  }

  VersionRange versions(int16_t key) override {
    const peer::VersionRange range = connection_->versions(key);
    return {range.min, range.max};
  }

  Result<bytes::Buffer> call(int16_t key, int16_t version, bytes::Buffer body) override {
    return run<bytes::Buffer>(call_once(key, version, std::move(body)));
  }

 private:
  rt::Executor& executor() { return *os_->runtime().executors.front(); }
  rt::WaitLimits limits() { return {.deadline = executor().clock().now() + timeout_, .cancel = nullptr}; }

  rt::Task<Result<void>> open(rt::Address address) {
    auto stream = co_await os_->runtime().network->connect(executor(), std::move(address), timeout_);
    if (!stream) co_return fail(stream.error());
    connection_ = std::make_unique<peer::Connection>(std::move(*stream), peer::ConnectionOptions{});
    auto done = co_await connection_->negotiate(limits());
    co_return done;
  }

  rt::Task<Result<bytes::Buffer>> call_once(int16_t key, int16_t version, bytes::Buffer body) {
    auto answer = co_await connection_->call(key, version, std::move(body), limits());
    co_return answer;
  }

  template <class T>
  static rt::Task<void> drive(rt::Task<Result<T>> task, std::promise<Result<T>>& promise) {
    auto result = co_await task;
    promise.set_value(std::move(result));
  }

  /// Runs `task` on the reactor and waits for it here.
  template <class T>
  Result<T> run(rt::Task<Result<T>> task) {
    std::promise<Result<T>> promise;
    executor().post([&] { rt::spawn(drive<T>(std::move(task), promise)); });
    return promise.get_future().get();
  }

  std::unique_ptr<rt::LinuxRuntime> os_;
  rt::Duration timeout_;
  std::unique_ptr<peer::Connection> connection_;
};

}  // namespace

Result<std::unique_ptr<ApiCaller>> connect_to_cluster(const std::string& servers, rt::Duration timeout) {
  SEMEL_TRY(const auto addresses, parse_addresses(servers));
  SEMEL_TRY(auto os, rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1}));
  auto caller = std::make_unique<ClusterCaller>(std::move(os), timeout);
  SEMEL_CHECK(caller->connect(addresses));
  return std::unique_ptr<ApiCaller>(std::move(caller));
}

}  // namespace semel::cli
