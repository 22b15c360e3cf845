// Between a partition's registration and its records.
#pragma once

#include "base/result.h"
#include "cluster/image.h"
#include "gen/metadata/partition_change_record.h"
#include "gen/metadata/partition_record.h"

namespace semel::cluster {

/// PartitionChange without a leader in it: the leader stays.
inline constexpr int32_t kLeaderUnchanged = -2;

/// kCorruptMessage: replicas and directories differ in number, a recovery state that is not known,
/// or a negative epoch.
Result<PartitionRegistration> to_registration(const gen::PartitionRecord& record);
/// The record that makes `partition`, with the fields that version `version` can hold.
gen::PartitionRecord to_record(const TopicId& topic, int32_t index,
                               const PartitionRegistration& partition, int16_t version);
/// The partition after the change: the partition epoch always grows by one, the leader epoch if a
/// leader (also −1) is named. Errors as to_registration.
Result<PartitionRegistration> merge(const PartitionRegistration& before,
                                    const gen::PartitionChangeRecord& change);

/// Node numbers of the wire as BrokerIds, and back.
template <class Numbers>
std::vector<BrokerId> to_brokers(const Numbers& numbers) {
  std::vector<BrokerId> brokers;
  brokers.reserve(numbers.size());
  for (const int32_t number : numbers) brokers.push_back(BrokerId{number});
  return brokers;
}
template <class Array>
void put_brokers(const std::vector<BrokerId>& brokers, Array& numbers) {
  numbers.clear();
  for (const BrokerId broker : brokers) numbers.push_back(broker.value);
}

}  // namespace semel::cluster
