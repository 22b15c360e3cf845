// MetadataFollower: follows `__cluster_metadata` by Fetch (and FetchSnapshot) as KRaft observers
// do, and publishes an image for every committed step (KIP-595, KIP-630). Keeps no log of its own.
//
// Only records below the high watermark are replayed; nothing is published inside a metadata
// transaction. A record that cannot be understood or applied is fatal: `on_fatal` is called once
// and the follower stops.
#pragma once

#include <memory>

#include "cluster/image_publisher.h"
#include "cluster/peer_channel.h"
#include "rt/executor.h"
#include "rt/function.h"
#include "rt/task.h"

namespace semel::cluster {

struct FollowerSettings {
  std::string cluster_id;
  int32_t replica_id = -1;  // node id of the follower
  DirectoryId directory;    // its directory id, told to the leader
  rt::Duration max_wait = std::chrono::milliseconds(500);
};

class MetadataFollower {
 public:
  /// `home` is executor 0. `open` must lead to the leader of the quorum.
  MetadataFollower(rt::Executor& home, OpenStream open, ImagePublisher& images,
                   FollowerSettings settings, rt::UniqueFunction<void(const Error&)> on_fatal);
  ~MetadataFollower();

  /// On `home`, once.
  void start();
  /// On `home`: no image is published any more after it returned.
  void stop();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace semel::cluster
