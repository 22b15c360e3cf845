// ReplicaManager: makes the partitions of this broker what the metadata says, and answers who they
// are.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/image_publisher.h"
#include "log/log_manager.h"
#include "replica/partition.h"
#include "replica/partition_table.h"
#include "rt/runtime.h"

namespace semel::replica {

/// Threads: table() from any thread, everything else on executor 0.
class ReplicaManager final : public cluster::ImageListener {
 public:
  static constexpr int32_t kLookupSlots = 4;

  /// `static_broker`: what server.properties says, for the defaults of topic settings.
  ReplicaManager(rt::Runtime& runtime, const PartitionConfig& config, log::LogManager& logs,
                 cluster::ConfigMap static_broker);
  ~ReplicaManager() override;

  /// After the logs were loaded: takes over every partition of `image` that belongs here, and sets
  /// aside logs that belong to none. Images published earlier are not looked at.
  void start(const cluster::ImagePtr& image);
  /// No partition is led afterwards; waiting requests are answered with kNotLeaderOrFollower.
  void stop();

  void on_image(const cluster::ImageChange& change) override;
  /// `semel.flush` and `semel.dedup.lookup.bytes` from now on.
  void set_partition_config(FlushPolicy flush, uint64_t lookup_bytes_max) {
    config_.flush = flush;
    config_.lookup_bytes_max = lookup_bytes_max;
  }
  /// From LogManagerListener.
  void on_directory_offline(const std::vector<TopicPartition>& lost);

  const TableSource& table() const { return source_; }

 private:
  struct Known {
    TopicEntryPtr entry;
    cluster::TopicPtr topic;
  };

  void apply_topic(const cluster::MetadataImage& image, const TopicId& id);
  std::shared_ptr<Partition> open(const cluster::TopicImage& topic, PartitionIndex index);
  void direct(Partition& partition, const cluster::PartitionRegistration& registration,
              const TopicSettings& settings);
  void drop_topic(const TopicId& id);
  void set_strays_aside(const cluster::MetadataImage& image);
  void retry_later(const TopicId& id);
  void publish();

  rt::Runtime& runtime_;
  PartitionConfig config_;
  log::LogManager& logs_;
  const cluster::ConfigMap static_broker_;
  LookupSlots lookup_slots_{kLookupSlots};
  TableSource source_;
  std::shared_ptr<PartitionTable> next_;  // the table that publish() shows
  std::unordered_map<TopicId, Known> topics_;
  cluster::ImagePtr image_;
  std::vector<TopicId> to_retry_;
  struct Refusal {
    std::string why;  // as it was logged
    bool may_exist;   // it was there before this broker started
  };
  std::map<TopicPartition, Refusal> refused_;  // by the log directories
  rt::TimerId retry_timer_;
  bool is_running_ = false;
};

}  // namespace semel::replica
