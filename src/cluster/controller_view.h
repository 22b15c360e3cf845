// What the controller's decisions look at. A decision is a pure function of the image (everything
// that was appended, committed or not), the settings and a request; its result is the records to
// append and the answer to give once they are committed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/config_schema.h"
#include "cluster/features.h"
#include "cluster/image.h"
#include "cluster/metadata_record.h"
#include "rt/random.h"

namespace semel::cluster {

struct ControllerSettings {
  int32_t node_id = -1;
  std::string cluster_id;           // 22 characters
  Uuid incarnation_id;              // fresh per process
  std::vector<Endpoint> endpoints;  // of the controller listeners
  std::map<std::string, LevelRange> features = controller_features();
  ConfigMap static_configs;        // server.properties: defaults of topic settings
  int32_t default_partitions = 1;  // num.partitions
  int16_t default_replication_factor = 1;
  int64_t session_timeout_ms = 9000;  // broker.session.timeout.ms
  Records bootstrap;                  // written into an empty log
};

/// Borrowed for the decision.
struct ControllerView {
  const MetadataImage& image;
  const ControllerSettings& settings;
  rt::Random& random;

  MetadataVersion version() const { return MetadataVersion{image.metadata_version()}; }
  bool has_elr() const { return version().has_elr() && image.feature_level(kElrVersion) >= 1; }
  ConfigLayers topic_layers(const ConfigMap* topic) const;
  /// Of a topic that exists.
  int64_t min_insync_replicas(std::string_view topic) const;
  bool allows_unclean_election(std::string_view topic) const;
};

template <class Response>
struct Decision {
  Response response;
  Records records;  // one atomic batch; empty = nothing changes
};

}  // namespace semel::cluster
