// Replay of what the log says about brokers and controllers.
#include "cluster/image_delta_work.h"

namespace semel::cluster {
namespace {

template <class Listeners>
std::vector<Endpoint> endpoints_of(const Listeners& listeners) {
  std::vector<Endpoint> endpoints;
  for (const auto& listener : listeners)
    endpoints.push_back({listener.name, listener.host, listener.port,
                         static_cast<SecurityProtocol>(listener.security_protocol)});
  return endpoints;
}

template <class Features>
std::map<std::string, LevelRange> features_of(const Features& features) {
  std::map<std::string, LevelRange> ranges;
  for (const auto& feature : features)
    ranges[feature.name] = {feature.min_supported_version, feature.max_supported_version};
  return ranges;
}

}  // namespace

Result<void> ImageDelta::apply(const gen::RegisterBrokerRecord& record) {
  if (record.broker_id < 0) return unfit("broker id {}", record.broker_id);
  auto registration = std::make_shared<BrokerRegistration>();
  registration->id = BrokerId{record.broker_id};
  registration->epoch = BrokerEpoch{record.broker_epoch};
  registration->incarnation_id = record.incarnation_id;
  registration->endpoints = endpoints_of(record.end_points);
  registration->features = features_of(record.features);
  registration->rack = record.rack;
  registration->fenced = record.fenced;
  registration->in_controlled_shutdown = record.in_controlled_shutdown;
  registration->directories.assign(record.log_dirs.begin(), record.log_dirs.end());
  registration->cordoned_directories.assign(record.cordoned_log_dirs.begin(),
                                            record.cordoned_log_dirs.end());
  work_->brokers_changed.insert(registration->id);
  const BrokerId id = registration->id;
  work_->own_brokers().brokers[id] = std::move(registration);
  return {};
}

Result<void> ImageDelta::apply(const gen::UnregisterBrokerRecord& record) {
  const BrokerId id{record.broker_id};
  const BrokerRegistration* before = work_->image.broker(id);
  if (before == nullptr) return unfit("broker {} is not registered", id.value);
  if (before->epoch.value != record.broker_epoch)
    return unfit("broker {} has epoch {}, not {}", id.value, before->epoch.value,
                 record.broker_epoch);
  work_->brokers_changed.insert(id);
  work_->own_brokers().brokers.erase(id);
  return {};
}

Result<void> ImageDelta::change_broker(BrokerId id, BrokerEpoch epoch,
                                       const std::function<void(BrokerRegistration&)>& change) {
  const BrokerRegistration* before = work_->image.broker(id);
  if (before == nullptr) return unfit("broker {} is not registered", id.value);
  if (before->epoch != epoch)
    return unfit("broker {} has epoch {}, not {}", id.value, before->epoch.value, epoch.value);
  auto after = std::make_shared<BrokerRegistration>(*before);
  change(*after);
  work_->brokers_changed.insert(id);
  work_->own_brokers().brokers[id] = std::move(after);
  return {};
}

Result<void> ImageDelta::apply(const gen::BrokerRegistrationChangeRecord& record) {
  if (record.fenced < -1 || record.fenced > 1) return unfit("fencing change {}", record.fenced);
  if (record.in_controlled_shutdown < 0 || record.in_controlled_shutdown > 1)
    return unfit("controlled shutdown change {}", record.in_controlled_shutdown);
  const auto change = [&](BrokerRegistration& broker) {
    if (record.fenced != 0) broker.fenced = record.fenced == 1;
    if (record.in_controlled_shutdown != 0) broker.in_controlled_shutdown = true;
    if (!record.log_dirs.empty())
      broker.directories.assign(record.log_dirs.begin(), record.log_dirs.end());
    if (!record.cordoned_log_dirs.is_null())
      broker.cordoned_directories.assign(record.cordoned_log_dirs.begin(),
                                         record.cordoned_log_dirs.end());
  };
  return change_broker(BrokerId{record.broker_id}, BrokerEpoch{record.broker_epoch}, change);
}

Result<void> ImageDelta::apply(const gen::FenceBrokerRecord& record) {
  return change_broker(BrokerId{record.id}, BrokerEpoch{record.epoch},
                       [](BrokerRegistration& broker) { broker.fenced = true; });
}

Result<void> ImageDelta::apply(const gen::UnfenceBrokerRecord& record) {
  return change_broker(BrokerId{record.id}, BrokerEpoch{record.epoch},
                       [](BrokerRegistration& broker) { broker.fenced = false; });
}

Result<void> ImageDelta::apply(const gen::RegisterControllerRecord& record) {
  work_->own_brokers().controllers[record.controller_id] =
      ControllerRegistration{record.controller_id, record.incarnation_id,
                             endpoints_of(record.end_points), features_of(record.features)};
  return {};
}

}  // namespace semel::cluster
