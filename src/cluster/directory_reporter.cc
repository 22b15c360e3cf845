#include "cluster/directory_reporter.h"

#include <map>

#include "base/log.h"
#include "cluster/controller_call.h"
#include "cluster/features.h"
#include "gen/assign_replicas_to_dirs.h"
#include "rt/event.h"
#include "rt/wait.h"

namespace semel::cluster {
namespace {

constexpr rt::Duration kTimeout = std::chrono::seconds(30);
constexpr rt::Duration kRetryPause = std::chrono::milliseconds(500);

}  // namespace

/// Shared with the sending loop, which ends once is_stopped.
struct DirectoryReporter::Core {
  using Replica = std::pair<TopicId, int32_t>;

  Core(rt::Executor& e, ControllerChannel& c, const BrokerLifecycle& l, BrokerId s, DirectoryOf d)
      : home(e), channel(c), lifecycle(l), self(s), directory_of(std::move(d)), bell(e) {}

  void look_at(const MetadataImage& image, const TopicId& id) {
    const TopicPtr topic = image.topic(id);
    if (topic == nullptr || !MetadataVersion{image.metadata_version()}.has_directory_assignment())
      return;
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const PartitionRegistration& partition = *topic->partitions[i];
      const auto index = static_cast<int32_t>(i);
      if (!partition.has_replica(self)) continue;
      const auto actual = directory_of({topic->name, PartitionIndex{index}});
      if (actual && *actual != partition.directory_of(self))
        pending[{id, index}] = *actual;
      else
        pending.erase({id, index});
    }
    if (!pending.empty()) bell.ring();
  }

  gen::AssignReplicasToDirsRequest next_request() const {
    std::map<DirectoryId, std::map<TopicId, std::vector<int32_t>>> by_directory;
    size_t left = kReplicasPerRequest;
    for (const auto& [replica, directory] : pending) {
      if (left-- == 0) break;
      by_directory[directory][replica.first].push_back(replica.second);
    }
    gen::AssignReplicasToDirsRequest request;
    request.broker_id = self.value;
    request.broker_epoch = lifecycle.epoch().value;
    for (const auto& [directory, topics] : by_directory) {
      auto& asked = request.directories.append();
      asked.id = directory;
      for (const auto& [id, partitions] : topics) {
        auto& topic = asked.topics.append();
        topic.topic_id = id;
        for (const int32_t index : partitions) topic.partitions.append().partition_index = index;
      }
    }
    return request;
  }

  /// What was answered is done: a refused replica is looked at again when its topic changes.
  void note(const gen::AssignReplicasToDirsResponse& answer) {
    for (const auto& directory : answer.directories)
      for (const auto& topic : directory.topics)
        for (const auto& partition : topic.partitions) {
          if (partition.error_code != 0)
            log_warn("cluster", "the directory of partition {} of topic {} was not taken: {}",
                     partition.partition_index, topic.topic_id.to_text(),
                     error_name(static_cast<ErrorCode>(partition.error_code)));
          const auto at = pending.find({topic.topic_id, partition.partition_index});
          if (at != pending.end() && at->second == directory.id) pending.erase(at);
        }
  }

  static rt::Task<void> loop(std::shared_ptr<Core> core) {
    while (!core->is_stopped) {
      if (core->pending.empty()) {
        co_await core->bell.wait();
        continue;
      }
      auto answer = co_await send<gen::AssignReplicasToDirsResponse>(
          core->channel, core->home, core->next_request(), kTimeout);
      if (core->is_stopped) break;
      if (answer && answer->error_code == 0) {
        core->note(*answer);
        continue;
      }
      log_info(
          "cluster", "directories of replicas are told again: {}",
          answer ? error_name(static_cast<ErrorCode>(answer->error_code)) : answer.error().context);
      co_await rt::pause(core->home,
                         {.deadline = core->home.clock().now() + kRetryPause, .cancel = nullptr});
    }
  }

  rt::Executor& home;
  ControllerChannel& channel;
  const BrokerLifecycle& lifecycle;
  BrokerId self;
  DirectoryOf directory_of;
  rt::Doorbell bell;
  std::map<Replica, DirectoryId> pending;
  bool is_stopped = false;
};

DirectoryReporter::DirectoryReporter(rt::Executor& home, ControllerChannel& channel,
                                     const BrokerLifecycle& lifecycle, BrokerId self,
                                     DirectoryOf directory_of)
    : core_(std::make_shared<Core>(home, channel, lifecycle, self, std::move(directory_of))) {}

DirectoryReporter::~DirectoryReporter() { stop(); }

void DirectoryReporter::start(const ImagePtr& image) {
  image->topics->by_id.for_each(
      [&](const TopicId& id, const TopicPtr&) { core_->look_at(*image, id); });
  rt::spawn(Core::loop(core_));
}

void DirectoryReporter::on_image(const ImageChange& change) {
  if (core_->is_stopped) return;
  for (const TopicId& id : change.topics_created) core_->look_at(*change.after, id);
  for (const TopicId& id : change.topics_changed) core_->look_at(*change.after, id);
  for (const TopicPtr& topic : change.topics_deleted)
    std::erase_if(core_->pending,
                  [&](const auto& entry) { return entry.first.first == topic->id; });
}

void DirectoryReporter::stop() {
  core_->is_stopped = true;
  core_->bell.ring();
}

}  // namespace semel::cluster
