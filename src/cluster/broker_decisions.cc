#include "cluster/broker_decisions.h"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "cluster/broker_record.h"
#include "cluster/elections.h"

namespace semel::cluster {
namespace {

constexpr int8_t kFence = 1;
constexpr int8_t kUnfence = -1;

VersionedRecord fencing_record(const BrokerRegistration& broker, int8_t change) {
  gen::BrokerRegistrationChangeRecord record;
  record.broker_id = broker.id.value;
  record.broker_epoch = broker.epoch.value;
  record.fenced = change;
  return {std::move(record), 0};
}

bool is_reserved(const DirectoryId& id) { return id.high() == 0 && id.low() < 100; }

Result<void> check_directories(const MetadataImage& image,
                               const gen::BrokerRegistrationRequest& request) {
  const auto invalid = [](std::string text) {
    return fail(ErrorCode::kInvalidRegistration, std::move(text));
  };
  if (request.log_dirs.empty()) return invalid("No directories specified in request");
  std::set<DirectoryId> seen;
  for (const DirectoryId& id : request.log_dirs)
    if (is_reserved(id)) return invalid("Reserved directory ID in request");
  for (const DirectoryId& id : request.log_dirs)
    if (!seen.insert(id).second) return invalid("Duplicate directory ID in request");
  for (const auto& [other, broker] : image.brokers->brokers) {
    if (other.value == request.broker_id) continue;
    for (const DirectoryId& id : broker->directories)
      if (seen.contains(id))
        return invalid(fmt::format("Broker {} is already registered with directory {}", other.value,
                                   id.to_text()));
  }
  return {};
}

Result<void> refuse_feature(std::string_view name, int16_t level, LevelRange range) {
  std::string text = fmt::format(
      "Unable to register because the broker does not support finalized version {} of {}. The "
      "broker wants a "
      "version between {} and {}, inclusive.",
      level, name, range.min, range.max);
  if (range.max < level && name != kMetadataVersion && name != kKraftVersion)
    text +=
        fmt::format(" To lower it: kafka-features.sh downgrade --feature {}={}", name, range.max);
  return fail(ErrorCode::kUnsupportedVersion, std::move(text));
}

Result<void> check_features(const MetadataImage& image,
                            const std::map<std::string, LevelRange>& offered) {
  if (!offered.contains(std::string(kMetadataVersion)))
    return fail(ErrorCode::kInvalidRegistration,
                "Request features do not contain 'metadata.version'");
  for (const auto& [name, level] : image.features) {
    const auto at = offered.find(name);
    const LevelRange range = at == offered.end() ? LevelRange{0, 0} : at->second;
    if (level != 0 && (level < range.min || level > range.max))
      return refuse_feature(name, level, range);
  }
  return {};
}

BrokerRegistration registration_of(const gen::BrokerRegistrationRequest& request) {
  BrokerRegistration broker;
  broker.id = BrokerId{request.broker_id};
  broker.incarnation_id = request.incarnation_id;
  for (const auto& listener : request.listeners)
    broker.endpoints.push_back({listener.name, listener.host, listener.port,
                                static_cast<SecurityProtocol>(listener.security_protocol)});
  for (const auto& feature : request.features)
    broker.features[feature.name] = {feature.min_supported_version, feature.max_supported_version};
  broker.rack = request.rack;
  broker.directories.assign(request.log_dirs.begin(), request.log_dirs.end());
  return broker;
}

Result<void> check_registration(const ControllerView& view, const Heartbeats& heartbeats,
                                const gen::BrokerRegistrationRequest& request, int64_t now_ms) {
  if (request.cluster_id != view.settings.cluster_id)
    return fail(ErrorCode::kInconsistentClusterId,
                fmt::format("Expected cluster ID {}, but got cluster ID {}",
                            view.settings.cluster_id, request.cluster_id));
  if (request.broker_id < 0) return fail(ErrorCode::kInvalidRequest, "a negative broker id");
  const BrokerRegistration* existing = view.image.broker(BrokerId{request.broker_id});
  if (existing != nullptr && existing->incarnation_id != request.incarnation_id &&
      !existing->in_controlled_shutdown &&
      heartbeats.has_valid_session(existing->id, existing->epoch, now_ms))
    return fail(ErrorCode::kDuplicateBrokerRegistration,
                "Another broker is registered with that broker id. If the broker was recently "
                "restarted this "
                "should self-resolve once the heartbeat manager expires the broker's session.");
  if (request.is_migrating_zk_broker)
    return fail(ErrorCode::kBrokerIdNotRegistered,
                "Controller does not support registering ZK brokers.");
  if (!view.version().has_directory_assignment()) return {};
  return check_directories(view.image, request);
}

enum class BrokerState : uint8_t { kFenced, kUnfenced, kControlledShutdown, kShutdownNow };

BrokerState current_state(const BrokerRegistration& broker) {
  if (broker.in_controlled_shutdown && !broker.fenced) return BrokerState::kControlledShutdown;
  return broker.fenced ? BrokerState::kFenced : BrokerState::kUnfenced;
}

/// The lowest metadata offset of brokers that serve clients; they must know of the new leaders
/// before a broker that shuts down may go.
Offset lowest_active_offset(const MetadataImage& image, const Heartbeats& heartbeats) {
  Offset lowest{std::numeric_limits<int64_t>::max()};
  for (const auto& [id, broker] : image.brokers->brokers)
    if (image.is_active(id)) lowest = std::min(lowest, heartbeats.metadata_offset(id));
  return lowest;
}

BrokerState next_state(const ControllerView& view, const Heartbeats& heartbeats,
                       const gen::BrokerHeartbeatRequest& request, bool is_caught_up) {
  const BrokerId id{request.broker_id};
  const auto leads = [&] { return leads_anything(view.image, id); };
  switch (current_state(*view.image.broker(id))) {
    case BrokerState::kFenced:
      if (request.want_shut_down) return BrokerState::kShutdownNow;
      return !request.want_fence && is_caught_up ? BrokerState::kUnfenced : BrokerState::kFenced;
    case BrokerState::kUnfenced:
      if (request.want_fence)
        return request.want_shut_down ? BrokerState::kShutdownNow : BrokerState::kFenced;
      if (!request.want_shut_down) return BrokerState::kUnfenced;
      return leads() ? BrokerState::kControlledShutdown : BrokerState::kShutdownNow;
    case BrokerState::kControlledShutdown: {
      if (leads()) return BrokerState::kControlledShutdown;
      const Offset needed = heartbeats.shutdown_offset(id).value_or(Offset{-1});
      return needed <= lowest_active_offset(view.image, heartbeats)
                 ? BrokerState::kShutdownNow
                 : BrokerState::kControlledShutdown;
    }
    case BrokerState::kShutdownNow:
      break;
  }
  return BrokerState::kShutdownNow;
}

void add_shutdown_records(const ControllerView& view, const BrokerRegistration& broker,
                          Records& records) {
  gen::BrokerRegistrationChangeRecord record;
  record.broker_id = broker.id.value;
  record.broker_epoch = broker.epoch.value;
  record.in_controlled_shutdown = 1;
  records.push_back({std::move(record), 1});
  add_partition_changes(view, {.gone = broker.id}, records);
}

/// Directories that the heartbeat tells are gone, and cordoned ones (KIP-858, KIP-1066).
void add_directory_records(const ControllerView& view, const BrokerRegistration& broker,
                           const gen::BrokerHeartbeatRequest& request, Records& records) {
  gen::BrokerRegistrationChangeRecord record;
  record.broker_id = broker.id.value;
  record.broker_epoch = broker.epoch.value;
  std::vector<DirectoryId> online = broker.directories;
  std::erase_if(online, [&](const DirectoryId& id) {
    return std::ranges::find(request.offline_log_dirs, id) != request.offline_log_dirs.end();
  });
  if (online.size() != broker.directories.size() && !online.empty() &&
      view.version().has_directory_assignment()) {
    const std::vector<DirectoryId> offline(request.offline_log_dirs.begin(),
                                           request.offline_log_dirs.end());
    add_partition_changes(view, {.gone = broker.id, .directories = &offline}, records);
    record.log_dirs.assign(online.begin(), online.end());
    records.push_back({std::move(record), 2});
  }
}

}  // namespace

Result<void> check_broker_epoch(const MetadataImage& image, BrokerId broker, BrokerEpoch epoch) {
  const BrokerRegistration* registration = image.broker(broker);
  if (registration == nullptr)
    return fail(ErrorCode::kBrokerIdNotRegistered,
                fmt::format("No broker registration found for broker id {}", broker.value));
  if (registration->epoch != epoch)
    return fail(ErrorCode::kStaleBrokerEpoch,
                fmt::format("Expected broker epoch {}, but got broker epoch {}",
                            registration->epoch.value, epoch.value));
  return {};
}

Result<Decision<gen::BrokerRegistrationResponse>> decide_registration(
    const ControllerView& view, const Heartbeats& heartbeats,
    const gen::BrokerRegistrationRequest& request, Offset next_offset, int64_t now_ms) {
  SEMEL_CHECK(check_registration(view, heartbeats, request, now_ms));
  BrokerRegistration broker = registration_of(request);
  SEMEL_CHECK(check_features(view.image, broker.features));
  Decision<gen::BrokerRegistrationResponse> decision;
  const BrokerRegistration* existing = view.image.broker(broker.id);
  if (existing != nullptr && existing->incarnation_id == broker.incarnation_id) {
    broker.fenced = existing->fenced;
    broker.in_controlled_shutdown = existing->in_controlled_shutdown;
    broker.epoch = existing->epoch;
  } else {
    broker.epoch = BrokerEpoch{next_offset.value};
    const int64_t stored = existing == nullptr ? -2 : existing->epoch.value;
    const bool was_clean = !view.has_elr() || stored == request.previous_broker_epoch;
    const BrokerNews news =
        was_clean ? BrokerNews{.gone = broker.id} : BrokerNews{.unclean = broker.id};
    add_partition_changes(view, news, decision.records);
  }
  decision.response.broker_epoch = broker.epoch.value;
  decision.records.push_back(to_record(broker, view.version()));
  return decision;
}

Result<HeartbeatDecision> decide_heartbeat(const ControllerView& view, const Heartbeats& heartbeats,
                                           const gen::BrokerHeartbeatRequest& request,
                                           Offset registered_at) {
  const BrokerId id{request.broker_id};
  SEMEL_CHECK(check_broker_epoch(view.image, id, BrokerEpoch{request.broker_epoch}));
  const BrokerRegistration& broker = *view.image.broker(id);
  HeartbeatDecision decision;
  add_directory_records(view, broker, request, decision.records);
  const bool is_caught_up = request.current_metadata_offset >= registered_at.value;
  const BrokerState next = next_state(view, heartbeats, request, is_caught_up);
  const BrokerState current = current_state(broker);
  if (next != current) {
    switch (next) {
      case BrokerState::kUnfenced:
        decision.records.push_back(fencing_record(broker, kUnfence));
        add_partition_changes(view, {.back = id}, decision.records);
        break;
      case BrokerState::kControlledShutdown:
        add_shutdown_records(view, broker, decision.records);
        decision.outcome.enters_shutdown = true;
        break;
      case BrokerState::kFenced:
      case BrokerState::kShutdownNow:
        for (VersionedRecord& record : decide_fencing(view, id))
          decision.records.push_back(std::move(record));
        break;
    }
  }
  decision.outcome.is_fenced = next == BrokerState::kFenced || next == BrokerState::kShutdownNow;
  decision.response.is_caught_up = is_caught_up;
  decision.response.is_fenced = decision.outcome.is_fenced;
  decision.response.should_shut_down = next == BrokerState::kShutdownNow;
  return decision;
}

Records decide_fencing(const ControllerView& view, BrokerId broker) {
  Records records;
  const BrokerRegistration* registration = view.image.broker(broker);
  if (registration == nullptr || registration->fenced) return records;
  add_partition_changes(view, {.gone = broker}, records);
  records.push_back(fencing_record(*registration, kFence));
  return records;
}

Result<Decision<gen::UnregisterBrokerResponse>> decide_unregistration(const ControllerView& view,
                                                                      BrokerId broker) {
  const BrokerRegistration* registration = view.image.broker(broker);
  if (registration == nullptr)
    return fail(ErrorCode::kBrokerIdNotRegistered,
                fmt::format("Broker ID {} is not currently registered", broker.value));
  Decision<gen::UnregisterBrokerResponse> decision;
  add_partition_changes(view, {.gone = broker}, decision.records);
  gen::UnregisterBrokerRecord record;
  record.broker_id = broker.value;
  record.broker_epoch = registration->epoch.value;
  decision.records.push_back({std::move(record), 0});
  return decision;
}

}  // namespace semel::cluster
