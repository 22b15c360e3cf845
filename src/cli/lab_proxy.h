// LabProxy: a TCP proxy between producers and a broker that loses acknowledgements on purpose.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "rt/gate.h"
#include "rt/network.h"

namespace semel::cli {

/// Everything on one executor. listen() first; stop() last, and awaited.
class LabProxy {
 public:
  LabProxy(rt::Executor& executor, rt::Network& network) : executor_(executor), network_(network) {}

  /// On a free port of 127.0.0.1.
  Result<rt::Address> listen();
  /// Where connections go from now on; nothing: they are cut at once.
  void set_upstream(std::optional<rt::Address> upstream) { upstream_ = std::move(upstream); }
  /// The next answer to a Produce request is not handed on: its connection is cut instead, and
  /// `on_drop` is called, which may call set_upstream().
  void drop_next_acknowledgement(std::function<void()> on_drop) { on_drop_ = std::move(on_drop); }
  rt::Task<void> stop();

 private:
  struct Link {
    std::unique_ptr<rt::Stream> client;
    std::unique_ptr<rt::Stream> broker;
    std::set<int32_t> produces;  // correlation ids that wait for an answer
    void abort();
  };
  using LinkPtr = std::shared_ptr<Link>;
  using Frame = std::vector<std::byte>;

  rt::Task<void> serve(std::unique_ptr<rt::Stream> client, rt::Gate::Entry entry);
  rt::Task<void> forward_requests(LinkPtr link, rt::Gate::Entry entry);
  rt::Task<void> forward_responses(LinkPtr link);
  static rt::Task<Result<Frame>> read_frame(rt::Stream& stream);
  bool takes_drop(Link& link, const Frame& frame);

  rt::Executor& executor_;
  rt::Network& network_;
  rt::Gate gate_;
  std::unique_ptr<rt::Listener> listener_;
  std::optional<rt::Address> upstream_;
  std::function<void()> on_drop_;
  std::set<LinkPtr> links_;
};

}  // namespace semel::cli
