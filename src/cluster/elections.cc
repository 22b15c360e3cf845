#include "cluster/elections.h"

#include <algorithm>

namespace semel::cluster {
namespace {

/// By name, so that the same image gives the same records.
std::vector<TopicPtr> sorted_topics(const MetadataImage& image) {
  std::vector<TopicPtr> topics;
  image.topics->by_name.for_each(
      [&](const std::string&, const TopicPtr& topic) { topics.push_back(topic); });
  std::ranges::sort(topics, {},
                    [](const TopicPtr& topic) -> const std::string& { return topic->name; });
  return topics;
}

bool is_touched(const PartitionRegistration& partition, const BrokerNews& news) {
  if (news.back != kNoBroker) return !partition.has_leader();
  if (news.unclean != kNoBroker)
    return partition.is_in_isr(news.unclean) ||
           std::ranges::find(partition.elr, news.unclean) != partition.elr.end();
  if (!partition.is_in_isr(news.gone)) return false;
  return news.directories == nullptr ||
         std::ranges::find(*news.directories, partition.directory_of(news.gone)) !=
             news.directories->end();
}

}  // namespace

PartitionChange::Rules rules_for(const ControllerView& view, const TopicImage& topic,
                                 const PartitionRegistration& partition, const BrokerNews& news) {
  PartitionChange::Rules rules{view.version(), view.has_elr(), 1, Election::kOnline, {}};
  if (rules.has_elr) rules.min_insync_replicas = view.min_insync_replicas(topic.name);
  if (view.allows_unclean_election(topic.name)) rules.election = Election::kUnclean;
  rules.is_live = [&image = view.image, &partition, news](BrokerId broker) {
    if (broker == news.gone || broker == news.unclean || broker == kNoBroker) return false;
    const BrokerRegistration* registration = image.broker(broker);
    if (registration == nullptr) return false;
    if (broker != news.back && !image.is_active(broker)) return false;
    return registration->has_online_directory(partition.directory_of(broker));
  };
  return rules;
}

void add_partition_changes(const ControllerView& view, const BrokerNews& news, Records& records) {
  for (const TopicPtr& topic : sorted_topics(view.image)) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const PartitionRegistration& partition = *topic->partitions[i];
      if (!is_touched(partition, news)) continue;
      PartitionChange change(topic->id, static_cast<int32_t>(i), partition,
                             rules_for(view, *topic, partition, news));
      std::vector<BrokerId> isr = partition.isr;
      std::erase_if(isr, [&](BrokerId b) { return b == news.gone || b == news.unclean; });
      change.set_isr(std::move(isr));
      if (news.unclean != kNoBroker) change.set_unclean_shutdown(news.unclean);
      if (auto record = change.build()) records.push_back(*std::move(record));
    }
  }
}

bool leads_anything(const MetadataImage& image, BrokerId broker) {
  bool leads = false;
  image.topics->by_id.for_each([&](const TopicId&, const TopicPtr& topic) {
    leads = leads || std::ranges::any_of(topic->partitions, [&](const PartitionPtr& partition) {
              return partition->leader == broker;
            });
  });
  return leads;
}

}  // namespace semel::cluster
