#include "cluster/partition_record.h"

#include <algorithm>

#include <fmt/format.h>

namespace semel::cluster {
namespace {

std::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::kCorruptMessage, std::move(what));
}

Result<LeaderRecoveryState> recovery_state(int8_t number) {
  if (number != 0 && number != 1) return corrupt(fmt::format("leader recovery state {}", number));
  return static_cast<LeaderRecoveryState>(number);
}

/// Directories after the replicas became `after`: a replica that stays keeps its directory.
std::vector<DirectoryId> carry_directories(const PartitionRegistration& before,
                                           const std::vector<BrokerId>& after) {
  std::vector<DirectoryId> directories;
  for (const BrokerId id : after)
    directories.push_back(before.has_replica(id) ? before.directory_of(id) : kDirectoryUnassigned);
  return directories;
}

}  // namespace

Result<PartitionRegistration> to_registration(const gen::PartitionRecord& record) {
  PartitionRegistration partition;
  partition.replicas = to_brokers(record.replicas);
  partition.isr = to_brokers(record.isr);
  partition.removing_replicas = to_brokers(record.removing_replicas);
  partition.adding_replicas = to_brokers(record.adding_replicas);
  partition.elr = to_brokers(record.eligible_leader_replicas);
  partition.last_known_elr = to_brokers(record.last_known_elr);
  if (record.directories.empty()) {
    partition.directories.assign(partition.replicas.size(), kDirectoryMigrating);
  } else {
    partition.directories.assign(record.directories.begin(), record.directories.end());
  }
  if (partition.directories.size() != partition.replicas.size())
    return corrupt(fmt::format("{} directories of {} replicas", partition.directories.size(),
                               partition.replicas.size()));
  if (record.leader < -1 || record.leader_epoch < 0 || record.partition_epoch < 0)
    return corrupt("a negative leader or epoch");
  partition.leader = BrokerId{record.leader};
  SEMEL_TRY(partition.recovery_state, recovery_state(record.leader_recovery_state));
  partition.leader_epoch = LeaderEpoch{record.leader_epoch};
  partition.partition_epoch = record.partition_epoch;
  return partition;
}

gen::PartitionRecord to_record(const TopicId& topic, int32_t index,
                               const PartitionRegistration& partition, int16_t version) {
  gen::PartitionRecord record;
  record.partition_id = index;
  record.topic_id = topic;
  put_brokers(partition.replicas, record.replicas);
  put_brokers(partition.isr, record.isr);
  put_brokers(partition.removing_replicas, record.removing_replicas);
  put_brokers(partition.adding_replicas, record.adding_replicas);
  record.leader = partition.leader.value;
  record.leader_recovery_state = static_cast<int8_t>(partition.recovery_state);
  record.leader_epoch = partition.leader_epoch.value;
  record.partition_epoch = partition.partition_epoch;
  if (version >= 1)
    record.directories.assign(partition.directories.begin(), partition.directories.end());
  if (version >= 2 && !partition.elr.empty())
    put_brokers(partition.elr, record.eligible_leader_replicas);
  if (version >= 2 && !partition.last_known_elr.empty())
    put_brokers(partition.last_known_elr, record.last_known_elr);
  return record;
}

Result<PartitionRegistration> merge(const PartitionRegistration& before,
                                    const gen::PartitionChangeRecord& change) {
  PartitionRegistration after = before;
  if (!change.replicas.is_null()) {
    after.replicas = to_brokers(change.replicas);
    after.directories = carry_directories(before, after.replicas);
  }
  if (!change.directories.is_null())
    after.directories.assign(change.directories.begin(), change.directories.end());
  if (after.directories.size() != after.replicas.size())
    return corrupt(fmt::format("{} directories of {} replicas", after.directories.size(),
                               after.replicas.size()));
  if (!change.isr.is_null()) after.isr = to_brokers(change.isr);
  if (!change.removing_replicas.is_null())
    after.removing_replicas = to_brokers(change.removing_replicas);
  if (!change.adding_replicas.is_null()) after.adding_replicas = to_brokers(change.adding_replicas);
  if (!change.eligible_leader_replicas.is_null())
    after.elr = to_brokers(change.eligible_leader_replicas);
  if (!change.last_known_elr.is_null()) after.last_known_elr = to_brokers(change.last_known_elr);
  if (change.leader_recovery_state != -1) {
    SEMEL_TRY(after.recovery_state, recovery_state(change.leader_recovery_state));
  }
  if (change.leader < kLeaderUnchanged) return corrupt(fmt::format("leader {}", change.leader));
  if (change.leader != kLeaderUnchanged) {
    after.leader = BrokerId{change.leader};
    after.leader_epoch.value += 1;
  }
  after.partition_epoch += 1;
  return after;
}

}  // namespace semel::cluster
