#include "replica/replica_manager.h"

#include <algorithm>

#include "base/log.h"

namespace semel::replica {
namespace {

constexpr rt::Duration kRetryInterval = std::chrono::seconds(1);

bool is_reserved(const DirectoryId& id) {
  return id == kDirectoryMigrating || id == kDirectoryUnassigned || id == kDirectoryLost;
}

}  // namespace

ReplicaManager::ReplicaManager(rt::Runtime& runtime, const PartitionConfig& config,
                               log::LogManager& logs, cluster::ConfigMap static_broker)
    : runtime_(runtime),
      config_(config),
      logs_(logs),
      static_broker_(std::move(static_broker)),
      next_(std::make_shared<PartitionTable>()) {}

ReplicaManager::~ReplicaManager() = default;

void ReplicaManager::start(const cluster::ImagePtr& image) {
  image_ = image;
  set_strays_aside(*image);
  image->topics->by_id.for_each(
      [&](const TopicId& id, const cluster::TopicPtr&) { apply_topic(*image, id); });
  is_running_ = true;
  publish();
}

void ReplicaManager::stop() {
  is_running_ = false;
  if (retry_timer_.value != 0) runtime_.executors[0]->cancel(retry_timer_);
  retry_timer_ = {};
  for (const auto& [id, known] : topics_) {
    for (const auto& partition : known.entry->partitions) {
      if (partition != nullptr) partition->resign(partition->leader_epoch());
    }
  }
  topics_.clear();
  refused_.clear();
  *next_ = PartitionTable();
  publish();
}

void ReplicaManager::on_image(const cluster::ImageChange& change) {
  if (!is_running_) return;
  image_ = change.after;
  for (const cluster::TopicPtr& topic : change.topics_deleted) drop_topic(topic->id);
  for (const TopicId& id : change.topics_created) apply_topic(*image_, id);
  for (const TopicId& id : change.topics_changed) apply_topic(*image_, id);
  bool broker_settings_changed = false;
  for (const cluster::ConfigResource& resource : change.configs_changed) {
    if (resource.type == cluster::ConfigResourceType::kBroker) broker_settings_changed = true;
    if (resource.type != cluster::ConfigResourceType::kTopic) continue;
    if (const cluster::TopicPtr topic = image_->topic(resource.name))
      apply_topic(*image_, topic->id);
  }
  if (broker_settings_changed) {
    image_->topics->by_id.for_each(
        [&](const TopicId& id, const cluster::TopicPtr&) { apply_topic(*image_, id); });
  }
  publish();
}

void ReplicaManager::on_directory_offline(const std::vector<TopicPartition>& lost) {
  for (const TopicPartition& name : lost) {
    const TopicEntry* entry = next_->find(name.topic);
    if (entry == nullptr || !entry->has_partition(name.partition.value)) continue;
    const auto& partition = entry->partitions[static_cast<size_t>(name.partition.value)];
    if (partition != nullptr) partition->fail(ErrorCode::kKafkaStorageError);
  }
}

void ReplicaManager::apply_topic(const cluster::MetadataImage& image, const TopicId& id) {
  const cluster::TopicPtr topic = image.topic(id);
  if (topic == nullptr) return;
  const auto at = topics_.find(id);
  const Known* known = at != topics_.end() ? &at->second : nullptr;
  const bool is_ours = std::ranges::any_of(topic->partitions, [this](const auto& registration) {
    return registration->has_replica(config_.self);
  });
  if (!is_ours) return drop_topic(id);

  auto entry = std::make_shared<TopicEntry>();
  entry->name = topic->name;
  entry->id = id;
  entry->settings = topic_settings(image, topic->name, config_.self, static_broker_);
  entry->partitions.resize(topic->partitions.size());
  const bool settings_changed = known == nullptr || known->entry->settings != entry->settings;
  if (settings_changed) logs_.update_config(topic->name, entry->settings.log);
  for (size_t i = 0; i < topic->partitions.size(); ++i) {
    const cluster::PartitionRegistration& now = *topic->partitions[i];
    const PartitionIndex index{static_cast<int32_t>(i)};
    std::shared_ptr<Partition> before;
    if (known != nullptr && i < known->entry->partitions.size())
      before = known->entry->partitions[i];
    if (!now.has_replica(config_.self)) {
      if (before != nullptr) before->fail(ErrorCode::kNotLeaderOrFollower);
      if (before != nullptr) std::ignore = logs_.remove({topic->name, index});
      continue;
    }
    const bool is_unchanged =
        before != nullptr && !settings_changed && *known->topic->partitions[i] == now;
    entry->partitions[i] = before != nullptr ? before : open(*topic, index);
    // A log is made with what the last image says, and that one does not know the topic yet.
    if (before == nullptr && entry->partitions[i] != nullptr)
      entry->partitions[i]->log().update_config(entry->settings.log);
    if (entry->partitions[i] != nullptr && !is_unchanged)
      direct(*entry->partitions[i], now, entry->settings);
  }
  next_->by_name.set(entry->name, entry);
  next_->by_id.set(id, entry);
  topics_[id] = Known{entry, topic};
}

std::shared_ptr<Partition> ReplicaManager::open(const cluster::TopicImage& topic,
                                                PartitionIndex index) {
  const TopicPartition name{topic.name, index};
  std::shared_ptr<log::Log> log = logs_.find(name);
  if (log != nullptr && log->topic_id().value_or(topic.id) != topic.id) {
    log_warn("replica", "{} belongs to an earlier topic of this name and is set aside",
             name.to_text());
    std::ignore = logs_.set_stray(name);
    log = nullptr;
  }
  // A folder whose partition.metadata a crash took has its records still.
  if (log != nullptr && !log->topic_id()) std::ignore = log->set_topic_id(topic.id);
  if (log == nullptr) {
    const DirectoryId directory = topic.partition(index)->directory_of(config_.self);
    const auto refused = refused_.find(name);
    // What the first image names may have a log in a directory that did not come up.
    const bool may_exist = refused != refused_.end() ? refused->second.may_exist : !is_running_;
    auto created =
        logs_.create(name, topic.id,
                     is_reserved(directory) ? std::nullopt : std::optional(directory), may_exist);
    if (!created) {
      const std::string& why = created.error().context;
      Refusal& refusal =
          refused_.try_emplace(name, Refusal{.why = {}, .may_exist = may_exist}).first->second;
      if (std::exchange(refusal.why, why) != why)
        log_error("replica", "{} cannot be opened and is tried again: {}", name.to_text(), why);
      retry_later(topic.id);
      return nullptr;
    }
    log = std::move(*created);
  }
  if (refused_.erase(name) > 0) log_warn("replica", "{} is opened now", name.to_text());
  return Partition::make(config_, log, logs_.flusher_of(*log), lookup_slots_, runtime_);
}

void ReplicaManager::direct(Partition& partition,
                            const cluster::PartitionRegistration& registration,
                            const TopicSettings& settings) {
  if (registration.leader != config_.self) return partition.resign(registration.leader_epoch);
  Leadership leadership;
  leadership.epoch = registration.leader_epoch;
  leadership.partition_epoch = registration.partition_epoch;
  leadership.isr = registration.isr;
  leadership.replicas = registration.replicas;
  leadership.isr_min =
      std::min(settings.isr_min, static_cast<int32_t>(registration.replicas.size()));
  leadership.flush_messages = settings.log.flush_messages;
  partition.lead(std::move(leadership));
}

void ReplicaManager::drop_topic(const TopicId& id) {
  const auto at = topics_.find(id);
  if (at == topics_.end()) return;
  const TopicEntryPtr entry = at->second.entry;
  topics_.erase(at);
  next_->by_id.erase(id);
  const TopicEntry* shown = next_->find(entry->name);
  if (shown != nullptr && shown->id == id) next_->by_name.erase(entry->name);
  for (size_t i = 0; i < entry->partitions.size(); ++i) {
    const auto& partition = entry->partitions[i];
    const TopicPartition name{entry->name, PartitionIndex{static_cast<int32_t>(i)}};
    refused_.erase(name);
    if (partition == nullptr) {
      // It may have waited for space.
      if (logs_.find(name) == nullptr) std::ignore = logs_.remove(name);
      continue;
    }
    partition->fail(ErrorCode::kUnknownTopicOrPartition);
    const auto removed = logs_.remove(name);
    if (!removed) log_warn("replica", "{}: {}", name.to_text(), removed.error().context);
  }
}

void ReplicaManager::set_strays_aside(const cluster::MetadataImage& image) {
  for (const auto& log : logs_.logs()) {
    const cluster::TopicPtr topic = image.topic(log->name().topic);
    const cluster::PartitionRegistration* registration =
        topic != nullptr ? topic->partition(log->name().partition) : nullptr;
    const bool is_wanted = registration != nullptr && registration->has_replica(config_.self) &&
                           log->topic_id().value_or(topic->id) == topic->id;
    if (is_wanted) continue;
    log_warn("replica", "{} is no partition of this broker any more and is set aside",
             log->name().to_text());
    const auto moved = logs_.set_stray(log->name());
    if (!moved) log_error("replica", "{}: {}", log->name().to_text(), moved.error().context);
  }
}

void ReplicaManager::retry_later(const TopicId& id) {
  if (std::ranges::find(to_retry_, id) == to_retry_.end()) to_retry_.push_back(id);
  if (retry_timer_.value != 0) return;
  rt::Executor& home = *runtime_.executors[0];
  retry_timer_ = home.run_at(home.clock().now() + kRetryInterval, [this] {
    retry_timer_ = {};
    for (const TopicId& topic : std::exchange(to_retry_, {})) apply_topic(*image_, topic);
    publish();
  });
}

void ReplicaManager::publish() { source_.publish(std::make_shared<PartitionTable>(*next_)); }

}  // namespace semel::replica
