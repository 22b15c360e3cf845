// PartitionChange: decides how one partition changes when its ISR, replicas or the liveness of
// brokers do: leader election, ISR, eligible leader replicas, completion of a reassignment. The
// rules are those of Kafka 4.3's PartitionChangeBuilder (KIP-631, KIP-841, KIP-966).
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/features.h"
#include "cluster/image.h"
#include "cluster/metadata_record.h"

namespace semel::cluster {

enum class Election : uint8_t {
  kOnline,     // keep a valid leader, else the first valid replica
  kPreferred,  // the first replica if it is valid
  kUnclean,    // as kOnline; without a valid one any live replica, at the price of records
};

class PartitionChange {
 public:
  struct Rules {
    MetadataVersion version;
    bool has_elr = false;
    int64_t min_insync_replicas = 1;
    Election election = Election::kOnline;
    /// True if the broker is alive and the partition's directory there is online.
    std::function<bool(BrokerId)> is_live;
  };

  /// `partition` is borrowed for the builder's life.
  PartitionChange(const TopicId& topic, int32_t index, const PartitionRegistration& partition,
                  Rules rules);

  PartitionChange& set_isr(std::vector<BrokerId> isr);
  PartitionChange& set_recovery_state(LeaderRecoveryState state);
  /// The replica of `broker` lies there.
  PartitionChange& set_directory(BrokerId broker, const DirectoryId& directory);
  /// Replicas of this broker were lost records: it leaves the ELR.
  PartitionChange& set_unclean_shutdown(BrokerId broker);

  /// Nothing if the partition stays as it is.
  std::optional<VersionedRecord> build();

 private:
  struct Elected {
    BrokerId leader;
    bool is_unclean = false;
  };

  void complete_reassignment();
  void choose_elr();
  Elected elect() const;
  Elected elect_preferred() const;
  Elected elect_online() const;
  void elect_into(gen::PartitionChangeRecord& record) const;
  bool is_valid_leader(BrokerId broker) const;
  bool can_elect_last_known_leader() const;
  void bump_epoch_if_needed(gen::PartitionChangeRecord& record) const;
  void put_elr(gen::PartitionChangeRecord& record) const;
  void put_last_known_leader(gen::PartitionChangeRecord& record) const;
  void put_assignment(gen::PartitionChangeRecord& record) const;
  void put_directories(gen::PartitionChangeRecord& record) const;

  TopicId topic_;
  int32_t index_;
  const PartitionRegistration& partition_;
  Rules rules_;
  std::vector<BrokerId> isr_;
  std::vector<BrokerId> replicas_;
  std::vector<BrokerId> removing_;
  std::vector<BrokerId> adding_;
  std::vector<BrokerId> elr_;
  std::vector<BrokerId> unclean_;
  LeaderRecoveryState recovery_;
  std::optional<std::pair<BrokerId, DirectoryId>> moved_;  // a replica and its new directory
};

}  // namespace semel::cluster
