// Who a process is, by its directories: cluster id and node ids from meta.properties, or made now
// for empty directories.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "broker/config.h"
#include "cluster/metadata_record.h"
#include "rt/runtime.h"

namespace semel::broker {

/// The embedded controller is a node of its own; its id is the broker's plus this.
inline constexpr int32_t kControllerIdOffset = 1000;

struct Identity {
  std::string cluster_id;
  BrokerId broker;
  BrokerId controller;             // equal to broker in combined mode
  DirectoryId metadata_directory;  // directory.id of the metadata directory
  BrokerEpoch previous_epoch{-1};  // from .kafka_cleanshutdown, before it is taken away
  cluster::Records bootstrap;  // of bootstrap.checkpoint: what an empty metadata log begins with
  bool is_new = false;         // formatted just now
};

/// Checks every directory of `config` and, for the embedded layout, formats empty ones: all of them
/// at once for a new node, or a log directory that was added. Nothing is written before everything
/// was checked. Blocks. Errors (kInvalidConfig, kInconsistentClusterId) name the directory, what it
/// holds, what was wanted and what to try.
Result<Identity> prepare_directories(rt::Runtime& runtime, const Config& config);

}  // namespace semel::broker
