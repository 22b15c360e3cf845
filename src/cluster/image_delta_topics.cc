// Replay of what the log says about topics and partitions.
#include <algorithm>

#include "cluster/image_delta_work.h"
#include "cluster/partition_record.h"

namespace semel::cluster {

TopicImage* ImageDelta::own_topic(const TopicId& id) {
  std::shared_ptr<TopicImage>& owned = work_->topic[id];
  if (owned == nullptr) {
    const TopicPtr before = work_->image.topic(id);
    if (before == nullptr) {
      work_->topic.erase(id);
      return nullptr;
    }
    owned = std::make_shared<TopicImage>(*before);
    TopicsImage& topics = work_->own_topics();
    topics.by_id.set(id, owned);
    topics.by_name.set(owned->name, owned);
  }
  work_->touched.insert(id);
  return owned.get();
}

Result<void> ImageDelta::apply(const gen::TopicRecord& record) {
  if (record.name.empty()) return unfit("a topic without a name");
  if (record.topic_id.is_zero()) return unfit("topic {} has no id", record.name);
  if (work_->image.topic(record.name) != nullptr || work_->image.topic(record.topic_id) != nullptr)
    return unfit("topic {} with id {} is there already", record.name, record.topic_id.to_text());
  auto topic = std::make_shared<TopicImage>();
  topic->name = record.name;
  topic->id = record.topic_id;
  TopicsImage& topics = work_->own_topics();
  topics.by_name.set(record.name, topic);
  topics.by_id.set(record.topic_id, topic);
  work_->topic[record.topic_id] = std::move(topic);
  work_->touched.insert(record.topic_id);
  return {};
}

Result<void> ImageDelta::apply(const gen::RemoveTopicRecord& record) {
  const TopicPtr topic = work_->image.topic(record.topic_id);
  if (topic == nullptr) return unfit("there is no topic with id {}", record.topic_id.to_text());
  drop_topic(topic);
  return {};
}

void ImageDelta::drop_topic(const TopicPtr& topic) {
  TopicsImage& topics = work_->own_topics();
  topics.by_name.erase(topic->name);
  topics.by_id.erase(topic->id);
  work_->topic.erase(topic->id);
  work_->touched.insert(topic->id);
  const ConfigResource resource{ConfigResourceType::kTopic, topic->name};
  if (work_->image.configs->contains(resource)) {
    work_->own_configs().erase(resource);
    work_->config.erase(resource);
    work_->configs_changed.insert(resource);
  }
}

Result<void> ImageDelta::apply(const gen::PartitionRecord& record) {
  TopicImage* topic = own_topic(record.topic_id);
  if (topic == nullptr) return unfit("there is no topic with id {}", record.topic_id.to_text());
  const auto count = static_cast<int64_t>(topic->partitions.size());
  if (record.partition_id < 0 || record.partition_id > count)
    return unfit("partition {} of {}, which has {}", record.partition_id, topic->name, count);
  SEMEL_TRY(auto registration, to_registration(record));
  auto partition = std::make_shared<const PartitionRegistration>(std::move(registration));
  if (record.partition_id == count)
    topic->partitions.push_back(std::move(partition));
  else
    topic->partitions[static_cast<size_t>(record.partition_id)] = std::move(partition);
  return {};
}

Result<void> ImageDelta::apply(const gen::PartitionChangeRecord& record) {
  TopicImage* topic = own_topic(record.topic_id);
  if (topic == nullptr) return unfit("there is no topic with id {}", record.topic_id.to_text());
  const PartitionRegistration* before = topic->partition(PartitionIndex{record.partition_id});
  if (before == nullptr)
    return unfit("there is no partition {} of {}", record.partition_id, topic->name);
  SEMEL_TRY(auto after, merge(*before, record));
  topic->partitions[static_cast<size_t>(record.partition_id)] =
      std::make_shared<const PartitionRegistration>(std::move(after));
  return {};
}

Result<void> ImageDelta::apply(const gen::ClearElrRecord& record) {
  std::vector<TopicId> ids;
  if (record.topic_name.empty()) {
    work_->image.topics->by_id.for_each(
        [&](const TopicId& id, const TopicPtr&) { ids.push_back(id); });
  } else {
    const TopicPtr topic = work_->image.topic(record.topic_name);
    if (topic == nullptr) return unfit("there is no topic {}", record.topic_name);
    ids.push_back(topic->id);
  }
  const auto has_elr = [](const PartitionPtr& partition) {
    return !partition->elr.empty() || !partition->last_known_elr.empty();
  };
  for (const TopicId& id : ids) {
    if (!std::ranges::any_of(work_->image.topic(id)->partitions, has_elr)) continue;
    for (PartitionPtr& partition : own_topic(id)->partitions) {
      if (!has_elr(partition)) continue;
      PartitionRegistration after = *partition;
      after.elr.clear();
      after.last_known_elr.clear();
      after.partition_epoch += 1;
      partition = std::make_shared<const PartitionRegistration>(std::move(after));
    }
  }
  return {};
}

}  // namespace semel::cluster
