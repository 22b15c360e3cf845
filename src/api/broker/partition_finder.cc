#include "api/broker/partition_finder.h"

namespace semel::api::broker {

PartitionFinder::Found PartitionFinder::find(const std::string& topic, int32_t index) const {
  if (!services_.authorizer.allows(context_.connection().principal, operation_,
                                   security::ResourceType::kTopic, topic))
    return std::unexpected(ErrorCode::kTopicAuthorizationFailed);
  const replica::TablePtr table = services_.table.current();
  const replica::TopicEntry* entry = table->find(topic);
  if (entry == nullptr) {
    const cluster::ImagePtr image = services_.images.current();
    const bool exists = image->partition(topic, PartitionIndex{index}) != nullptr;
    return std::unexpected(exists ? ErrorCode::kNotLeaderOrFollower
                                  : ErrorCode::kUnknownTopicOrPartition);
  }
  if (!entry->has_partition(index)) return std::unexpected(ErrorCode::kUnknownTopicOrPartition);
  const auto& partition = entry->partitions[static_cast<size_t>(index)];
  if (partition == nullptr) return std::unexpected(ErrorCode::kNotLeaderOrFollower);
  return partition;
}

}  // namespace semel::api::broker
