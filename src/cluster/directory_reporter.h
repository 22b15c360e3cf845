// DirectoryReporter: tells the controller in which log directory each replica of this broker lies,
// where the metadata says otherwise or does not know (AssignReplicasToDirs, KIP-858).
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "cluster/broker_lifecycle.h"
#include "cluster/controller_channel.h"
#include "cluster/image_publisher.h"

namespace semel::cluster {

/// Everything on executor 0. Borrows its arguments; stop() before they go.
class DirectoryReporter final : public ImageListener {
 public:
  /// At most this many replicas in one request, as Kafka.
  static constexpr size_t kReplicasPerRequest = 2250;
  /// Where a replica lies; nothing if this broker does not have it.
  using DirectoryOf = std::function<std::optional<DirectoryId>(const TopicPartition&)>;

  DirectoryReporter(rt::Executor& home, ControllerChannel& channel,
                    const BrokerLifecycle& lifecycle, BrokerId self, DirectoryOf directory_of);
  ~DirectoryReporter() override;

  /// Looks at every replica of `image`.
  void start(const ImagePtr& image);
  /// Must be told after whoever makes the replicas.
  void on_image(const ImageChange& change) override;
  void stop();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace semel::cluster
