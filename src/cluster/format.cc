#include "cluster/format.h"

#include <algorithm>

#include <fmt/format.h>

#include "cluster/features.h"
#include "cluster/snapshot_file.h"
#include "log/meta_properties.h"

namespace semel::cluster {
namespace {

VersionedRecord feature_level(std::string_view name, int16_t level) {
  gen::FeatureLevelRecord record;
  record.name = name;
  record.feature_level = level;
  return {record, 0};
}

Result<void> write_durably(rt::Disk& disk, const std::string& path, const bytes::Buffer& content) {
  SEMEL_TRY(const auto file, disk.open(path, rt::OpenMode::kCreate));
  SEMEL_CHECK(file->truncate(0));
  const bytes::ByteSpan parts[] = {content.span()};
  SEMEL_CHECK(file->pwritev(0, parts));
  return file->sync();
}

Result<void> write_zero_checkpoint(rt::Runtime& runtime, const FormatPlan& plan,
                                   const DirectoryId& directory_id) {
  const std::string folder = plan.metadata_directory + "/" + std::string(kMetadataFolder);
  SEMEL_CHECK(rt::make_durable_directories(*runtime.disk, folder));
  quorum::Voter voter;
  voter.id = plan.node_id.value;
  voter.directory = directory_id;
  voter.endpoints = *plan.standalone;
  SnapshotContent content;
  content.epoch = LeaderEpoch{0};
  content.kraft_version = plan.features.at(std::string(kKraftVersion));
  content.voters = std::vector<quorum::Voter>{voter};
  const bytes::Buffer bytes = build_snapshot(content, runtime.clock->unix_ms());
  SEMEL_CHECK(write_durably(*runtime.disk, folder + "/" + std::string(kZeroCheckpoint), bytes));
  return runtime.disk->sync_directory(folder);
}

Result<void> format_one(rt::Runtime& runtime, const FormatPlan& plan,
                        const std::string& directory) {
  rt::Disk& disk = *runtime.disk;
  SEMEL_CHECK(rt::make_durable_directories(disk, directory));
  const DirectoryId id = runtime.random->uuid();
  SnapshotContent bootstrap;
  bootstrap.epoch = LeaderEpoch{0};
  bootstrap.records = bootstrap_records(plan.features, plan.more_records);
  const bytes::Buffer bytes = build_snapshot(bootstrap, runtime.clock->unix_ms());
  SEMEL_CHECK(write_durably(disk, directory + "/" + std::string(kBootstrapCheckpoint), bytes));
  if (plan.standalone && directory == plan.metadata_directory)
    SEMEL_CHECK(write_zero_checkpoint(runtime, plan, id));
  const log::MetaProperties properties{1, plan.node_id, plan.cluster_id, id};
  return log::write_meta_properties(disk, directory, properties, runtime.clock->unix_ms());
}

}  // namespace

std::map<std::string, int16_t, std::less<>> default_feature_levels() {
  std::map<std::string, int16_t, std::less<>> levels;
  for (const Feature& feature : known_features())
    levels[std::string(feature.name)] = feature.default_level;
  return levels;
}

Records bootstrap_records(const std::map<std::string, int16_t, std::less<>>& features,
                          const Records& more) {
  Records records;
  const auto version = features.find("metadata.version");
  if (version != features.end()) records.push_back(feature_level(version->first, version->second));
  for (const auto& [name, level] : features)
    if (name != "metadata.version" && name != kKraftVersion && level > 0)
      records.push_back(feature_level(name, level));
  records.insert(records.end(), more.begin(), more.end());
  return records;
}

namespace {

/// True if the metadata folder holds more than what formatting puts there.
Result<bool> has_metadata_log(rt::Disk& disk, const std::string& directory) {
  const std::string folder = directory + "/" + std::string(kMetadataFolder);
  if (!disk.exists(folder)) return false;
  SEMEL_TRY(const auto entries, disk.list(folder));
  return std::any_of(entries.begin(), entries.end(),
                     [](const rt::DirectoryEntry& entry) { return entry.name != kZeroCheckpoint; });
}

}  // namespace

Result<DirectoryState> directory_state(rt::Disk& disk, const std::string& directory) {
  if (!disk.exists(directory)) return DirectoryState::kMissing;
  SEMEL_TRY(const auto entries, disk.list(directory));
  const auto is = [&](std::string_view name) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const auto& e) { return e.name == name; });
  };
  if (is(log::kMetaPropertiesName)) {
    SEMEL_TRY(const auto properties, log::read_meta_properties(disk, directory));
    return properties ? DirectoryState::kFormatted : DirectoryState::kEmpty;
  }
  SEMEL_TRY(const bool holds_log, has_metadata_log(disk, directory));
  if (holds_log) return DirectoryState::kForeign;
  // What an interrupted format leaves behind is not foreign: it is written again.
  const bool is_empty =
      std::all_of(entries.begin(), entries.end(), [](const rt::DirectoryEntry& entry) {
        return entry.name == ".lock" || entry.name == "lost+found" ||
               entry.name == kBootstrapCheckpoint || entry.name == kMetadataFolder ||
               entry.name == "meta.properties.tmp";
      });
  return is_empty ? DirectoryState::kEmpty : DirectoryState::kForeign;
}

Result<void> format_directories(rt::Runtime& runtime, const FormatPlan& plan) {
  for (const std::string& directory : plan.directories) {
    SEMEL_TRY(const DirectoryState state, directory_state(*runtime.disk, directory));
    if (state == DirectoryState::kFormatted)
      return fail(ErrorCode::kInvalidConfig, directory + " is formatted already");
    if (state == DirectoryState::kForeign)
      return fail(
          ErrorCode::kInvalidConfig,
          directory + " is not empty and holds no meta.properties; give an empty directory");
  }
  for (const std::string& directory : plan.directories)
    SEMEL_CHECK(format_one(runtime, plan, directory));
  return {};
}

}  // namespace semel::cluster
