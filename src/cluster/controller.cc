#include "cluster/controller.h"

#include <limits>

#include "cluster/bootstrap.h"
#include "cluster/broker_record.h"
#include "cluster/image_delta.h"

namespace semel::cluster {

Controller::Controller(ControllerSettings settings, rt::Random& random)
    : settings_(std::move(settings)),
      random_(random),
      image_(std::make_shared<const MetadataImage>()),
      heartbeats_(settings_.session_timeout_ms) {}

void Controller::load(ImagePtr image, std::map<BrokerId, Offset> registered_at, int64_t now_ms) {
  image_ = std::move(image);
  registered_at_ = std::move(registered_at);
  heartbeats_ = Heartbeats(settings_.session_timeout_ms);
  for (const auto& [id, broker] : image_->brokers->brokers)
    if (!broker->fenced) heartbeats_.expect(id, broker->epoch, now_ms);
}

Result<void> Controller::replay(const Records& records, Offset first, LeaderEpoch epoch,
                                int64_t now_ms) {
  ImageDelta delta(image_);
  for (const VersionedRecord& record : records) SEMEL_CHECK(delta.replay(record));
  image_ = delta.finish(first + static_cast<int64_t>(records.size()) - 1, epoch).after;
  follow_sessions(records, first, now_ms);
  return {};
}

void Controller::follow_sessions(const Records& records, Offset first, int64_t now_ms) {
  for (size_t i = 0; i < records.size(); ++i) {
    if (const auto* left = std::get_if<gen::UnregisterBrokerRecord>(&records[i].body)) {
      heartbeats_.forget(BrokerId{left->broker_id});
      registered_at_.erase(BrokerId{left->broker_id});
    }
    if (const auto* came = std::get_if<gen::RegisterBrokerRecord>(&records[i].body)) {
      const BrokerId id{came->broker_id};
      registered_at_[id] = first + static_cast<int64_t>(i);
      heartbeats_.touch(id, BrokerEpoch{came->broker_epoch}, heartbeats_.metadata_offset(id),
                        now_ms);
    }
  }
}

std::vector<Records> Controller::activation(std::optional<BrokerId> own_broker) const {
  std::vector<Records> batches;
  int16_t version = image_->metadata_version();
  if (version == 0) {
    batches.push_back(activation_records(settings_.bootstrap));
    for (const VersionedRecord& record : settings_.bootstrap)
      if (const auto* level = std::get_if<gen::FeatureLevelRecord>(&record.body))
        if (level->name == kMetadataVersion) version = level->feature_level;
  }
  if (MetadataVersion{version}.has_controller_registration()) {
    const auto at = image_->brokers->controllers.find(settings_.node_id);
    const bool is_known = at != image_->brokers->controllers.end() &&
                          at->second.incarnation_id == settings_.incarnation_id;
    if (!is_known)
      batches.push_back({to_record(ControllerRegistration{
          settings_.node_id, settings_.incarnation_id, settings_.endpoints, settings_.features})});
  }
  if (own_broker) {
    Records fencing = decide_fencing(view(), *own_broker);
    if (!fencing.empty()) batches.push_back(std::move(fencing));
  }
  return batches;
}

Result<Decision<gen::BrokerRegistrationResponse>> Controller::register_broker(
    const gen::BrokerRegistrationRequest& request, Offset next_offset, int64_t now_ms) {
  return decide_registration(view(), heartbeats_, request, next_offset, now_ms);
}

Result<HeartbeatDecision> Controller::heartbeat(const gen::BrokerHeartbeatRequest& request,
                                                int64_t now_ms) {
  const BrokerId id{request.broker_id};
  const auto at = registered_at_.find(id);
  const Offset registered_at =
      at == registered_at_.end() ? Offset{request.broker_epoch} : at->second;
  auto decision = decide_heartbeat(view(), heartbeats_, request, registered_at);
  if (decision)
    heartbeats_.touch(id, BrokerEpoch{request.broker_epoch},
                      Offset{request.current_metadata_offset}, now_ms);
  return decision;
}

Result<Decision<gen::AllocateProducerIdsResponse>> Controller::allocate_producer_ids(
    const gen::AllocateProducerIdsRequest& request) const {
  SEMEL_CHECK(
      check_broker_epoch(*image_, BrokerId{request.broker_id}, BrokerEpoch{request.broker_epoch}));
  const int64_t first = std::max<int64_t>(image_->next_producer_id, 0);
  if (first > std::numeric_limits<int64_t>::max() - kProducerIdBlock)
    return fail(ErrorCode::kUnknownServerError,
                "Exhausted all producerIds as the next block's end producerId is "
                "has exceeded the int64 type limit");
  gen::ProducerIdsRecord record;
  record.broker_id = request.broker_id;
  record.broker_epoch = request.broker_epoch;
  record.next_producer_id = first + kProducerIdBlock;
  Decision<gen::AllocateProducerIdsResponse> decision;
  decision.response.producer_id_start = first;
  decision.response.producer_id_len = kProducerIdBlock;
  decision.records.push_back({std::move(record), 0});
  return decision;
}

Records Controller::fence_stale(int64_t now_ms) {
  for (const auto& [id, broker] : image_->brokers->brokers) {
    if (broker->fenced || heartbeats_.has_valid_session(id, broker->epoch, now_ms)) continue;
    return decide_fencing(view(), id);
  }
  return {};
}

bool Controller::has_other_nodes(std::optional<BrokerId> own) const {
  for (const auto& [id, broker] : image_->brokers->brokers)
    if (own != id) return true;
  for (const auto& [id, controller] : image_->brokers->controllers)
    if (id != settings_.node_id) return true;
  return false;
}

}  // namespace semel::cluster
