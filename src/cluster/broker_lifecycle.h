// BrokerLifecycle: registers this broker, keeps its session alive by heartbeats, unfences it once
// it has caught up, and asks for a controlled shutdown at the end (KIP-631). Runs on executor 0.
//
// not_running -> registering -> caught_up_pending -> recovering -> running -> shutting_down ->
// stopped
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cluster/image_publisher.h"
#include "rt/executor.h"
#include "rt/task.h"

namespace semel::cluster {

class ControllerChannel;

struct BrokerIdentity {
  BrokerId id;
  std::string cluster_id;  // 22 characters
  Uuid incarnation_id;     // fresh per process
  std::vector<Endpoint> endpoints;
  std::map<std::string, LevelRange> features;  // what this broker truly does
  std::optional<std::string> rack;
  std::vector<DirectoryId> directories;
  BrokerEpoch previous_epoch{-1};  // from .kafka_cleanshutdown; −1 = no clean shutdown
};

struct LifecycleTimes {
  rt::Duration heartbeat_interval = std::chrono::milliseconds(2000);
  rt::Duration registration_timeout = std::chrono::milliseconds(60000);
  rt::Duration shutdown_timeout = std::chrono::minutes(5);
};

enum class LifecycleState : uint8_t {
  kNotRunning,
  kRegistering,
  kCatchingUp,
  kRecovering,
  kRunning,
  kShuttingDown,
  kStopped
};

class BrokerLifecycle {
 public:
  BrokerLifecycle(rt::Executor& home, ControllerChannel& channel, ImagePublisher& images,
                  BrokerIdentity identity, LifecycleTimes times);
  ~BrokerLifecycle();

  /// Registers and waits until the image has reached the registration; then the logs may be opened.
  /// Errors: kRequestTimedOut (registration_timeout is over), or what the controller said for good
  /// (kInconsistentClusterId, kUnsupportedVersion, kInvalidRegistration), with its text.
  rt::Task<Result<void>> register_and_catch_up();
  /// Asks to be unfenced and waits until the controller did; heartbeats go on in the background.
  rt::Task<Result<void>> become_running();
  /// Controlled shutdown: waits until the controller lets go, at most shutdown_timeout.
  rt::Task<void> shut_down();
  /// Ends without asking, also a shut_down() that waits.
  void abandon();

  LifecycleState state() const;
  /// The epoch of this registration; −1 before.
  BrokerEpoch epoch() const;
  /// Reported with the next heartbeat, which is sent at once (KIP-858).
  void report_offline_directory(const DirectoryId& id);

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace semel::cluster
