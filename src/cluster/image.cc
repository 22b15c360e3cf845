#include "cluster/image.h"

#include <algorithm>

namespace semel::cluster {

const Endpoint* BrokerRegistration::endpoint(std::string_view listener) const {
  const auto at = std::ranges::find(endpoints, listener, &Endpoint::listener);
  return at == endpoints.end() ? nullptr : &*at;
}

bool BrokerRegistration::has_online_directory(const DirectoryId& directory) const {
  // Before KIP-858 directories are unknown; the reserved ids mean "not told yet".
  if (directories.empty() || directory == kDirectoryUnassigned || directory == kDirectoryMigrating)
    return true;
  return directory != kDirectoryLost &&
         std::ranges::find(directories, directory) != directories.end();
}

bool PartitionRegistration::has_replica(BrokerId id) const {
  return std::ranges::find(replicas, id) != replicas.end();
}

bool PartitionRegistration::is_in_isr(BrokerId id) const {
  return std::ranges::find(isr, id) != isr.end();
}

DirectoryId PartitionRegistration::directory_of(BrokerId id) const {
  const auto at = std::ranges::find(replicas, id);
  const auto index = static_cast<size_t>(at - replicas.begin());
  return index < directories.size() ? directories[index] : kDirectoryMigrating;
}

MetadataImage::MetadataImage()
    : topics(std::make_shared<TopicsImage>()),
      brokers(std::make_shared<BrokersImage>()),
      configs(std::make_shared<ConfigsImage>()),
      access(std::make_shared<AccessImage>()) {}

TopicPtr MetadataImage::topic(std::string_view name) const {
  const TopicPtr* found = topics->by_name.find(name);
  return found == nullptr ? nullptr : *found;
}

TopicPtr MetadataImage::topic(const TopicId& id) const {
  const TopicPtr* found = topics->by_id.find(id);
  return found == nullptr ? nullptr : *found;
}

const PartitionRegistration* MetadataImage::partition(std::string_view name,
                                                      PartitionIndex index) const {
  const TopicPtr* found = topics->by_name.find(name);
  return found == nullptr ? nullptr : (*found)->partition(index);
}

const BrokerRegistration* MetadataImage::broker(BrokerId id) const {
  const auto at = brokers->brokers.find(id);
  return at == brokers->brokers.end() ? nullptr : at->second.get();
}

bool MetadataImage::is_active(BrokerId id) const {
  const BrokerRegistration* registration = broker(id);
  return registration != nullptr && !registration->fenced && !registration->in_controlled_shutdown;
}

ConfigMapPtr MetadataImage::config(ConfigResourceType type, std::string_view name) const {
  const ConfigMapPtr* found = configs->find(ConfigResource{type, std::string(name)});
  return found == nullptr ? nullptr : *found;
}

int16_t MetadataImage::feature_level(std::string_view name) const {
  const auto at = features.find(name);
  return at == features.end() ? int16_t{0} : at->second;
}

}  // namespace semel::cluster
