#include "broker/directories.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cluster/features.h"
#include "cluster/format.h"
#include "cluster/snapshot_file.h"
#include "log/meta_properties.h"
#include "log/small_files.h"

namespace semel::broker {
namespace {

using cluster::DirectoryState;

struct Found {
  std::string path;
  DirectoryState state = DirectoryState::kMissing;
  std::optional<log::MetaProperties> properties;

  bool is_formatted() const { return state == DirectoryState::kFormatted; }
};

Result<Found> look_at(rt::Disk& disk, const std::string& path) {
  Found found{path, {}, {}};
  SEMEL_TRY(found.state, cluster::directory_state(disk, path));
  if (found.is_formatted()) {
    SEMEL_TRY(found.properties, log::read_meta_properties(disk, path));
  }
  return found;
}

class Preparation {
 public:
  Preparation(rt::Runtime& runtime, const Config& config) : runtime_(runtime), config_(config) {}

  Result<Identity> run() {
    for (const std::string& path : config_.log_dirs) {
      SEMEL_TRY(Found found, look_at(*runtime_.disk, path));
      logs_.push_back(std::move(found));
    }
    SEMEL_TRY(metadata_, look_at(*runtime_.disk, config_.metadata_dir));
    SEMEL_CHECK(refuse_foreign());
    SEMEL_CHECK(identify());
    SEMEL_CHECK(config_.roles == Roles::kEmbedded ? prepare_embedded() : require_formatted());
    return read_back();
  }

 private:
  bool is_combined() const { return config_.roles == Roles::kCombined; }

  Result<void> refuse_foreign() const {
    for (const Found* found : all())
      if (found->state == DirectoryState::kForeign)
        return fail(
            ErrorCode::kInvalidConfig,
            fmt::format(
                "{} is not empty and holds no meta.properties, so it is no log directory of "
                "semel or Kafka; nothing was changed; give an empty directory or the right one",
                found->path));
    return {};
  }

  /// Cluster id and node id of what is formatted; all must agree with each other and with the
  /// settings.
  Result<void> identify() {
    for (const Found* found : all()) {
      if (!found->is_formatted()) continue;
      const log::MetaProperties& is = *found->properties;
      if (identity_.cluster_id.empty()) identity_.cluster_id = is.cluster_id;
      if (is.cluster_id != identity_.cluster_id)
        return fail(
            ErrorCode::kInconsistentClusterId,
            fmt::format(
                "{} belongs to cluster {}, the other directories to cluster {}; nothing was "
                "changed; start with directories of one cluster",
                found->path, is.cluster_id, identity_.cluster_id));
    }
    identity_.broker = config_.node_id;
    if (!config_.node_id_is_given) adopt_node_id();
    identity_.controller =
        is_combined() ? identity_.broker : BrokerId{identity_.broker.value + kControllerIdOffset};
    for (const Found& found : logs_) SEMEL_CHECK(check_node_id(found, identity_.broker));
    return check_node_id(metadata_, identity_.controller);
  }

  void adopt_node_id() {
    for (const Found& found : logs_)
      if (found.is_formatted() && found.properties->node_id) {
        identity_.broker = *found.properties->node_id;
        return;
      }
    if (metadata_.is_formatted() && metadata_.properties->node_id)
      identity_.broker = BrokerId{metadata_.properties->node_id->value - kControllerIdOffset};
  }

  static Result<void> check_node_id(const Found& found, BrokerId wanted) {
    if (!found.is_formatted() || found.properties->node_id.value_or(wanted) == wanted) return {};
    return fail(
        ErrorCode::kInvalidConfig,
        fmt::format(
            "{} belongs to node {}, and this process would be node {}; nothing was changed; set "
            "node.id to the directory's, or give another directory",
            found.path, found.properties->node_id->value, wanted.value));
  }

  Result<void> require_formatted() const {
    for (const Found* found : all())
      if (!found->is_formatted())
        return fail(
            ErrorCode::kInvalidConfig,
            fmt::format(
                "{} is not formatted; run kafka-storage.sh format --standalone -t "
                "$(kafka-storage.sh random-uuid) -c FILE first, or leave process.roles out and "
                "semel formats empty directories by itself",
                found->path));
    return {};
  }

  Result<void> prepare_embedded() {
    const bool any_log =
        std::any_of(logs_.begin(), logs_.end(), [](const Found& f) { return f.is_formatted(); });
    // Where the controller's own directory is there, it is the copy that a broker process of Kafka
    // keeps.
    for (const Found& found : logs_)
      if (found.is_formatted() && !metadata_.is_formatted() &&
          runtime_.disk->exists(found.path + "/" + std::string(cluster::kMetadataFolder)))
        return fail(
            ErrorCode::kInvalidConfig,
            fmt::format(
                "{} holds a metadata log of its own (Kafka's combined layout); start it with "
                "process.roles=broker,controller and the node.id it was formatted with",
                found.path));
    if (any_log && !metadata_.is_formatted())
      return fail(
          ErrorCode::kInvalidConfig,
          fmt::format(
              "{} is missing or empty, but {} holds a broker's logs: without the cluster's "
              "metadata "
              "their topics are unknown; nothing was changed; restore the directory or correct "
              "metadata.log.dir",
              metadata_.path, first_formatted_log()));
    if (!metadata_.is_formatted()) {
      identity_.is_new = true;
      identity_.cluster_id = runtime_.random->uuid().to_text();
      SEMEL_CHECK(format(identity_.controller, {metadata_.path}, metadata_.path));
    }
    std::vector<std::string> empty;
    for (const Found& found : logs_)
      if (!found.is_formatted()) empty.push_back(found.path);
    if (empty.empty()) return {};
    return format(identity_.broker, empty, {});
  }

  std::string first_formatted_log() const {
    for (const Found& found : logs_)
      if (found.is_formatted()) return found.path;
    return {};
  }

  Result<void> format(BrokerId node, std::vector<std::string> directories,
                      const std::string& metadata) {
    cluster::FormatPlan plan;
    plan.cluster_id = identity_.cluster_id;
    plan.node_id = node;
    plan.directories = std::move(directories);
    plan.metadata_directory = metadata;
    plan.features = cluster::default_feature_levels();
    if (!metadata.empty())
      plan.standalone = std::vector<quorum::VoterEndpoint>{controller_endpoint()};
    return cluster::format_directories(runtime_, plan);
  }

  quorum::VoterEndpoint controller_endpoint() const {
    if (config_.controller_listener)
      return {config_.controller_listener->name, config_.controller_listener->advertised.host,
              config_.controller_listener->advertised.port};
    return {"CONTROLLER", "localhost", 9093};
  }

  Result<Identity> read_back() {
    SEMEL_TRY(const auto properties, log::read_meta_properties(*runtime_.disk, metadata_.path));
    if (properties && properties->directory_id)
      identity_.metadata_directory = *properties->directory_id;
    SEMEL_CHECK(read_bootstrap());
    identity_.previous_epoch = BrokerEpoch{common_shutdown_epoch()};
    return identity_;
  }

  /// The default levels, where there is no such file (Kafka 4.4 writes none).
  Result<void> read_bootstrap() {
    const std::string path = metadata_.path + "/" + std::string(cluster::kBootstrapCheckpoint);
    if (!runtime_.disk->exists(path)) {
      identity_.bootstrap = cluster::bootstrap_records(cluster::default_feature_levels(), {});
      return {};
    }
    SEMEL_TRY(const auto bytes, cluster::load_snapshot_file(*runtime_.disk, path));
    const auto facts =
        cluster::read_snapshot(bytes.span(), [this](const cluster::VersionedRecord& record) {
          identity_.bootstrap.push_back(record);
          return Result<void>{};
        });
    if (!facts) return fail(facts.error(), path);
    return {};
  }

  /// −1 unless every log directory was closed in order in the same epoch.
  int64_t common_shutdown_epoch() const {
    std::optional<int64_t> common;
    for (const Found& found : logs_) {
      const auto epoch = log::read_clean_shutdown(*runtime_.disk, found.path);
      if (!epoch || (common && *common != *epoch)) return -1;
      common = epoch;
    }
    return common.value_or(-1);
  }

  std::vector<const Found*> all() const {
    std::vector<const Found*> all{&metadata_};
    for (const Found& found : logs_)
      if (found.path != metadata_.path) all.push_back(&found);
    return all;
  }

  rt::Runtime& runtime_;
  const Config& config_;
  std::vector<Found> logs_;
  Found metadata_;
  Identity identity_;
};

}  // namespace

Result<Identity> prepare_directories(rt::Runtime& runtime, const Config& config) {
  return Preparation(runtime, config).run();
}

}  // namespace semel::broker
