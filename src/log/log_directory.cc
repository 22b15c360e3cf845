#include "log/log_directory.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/meta_properties.h"
#include "log/small_files.h"

namespace semel::log {
namespace {

int64_t monotonic_to_unix_ms(const rt::Clock& clock) {
  return clock.unix_ms() - clock.now().ns / 1'000'000;
}

}  // namespace

LogDirectory::LogDirectory(rt::Runtime& runtime, std::string path,
                           const ProducerStateConfig& producers,
                           DirectoryHealth::OnFailure on_failure, WantsFlush wants_flush)
    : runtime_(runtime),
      path_(std::move(path)),
      health_(std::move(on_failure)),
      pace_(*runtime.clock, *runtime.disk, path_),
      context_{.disk = *runtime.disk,
               .clock = *runtime.clock,
               .random = *runtime.random,
               .health = health_,
               .producers = producers,
               .care = this,
               .pace = &pace_,
               .plants = runtime.plants,
               .monotonic_to_unix_ms = monotonic_to_unix_ms(*runtime.clock)},
      wants_flush_(std::move(wants_flush)) {}

Result<void> LogDirectory::open(const LogManagerConfig& config) {
  rt::Disk& disk = *runtime_.disk;
  if (!disk.exists(path_)) SEMEL_CHECK(rt::make_durable_directories(disk, path_));
  SEMEL_TRY(lock_, disk.lock(path_of(kLockName)));
  SEMEL_TRY(filesystem_, disk.filesystem_id(path_));
  SEMEL_CHECK(check_identity(config));
  SEMEL_CHECK(take_clean_marker());
  return list_partitions();
}

Result<void> LogDirectory::check_identity(const LogManagerConfig& config) {
  rt::Disk& disk = *runtime_.disk;
  SEMEL_TRY(auto meta, read_meta_properties(disk, path_));
  const int64_t now_ms = runtime_.clock->unix_ms();
  if (!meta) {
    if (!config.formats_new_directories) {
      return fail(ErrorCode::kInvalidConfig,
                  fmt::format("{} has no {}; format it with kafka-storage.sh format", path_,
                              kMetaPropertiesName));
    }
    meta = MetaProperties{.version = 1,
                          .node_id = config.node_id,
                          .cluster_id = config.cluster_id,
                          .directory_id = runtime_.random->uuid()};
    SEMEL_CHECK(write_meta_properties(disk, path_, *meta, now_ms));
  }
  if (meta->node_id && *meta->node_id != config.node_id) {
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} belongs to node {}, this is node {}", path_, meta->node_id->value,
                            config.node_id.value));
  }
  if (!meta->cluster_id.empty() && !config.cluster_id.empty() &&
      meta->cluster_id != config.cluster_id) {
    return fail(ErrorCode::kInconsistentClusterId,
                fmt::format("{} belongs to cluster {}, this is cluster {}", path_, meta->cluster_id,
                            config.cluster_id));
  }
  if (!meta->directory_id && meta->version == 1) {
    meta->directory_id = runtime_.random->uuid();
    SEMEL_CHECK(write_meta_properties(disk, path_, *meta, now_ms));
  }
  id_ = meta->directory_id.value_or(DirectoryId{});
  return {};
}

Result<void> LogDirectory::take_clean_marker() {
  rt::Disk& disk = *runtime_.disk;
  clean_epoch_ = read_clean_shutdown(disk, path_);
  if (!clean_epoch_) return {};
  SEMEL_CHECK(disk.remove(path_of(kCleanShutdownName)));
  return disk.sync_directory(path_);
}

OffsetCheckpoint LogDirectory::read_checkpoint(std::string_view name) const {
  auto offsets = read_offset_checkpoint(*runtime_.disk, path_of(name));
  if (offsets) return std::move(*offsets);
  log_warn("log", "{} is taken as empty", offsets.error().context);
  return {};
}

Result<void> LogDirectory::list_partitions() {
  SEMEL_TRY(const auto entries, runtime_.disk->list(path_));
  const OffsetCheckpoint recovery_points = read_checkpoint(kRecoveryPointName);
  const OffsetCheckpoint log_starts = read_checkpoint(kLogStartName);
  const OffsetCheckpoint high_watermarks = read_checkpoint(kHighWatermarkName);
  const auto offset_in = [](const OffsetCheckpoint& offsets, const TopicPartition& name) {
    const auto at = offsets.find(name);
    const bool is_usable =
        at != offsets.end() && at->second.value >= 0 && at->second.value <= kOffsetMax;
    return is_usable ? at->second : Offset{0};
  };
  const bool has_run =
      was_clean() || std::ranges::any_of(entries, [](const rt::DirectoryEntry& entry) {
        return entry.name == kRecoveryPointName || entry.name == kHighWatermarkName;
      });
  for (const rt::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    const FolderName folder = parse_folder_name(entry.name);
    const std::string path = path_of(entry.name);
    if (folder.kind == FolderKind::kDelete) leftovers_.push_back(path);
    if (folder.kind != FolderKind::kPartition || folder.partition.topic == kMetadataTopic) continue;
    found_.push_back({folder.partition,
                      path,
                      {.was_clean = was_clean(),
                       .recovery_point = offset_in(recovery_points, folder.partition),
                       .log_start = offset_in(log_starts, folder.partition),
                       .high_watermark = offset_in(high_watermarks, folder.partition)}});
  }
  is_new_ = !has_run && found_.empty();
  return {};
}

void LogDirectory::add(std::shared_ptr<Log> log) {
  members_.with([&](Members& members) {
    members.refused.erase(log->name());
    members.logs[log->name()] = std::move(log);
  });
}

void LogDirectory::drop(const TopicPartition& name) {
  members_.with([&](Members& members) {
    members.logs.erase(name);
    members.refused.erase(name);
  });
}

size_t LogDirectory::log_count() const {
  return members_.with([](const Members& members) { return members.logs.size(); });
}

std::vector<std::shared_ptr<Log>> LogDirectory::logs() const {
  return members_.with([](const Members& members) {
    std::vector<std::shared_ptr<Log>> logs;
    logs.reserve(members.logs.size());
    for (const auto& [name, log] : members.logs) logs.push_back(log);
    return logs;
  });
}

void LogDirectory::keep_hints(const TopicPartition& name, const LoadHints& hints,
                              bool waits_for_space) {
  members_.with([&](Members& members) { members.refused[name] = {hints, waits_for_space}; });
}

bool LogDirectory::is_refused(const TopicPartition& name) const {
  return members_.with([&](const Members& members) { return members.refused.contains(name); });
}

std::optional<LoadHints> LogDirectory::waiting_for_space(const TopicPartition& name) const {
  return members_.with([&](const Members& members) -> std::optional<LoadHints> {
    const auto found = members.refused.find(name);
    if (found == members.refused.end() || !found->second.waits_for_space) return std::nullopt;
    return found->second.hints;
  });
}

/// `collect(members, offsets)` fills the file's content.
template <class Collect>
Result<void> LogDirectory::write(std::string_view name, rt::Guarded<std::string>& last,
                                 Collect collect) {
  auto written = last.lock();
  OffsetCheckpoint offsets;
  members_.with([&](const Members& members) { collect(members, offsets); });
  std::string text = format_offset_checkpoint(offsets);
  if (*written == text) return {};
  SEMEL_CHECK(rt::replace_file(*runtime_.disk, path_of(name), bytes::as_bytes(text)));
  *written = std::move(text);
  return {};
}

Result<void> LogDirectory::write_recovery_points() {
  return write(kRecoveryPointName, recovery_points_,
               [](const Members& members, OffsetCheckpoint& offsets) {
                 for (const auto& [name, refused] : members.refused)
                   offsets[name] = refused.hints.recovery_point;
                 for (const auto& [name, log] : members.logs) offsets[name] = log->recovery_point();
               });
}

Result<void> LogDirectory::write_log_starts() {
  return write(kLogStartName, log_starts_, [](const Members& members, OffsetCheckpoint& offsets) {
    for (const auto& [name, refused] : members.refused) {
      const LoadHints& hints = refused.hints;
      if (hints.log_start.value > 0) offsets[name] = hints.log_start;
    }
    for (const auto& [name, log] : members.logs) {
      if (log->log_start() > log->first_base()) offsets[name] = log->log_start();
    }
  });
}

Result<void> LogDirectory::write_high_watermarks() {
  return write(kHighWatermarkName, high_watermarks_,
               [](const Members& members, OffsetCheckpoint& offsets) {
                 for (const auto& [name, refused] : members.refused)
                   offsets[name] = refused.hints.high_watermark;
                 for (const auto& [name, log] : members.logs) offsets[name] = log->high_watermark();
               });
}

Result<void> LogDirectory::write_clean_marker(int64_t broker_epoch) {
  const bool has_refused =
      members_.with([](const Members& members) { return !members.refused.empty(); });
  if (has_refused) return {};
  return rt::replace_file(*runtime_.disk, path_of(kCleanShutdownName),
                          bytes::as_bytes(format_clean_shutdown(broker_epoch)));
}

void LogDirectory::wants_flush(Log& log) { wants_flush_(log.name()); }

void LogDirectory::recovery_point_went_down(Log&) {
  auto written = write_recovery_points();
  if (written) return;
  log_warn("log", "{}: {}", path_, written.error().context);
  if (written.error().cause == Cause::kIo) health_.fail(written.error());
}

}  // namespace semel::log
