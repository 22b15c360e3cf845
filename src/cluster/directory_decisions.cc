#include "cluster/directory_decisions.h"

#include "cluster/broker_decisions.h"
#include "cluster/elections.h"

namespace semel::cluster {
namespace {

/// One replica of the asking broker, and where it says that it lies.
struct Placed {
  const TopicImage& topic;
  int32_t partition;
  DirectoryId directory;
};

ErrorCode assign(const ControllerView& view, const BrokerRegistration& broker, const Placed& placed,
                 Records& records) {
  const PartitionRegistration* partition = placed.topic.partition(PartitionIndex{placed.partition});
  if (partition == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  if (!partition->has_replica(broker.id)) return ErrorCode::kNotLeaderOrFollower;
  const bool is_online = broker.has_online_directory(placed.directory);
  const BrokerNews news{.gone = is_online ? kNoBroker : broker.id};
  PartitionChange::Rules rules = rules_for(view, placed.topic, *partition, news);
  if (is_online) {
    // The replica lives where it says, wherever it was known to be.
    rules.is_live = [&view, &broker, known = std::move(rules.is_live)](BrokerId id) {
      return id == broker.id ? view.image.is_active(id) : known(id);
    };
  }
  PartitionChange change(placed.topic.id, placed.partition, *partition, std::move(rules));
  change.set_directory(broker.id, placed.directory);
  if (!is_online) {
    std::vector<BrokerId> isr = partition->isr;
    std::erase(isr, broker.id);
    change.set_isr(std::move(isr));
  }
  if (auto record = change.build()) records.push_back(*std::move(record));
  return ErrorCode::kNone;
}

}  // namespace

Result<Decision<gen::AssignReplicasToDirsResponse>> decide_assign_replicas(
    const ControllerView& view, const gen::AssignReplicasToDirsRequest& request) {
  if (!view.version().has_directory_assignment())
    return fail(ErrorCode::kUnsupportedVersion, "Directory assignment is not supported yet.");
  const BrokerId sender{request.broker_id};
  SEMEL_CHECK(check_broker_epoch(view.image, sender, BrokerEpoch{request.broker_epoch}));
  const BrokerRegistration& broker = *view.image.broker(sender);
  Decision<gen::AssignReplicasToDirsResponse> decision;
  for (const auto& directory : request.directories) {
    auto& directory_answer = decision.response.directories.append();
    directory_answer.id = directory.id;
    for (const auto& asked : directory.topics) {
      auto& topic_answer = directory_answer.topics.append();
      topic_answer.topic_id = asked.topic_id;
      const TopicPtr topic = view.image.topic(asked.topic_id);
      for (const auto& partition : asked.partitions) {
        auto& answer = topic_answer.partitions.append();
        answer.partition_index = partition.partition_index;
        const ErrorCode code =
            topic == nullptr
                ? ErrorCode::kUnknownTopicId
                : assign(view, broker, {*topic, partition.partition_index, directory.id},
                         decision.records);
        answer.error_code = static_cast<int16_t>(code);
      }
    }
  }
  return decision;
}

}  // namespace semel::cluster
