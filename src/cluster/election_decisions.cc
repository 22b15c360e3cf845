#include "cluster/election_decisions.h"

#include <fmt/format.h>

#include "cluster/elections.h"

namespace semel::cluster {
namespace {

constexpr int8_t kPreferred = 0;
constexpr int8_t kUnclean = 1;

bool has_preferred_leader(const PartitionRegistration& partition) {
  return !partition.replicas.empty() && partition.leader == partition.replicas.front();
}

Result<void> elect_one(const ControllerView& view, const TopicImage& topic, int32_t index,
                       int8_t type, Records& records) {
  const PartitionRegistration* partition = topic.partition(PartitionIndex{index});
  if (partition == nullptr)
    return fail(ErrorCode::kUnknownTopicOrPartition,
                fmt::format("No such partition as {}-{}", topic.name, index));
  const bool is_good =
      type == kPreferred ? has_preferred_leader(*partition) : partition->has_leader();
  if (is_good)
    return fail(ErrorCode::kElectionNotNeeded, "Leader election not needed for topic partition.");
  PartitionChange::Rules rules = rules_for(view, topic, *partition, {});
  rules.election = type == kPreferred ? Election::kPreferred : Election::kUnclean;
  PartitionChange change(topic.id, index, *partition, std::move(rules));
  auto record = change.build();
  if (!record && type == kPreferred)
    return fail(ErrorCode::kPreferredLeaderNotAvailable, "The preferred leader was not available.");
  if (!record)
    return fail(ErrorCode::kEligibleLeadersNotAvailable,
                "Eligible topic partition leaders are not available.");
  records.push_back(*std::move(record));
  return {};
}

using TopicResult = gen::ElectLeadersResponse::ReplicaElectionResult;

void put(TopicResult& topic, int32_t index, const Result<void>& elected) {
  auto& result = topic.partition_result.append();
  result.partition_id = index;
  if (elected) return;
  result.error_code = static_cast<int16_t>(elected.error().code);
  result.error_message = elected.error().context;
}

}  // namespace

Decision<gen::ElectLeadersResponse> decide_elect_leaders(const ControllerView& view,
                                                         const gen::ElectLeadersRequest& request) {
  Decision<gen::ElectLeadersResponse> decision;
  const int8_t type = request.election_type;
  if (type != kPreferred && type != kUnclean) {
    decision.response.error_code = static_cast<int16_t>(ErrorCode::kInvalidRequest);
    return decision;
  }
  if (request.topic_partitions.is_null()) {
    view.image.topics->by_name.for_each([&](const std::string& name, const TopicPtr& topic) {
      TopicResult result;
      result.topic = name;
      for (size_t i = 0; i < topic->partitions.size(); ++i) {
        const auto index = static_cast<int32_t>(i);
        const auto elected = elect_one(view, *topic, index, type, decision.records);
        if (elected || elected.error().code != ErrorCode::kElectionNotNeeded)
          put(result, index, elected);
      }
      if (!result.partition_result.empty())
        decision.response.replica_election_results.push_back(std::move(result));
    });
    return decision;
  }
  for (const auto& asked : request.topic_partitions) {
    TopicResult& result = decision.response.replica_election_results.append();
    result.topic = asked.topic;
    const TopicPtr topic = view.image.topic(asked.topic);
    for (const int32_t index : asked.partitions) {
      const Result<void> elected = topic == nullptr
                                       ? fail(ErrorCode::kUnknownTopicOrPartition,
                                              fmt::format("No such topic as {}", asked.topic))
                                       : elect_one(view, *topic, index, type, decision.records);
      put(result, index, elected);
    }
  }
  return decision;
}

}  // namespace semel::cluster
