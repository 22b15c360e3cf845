// Appender: how a coordinator writes to a partition that this broker leads, without knowing
// replicas.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "rt/executor.h"
#include "rt/function.h"

namespace semel::log {

class Appender {
 public:
  /// Called once: the base offset of the batch once it is committed (below the high watermark), or
  /// why it is not. kRequestTimedOut and kNotEnoughReplicasAfterAppend leave open whether it was
  /// appended.
  using Done = rt::UniqueFunction<void(Result<Offset> base_offset)>;

  virtual ~Appender() = default;
  /// Appends one whole v2 batch (base offset and leader epoch are stamped) with acks=all. Batches
  /// of one caller to one partition are appended in the order of the calls. `done` runs on `back`.
  /// Fails with kNotLeaderOrFollower if this broker does not lead `partition` in `expected` epoch.
  virtual void append(const TopicPartition& partition, LeaderEpoch expected, bytes::Buffer batch,
                      rt::Executor& back, Done done) = 0;
};

}  // namespace semel::log
