#include "cluster/isr_decisions.h"

#include <algorithm>

#include "base/assert.h"
#include "cluster/broker_decisions.h"
#include "cluster/elections.h"
#include "cluster/partition_record.h"

namespace semel::cluster {
namespace {

using AskedTopic = gen::AlterPartitionRequest::TopicData;
using Asked = gen::AlterPartitionRequest::PartitionData;
using Answer = gen::AlterPartitionResponse::PartitionData;

struct ProposedMember {
  BrokerId id;
  BrokerEpoch epoch{-1};  // −1 = not told
};

std::vector<ProposedMember> proposed_isr(const Asked& asked, int16_t version) {
  std::vector<ProposedMember> members;
  if (version < 3) {
    for (const int32_t id : asked.new_isr) members.push_back({BrokerId{id}});
  } else {
    for (const auto& state : asked.new_isr_with_epochs)
      members.push_back({BrokerId{state.broker_id}, BrokerEpoch{state.broker_epoch}});
  }
  return members;
}

ErrorCode check_epochs(const PartitionRegistration& partition, const Asked& asked,
                       BrokerId sender) {
  if (asked.leader_epoch > partition.leader_epoch.value ||
      asked.partition_epoch > partition.partition_epoch)
    return ErrorCode::kNotController;
  if (asked.leader_epoch < partition.leader_epoch.value) return ErrorCode::kFencedLeaderEpoch;
  if (sender != partition.leader) return ErrorCode::kInvalidRequest;
  if (asked.partition_epoch < partition.partition_epoch) return ErrorCode::kInvalidUpdateVersion;
  return ErrorCode::kNone;
}

ErrorCode check_isr(const PartitionRegistration& partition, const Asked& asked,
                    const std::vector<ProposedMember>& isr, BrokerId sender) {
  std::vector<BrokerId> ids;
  for (const ProposedMember& member : isr) ids.push_back(member.id);
  std::ranges::sort(ids);
  const bool is_valid =
      !ids.empty() && std::ranges::adjacent_find(ids) == ids.end() &&
      std::ranges::all_of(ids, [&](BrokerId id) { return partition.has_replica(id); });
  if (!is_valid || !std::ranges::binary_search(ids, sender)) return ErrorCode::kInvalidRequest;
  const auto state = asked.leader_recovery_state;
  if (state != 0 && state != 1) return ErrorCode::kInvalidRequest;
  const bool is_recovering =
      static_cast<LeaderRecoveryState>(state) == LeaderRecoveryState::kRecovering;
  if (is_recovering && ids.size() > 1) return ErrorCode::kInvalidRequest;
  if (is_recovering && partition.recovery_state == LeaderRecoveryState::kRecovered)
    return ErrorCode::kInvalidRequest;
  return ErrorCode::kNone;
}

bool is_eligible(const MetadataImage& image, const ProposedMember& member) {
  if (!image.is_active(member.id)) return false;
  return member.epoch.value == -1 || image.broker(member.id)->epoch == member.epoch;
}

void describe(const PartitionRegistration& partition, Answer& answer) {
  answer.leader_id = partition.leader.value;
  answer.leader_epoch = partition.leader_epoch.value;
  put_brokers(partition.isr, answer.isr);
  answer.leader_recovery_state = static_cast<int8_t>(partition.recovery_state);
  answer.partition_epoch = partition.partition_epoch;
}

struct Sender {
  BrokerId id;
  int16_t version;  // of its request
};

/// Where the outcome for one partition goes.
struct Outcome {
  Records& records;
  Answer& answer;
};

ErrorCode alter_one(const ControllerView& view, const TopicImage& topic, const Asked& asked,
                    const Sender& sender, const Outcome& outcome) {
  const PartitionRegistration* partition = topic.partition(PartitionIndex{asked.partition_index});
  if (partition == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  if (const ErrorCode code = check_epochs(*partition, asked, sender.id); code != ErrorCode::kNone)
    return code;
  const auto isr = proposed_isr(asked, sender.version);
  if (const ErrorCode code = check_isr(*partition, asked, isr, sender.id); code != ErrorCode::kNone)
    return code;
  if (!std::ranges::all_of(isr,
                           [&](const ProposedMember& m) { return is_eligible(view.image, m); }))
    return ErrorCode::kIneligibleReplica;

  std::vector<BrokerId> ids;
  for (const ProposedMember& member : isr) ids.push_back(member.id);
  PartitionChange change(topic.id, asked.partition_index, *partition,
                         rules_for(view, topic, *partition, {}));
  change.set_isr(std::move(ids))
      .set_recovery_state(static_cast<LeaderRecoveryState>(asked.leader_recovery_state));
  auto record = change.build();
  if (!record) {
    describe(*partition, outcome.answer);
    return ErrorCode::kNone;
  }
  const auto after = merge(*partition, std::get<gen::PartitionChangeRecord>(record->body));
  SEMEL_ASSERT(after.has_value(), "the controller's own change must fit");
  outcome.records.push_back(*std::move(record));
  if (after->leader != sender.id) return ErrorCode::kNewLeaderElected;
  describe(*after, outcome.answer);
  return ErrorCode::kNone;
}

}  // namespace

Result<Decision<gen::AlterPartitionResponse>> decide_alter_partition(
    const ControllerView& view, const gen::AlterPartitionRequest& request, int16_t version) {
  const BrokerId sender{request.broker_id};
  SEMEL_CHECK(check_broker_epoch(view.image, sender, BrokerEpoch{request.broker_epoch}));
  Decision<gen::AlterPartitionResponse> decision;
  for (const AskedTopic& asked : request.topics) {
    auto& topic_answer = decision.response.topics.append();
    topic_answer.topic_id = asked.topic_id;
    const TopicPtr topic = view.image.topic(asked.topic_id);
    for (const Asked& partition : asked.partitions) {
      Answer& answer = topic_answer.partitions.append();
      answer.partition_index = partition.partition_index;
      const ErrorCode code =
          topic == nullptr
              ? ErrorCode::kUnknownTopicId
              : alter_one(view, *topic, partition, {sender, version}, {decision.records, answer});
      answer.error_code = static_cast<int16_t>(code);
    }
  }
  return decision;
}

}  // namespace semel::cluster
