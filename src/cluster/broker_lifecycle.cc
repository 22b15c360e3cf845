#include "cluster/broker_lifecycle.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "cluster/controller_call.h"
#include "gen/broker_heartbeat.h"
#include "gen/broker_registration.h"
#include "rt/event.h"
#include "rt/wait.h"

namespace semel::cluster {
namespace {

constexpr rt::Duration kRegistrationRetry = std::chrono::milliseconds(200);
constexpr rt::Duration kHeartbeatRetry = std::chrono::milliseconds(50);

std::string_view name_of(LifecycleState state) {
  static constexpr std::string_view kNames[] = {"not running", "registering", "catching up",
                                                "recovering",  "running",     "shutting down",
                                                "stopped"};
  return kNames[static_cast<size_t>(state)];
}

/// The transitions; each state is entered from the one before it, shutting down from any that has
/// registered, stopped from any.
bool may_follow(LifecycleState from, LifecycleState to) {
  if (to == LifecycleState::kStopped) return true;
  if (to == LifecycleState::kShuttingDown)
    return from >= LifecycleState::kCatchingUp && from < LifecycleState::kShuttingDown;
  return static_cast<int>(to) == static_cast<int>(from) + 1;
}

std::unexpected<Error> stopped() {
  return fail(ErrorCode::kUnknownServerError, "the broker was stopped", Cause::kCancelled);
}

/// Errors that asking again will not mend.
bool is_final(ErrorCode code) {
  return code == ErrorCode::kInconsistentClusterId || code == ErrorCode::kUnsupportedVersion ||
         code == ErrorCode::kInvalidRegistration || code == ErrorCode::kClusterAuthorizationFailed;
}

gen::BrokerRegistrationRequest registration_of(const BrokerIdentity& self) {
  gen::BrokerRegistrationRequest request;
  request.broker_id = self.id.value;
  request.cluster_id = self.cluster_id;
  request.incarnation_id = self.incarnation_id;
  for (const Endpoint& endpoint : self.endpoints) {
    auto& listener = request.listeners.append();
    listener.name = endpoint.listener;
    listener.host = endpoint.host;
    listener.port = endpoint.port;
    listener.security_protocol = static_cast<int16_t>(endpoint.protocol);
  }
  for (const auto& [name, range] : self.features) {
    auto& feature = request.features.append();
    feature.name = name;
    feature.min_supported_version = range.min;
    feature.max_supported_version = range.max;
  }
  request.rack = self.rack;
  std::vector<DirectoryId> directories = self.directories;
  std::sort(directories.begin(), directories.end());
  request.log_dirs.assign(directories.begin(), directories.end());
  request.previous_broker_epoch = self.previous_epoch.value;
  return request;
}

}  // namespace

/// Shared with the heartbeat loop, which ends once the state is kStopped.
struct BrokerLifecycle::Core {
  Core(rt::Executor& e, ControllerChannel& c, ImagePublisher& i, BrokerIdentity s, LifecycleTimes t)
      : home(e), channel(c), images(i), self(std::move(s)), times(t), progress(e), nudge(e) {}

  void set_state(LifecycleState next) {
    SEMEL_ASSERT(may_follow(state, next), name_of(next));
    log_debug("cluster", "broker {}: {} -> {}", self.id.value, name_of(state), name_of(next));
    state = next;
  }

  gen::BrokerHeartbeatRequest heartbeat() const {
    gen::BrokerHeartbeatRequest request;
    request.broker_id = self.id.value;
    request.broker_epoch = epoch.value;
    request.current_metadata_offset = images.current()->last_offset.value;
    request.want_fence = wants_fence;
    request.want_shut_down = state == LifecycleState::kShuttingDown;
    request.offline_log_dirs.assign(offline.begin(), offline.end());
    return request;
  }

  static rt::Task<void> heartbeat_loop(std::shared_ptr<Core> core) {
    while (core->state != LifecycleState::kStopped) {
      auto answer = co_await send<gen::BrokerHeartbeatResponse>(
          core->channel, core->home, core->heartbeat(), core->times.heartbeat_interval * 4);
      if (core->state == LifecycleState::kStopped) break;
      const rt::Duration pause = core->take(answer);
      const rt::Instant next = core->home.clock().now() + pause;
      co_await core->nudge.wait({.deadline = next, .cancel = nullptr});
      core->nudge.reset();
    }
  }

  /// Notes an answer and says how long to wait before the next heartbeat.
  rt::Duration take(const Result<gen::BrokerHeartbeatResponse>& answer) {
    if (!answer || answer->error_code != 0) {
      const ErrorCode code =
          answer ? static_cast<ErrorCode>(answer->error_code) : answer.error().code;
      log_warn("cluster", "broker {}: heartbeat failed: {}", self.id.value, error_name(code));
      return kHeartbeatRetry;
    }
    is_fenced = answer->is_fenced;
    may_stop = answer->should_shut_down;
    progress.set();
    const bool is_waiting = (!wants_fence && is_fenced) || state == LifecycleState::kShuttingDown;
    return is_waiting ? kHeartbeatRetry : times.heartbeat_interval;
  }

  rt::Executor& home;
  ControllerChannel& channel;
  ImagePublisher& images;
  BrokerIdentity self;
  LifecycleTimes times;
  LifecycleState state = LifecycleState::kNotRunning;
  BrokerEpoch epoch{-1};
  bool wants_fence = true;
  bool is_fenced = true;
  bool may_stop = false;
  std::vector<DirectoryId> offline;
  rt::Event progress;  // an answer came
  rt::Event nudge;     // the next heartbeat goes out at once
};

BrokerLifecycle::BrokerLifecycle(rt::Executor& home, ControllerChannel& channel,
                                 ImagePublisher& images, BrokerIdentity identity,
                                 LifecycleTimes times)
    : core_(std::make_shared<Core>(home, channel, images, std::move(identity), times)) {}

BrokerLifecycle::~BrokerLifecycle() {
  if (core_->state != LifecycleState::kStopped) core_->set_state(LifecycleState::kStopped);
  core_->nudge.set();
  core_->progress.set();
}

LifecycleState BrokerLifecycle::state() const { return core_->state; }
BrokerEpoch BrokerLifecycle::epoch() const { return core_->epoch; }

rt::Task<Result<void>> BrokerLifecycle::register_and_catch_up() {
  const std::shared_ptr<Core> core = core_;
  core->set_state(LifecycleState::kRegistering);
  const rt::Instant deadline = core->home.clock().now() + core->times.registration_timeout;
  std::string last_reason = "the controller did not answer";
  while (core->epoch.value < 0) {
    auto answer = co_await send<gen::BrokerRegistrationResponse>(
        core->channel, core->home, registration_of(core->self),
        deadline - core->home.clock().now());
    const ErrorCode code =
        answer ? static_cast<ErrorCode>(answer->error_code) : answer.error().code;
    if (core->state == LifecycleState::kStopped) co_return stopped();
    if (code == ErrorCode::kNone) {
      core->epoch = BrokerEpoch{answer->broker_epoch};
      break;
    }
    last_reason = answer ? std::string(error_name(code)) : answer.error().context;
    if (answer && is_final(code))
      co_return fail(code, fmt::format("the controller refuses broker {}: {}", core->self.id.value,
                                       last_reason));
    if (core->home.clock().now() >= deadline)
      co_return fail(ErrorCode::kRequestTimedOut, fmt::format("broker {} could not register: {}",
                                                              core->self.id.value, last_reason));
    log_info("cluster", "broker {}: registration is tried again: {}", core->self.id.value,
             last_reason);
    co_await rt::pause(
        core->home, {.deadline = core->home.clock().now() + kRegistrationRetry, .cancel = nullptr});
    if (core->state == LifecycleState::kStopped) co_return stopped();
  }
  core->set_state(LifecycleState::kCatchingUp);
  rt::spawn(Core::heartbeat_loop(core));

  const auto caught_up = std::make_shared<rt::Event>(core->home);
  core->images.when_at(Offset{core->epoch.value}, [caught_up] { caught_up->set(); });
  const rt::WaitOutcome outcome =
      co_await caught_up->wait({.deadline = deadline, .cancel = nullptr});
  if (core->state == LifecycleState::kStopped) co_return stopped();
  if (outcome != rt::WaitOutcome::kReady)
    co_return fail(ErrorCode::kRequestTimedOut,
                   "the metadata log was not followed up to the registration in time");
  core->set_state(LifecycleState::kRecovering);
  co_return Result<void>{};
}

rt::Task<Result<void>> BrokerLifecycle::become_running() {
  const std::shared_ptr<Core> core = core_;
  core->wants_fence = false;
  core->nudge.set();
  const rt::Instant deadline = core->home.clock().now() + core->times.registration_timeout;
  while (core->is_fenced && core->state != LifecycleState::kStopped) {
    core->progress.reset();
    const rt::WaitOutcome outcome =
        co_await core->progress.wait({.deadline = deadline, .cancel = nullptr});
    if (outcome != rt::WaitOutcome::kReady)
      co_return fail(ErrorCode::kRequestTimedOut,
                     "the controller did not unfence this broker in time");
  }
  if (core->state == LifecycleState::kStopped) co_return stopped();
  core->set_state(LifecycleState::kRunning);
  co_return Result<void>{};
}

rt::Task<void> BrokerLifecycle::shut_down() {
  const std::shared_ptr<Core> core = core_;
  if (may_follow(core->state, LifecycleState::kShuttingDown)) {
    core->set_state(LifecycleState::kShuttingDown);
    core->nudge.set();
    const rt::Instant deadline = core->home.clock().now() + core->times.shutdown_timeout;
    while (!core->may_stop && core->state != LifecycleState::kStopped &&
           core->home.clock().now() < deadline) {
      core->progress.reset();
      co_await core->progress.wait({.deadline = deadline, .cancel = nullptr});
    }
  }
  if (core->state != LifecycleState::kStopped) core->set_state(LifecycleState::kStopped);
  core->nudge.set();
}

void BrokerLifecycle::abandon() {
  if (core_->state != LifecycleState::kStopped) core_->set_state(LifecycleState::kStopped);
  core_->nudge.set();
  core_->progress.set();
}

void BrokerLifecycle::report_offline_directory(const DirectoryId& id) {
  core_->offline.push_back(id);
  core_->nudge.set();
}

}  // namespace semel::cluster
