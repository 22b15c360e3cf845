// Broker: one semel process without its main(): every part built with its dependencies, started
// from the bottom up, stopped in reverse order. Runs on any Runtime: real or simulated.
//
// Everything on executor 0. start() once, then stop() once (also after a failed start), then
// destroy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/config.h"
#include "rt/runtime.h"
#include "rt/task.h"

namespace semel::broker {

struct BrokerReady {
  std::string data;                    // --data, or the log directories
  std::vector<rt::Address> addresses;  // bound, in the order of Config::listeners
  std::string cluster_id;
  BrokerId node;
};

class Broker {
 public:
  /// `runtime` outlives it. `on_fatal` is called at most once, on executor 0, when the process
  /// cannot go on (no log directory left, metadata log failed): the owner then stops it and ends
  /// with exit code 1.
  Broker(rt::Runtime& runtime, Config config, rt::UniqueFunction<void(const Error&)> on_fatal);
  ~Broker();

  /// Returns when requests are served. Errors say what, where, why and what to try; nothing that
  /// was there is lost.
  rt::Task<Result<BrokerReady>> start();
  /// Controlled: leaderships are given up, logs closed in order and marked clean.
  rt::Task<void> stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace semel::broker
