#include "cluster/metadata_log.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "cluster/format.h"
#include "cluster/image_delta.h"
#include "rt/guarded.h"

namespace semel::cluster {
namespace {

constexpr std::string_view kQuorumState = "quorum-state";
constexpr uint64_t kQuorumStateMax = 1 << 20;
constexpr size_t kReadBytes = 8u << 20;

/// Replays what stands behind the snapshot.
class LogReplayer final : public BatchVisitor {
 public:
  LogReplayer(ImagePtr base, MetadataContent& content)
      : delta(std::move(base)), content_(content) {}

  Result<void> on_record(const RecordPlace& place, const VersionedRecord& record) override {
    last = place;
    if (const auto* broker = std::get_if<gen::RegisterBrokerRecord>(&record.body))
      content_.registered_at[BrokerId{broker->broker_id}] = place.offset;
    return delta.replay(record);
  }
  Result<void> on_control(const RecordPlace& place, const ControlRecord& record) override {
    last = place;
    if (const auto* version = std::get_if<KraftVersion>(&record)) {
      content_.facts.kraft_version = version->version;
      delta.replay_kraft_version(version->version);
    }
    if (const auto* voters = std::get_if<KraftVoters>(&record)) {
      content_.facts.voters = voters->voters;
      content_.facts.voters_are_in_log = true;
    }
    return {};
  }

  ImageDelta delta;
  RecordPlace last{Offset{-1}, LeaderEpoch{0}, -1};

 private:
  MetadataContent& content_;
};

log::LogConfig to_log_config(const MetadataLogConfig& config) {
  log::LogConfig result;
  result.segment_bytes = config.segment_bytes;
  result.segment_ms = config.segment_ms;
  result.retention_ms = -1;
  result.retention_bytes = -1;
  result.deletes = false;
  result.file_delete_delay_ms = config.delete_delay_ms;
  return result;
}

Result<quorum::ElectionState> read_election(rt::Disk& disk, const std::string& folder) {
  const std::string path = folder + "/" + std::string(kQuorumState);
  if (!disk.exists(path)) return quorum::ElectionState{};
  SEMEL_TRY(const bytes::Buffer text, rt::read_file(disk, path, kQuorumStateMax));
  auto state = quorum::parse_election_state(text.text());
  if (!state) return fail(state.error(), path);
  return state;
}

/// Pieces of snapshots that were being written when the process died.
void remove_leftovers(rt::Disk& disk, const std::string& folder) {
  const auto entries = disk.list(folder);
  if (!entries) return;
  for (const rt::DirectoryEntry& entry : *entries) {
    const std::string_view name = entry.name;
    if (!name.ends_with(".checkpoint.part") && !name.ends_with(".checkpoint.deleted")) continue;
    if (const auto removed = disk.remove(folder + "/" + entry.name); !removed)
      log_warn("cluster", "{}/{} could not be removed: {}", folder, name, removed.error().context);
  }
}

}  // namespace

struct MetadataLog::Parts {
  explicit Parts(rt::Runtime& r)
      : runtime(r),
        health([this](const Error& why) { failure.with([&](auto& value) { value = why; }); }),
        context{.disk = *r.disk,
                .clock = *r.clock,
                .random = *r.random,
                .health = health,
                .producers = {},
                .monotonic_to_unix_ms = r.clock->unix_ms() - r.clock->now().ns / 1'000'000} {}

  rt::Runtime& runtime;
  rt::Guarded<std::optional<Error>> failure;
  log::DirectoryHealth health;
  log::LogContext context;
  std::unique_ptr<log::Log> log;
  std::vector<quorum::LogPoint> snapshots;  // ascending
};

MetadataLog::MetadataLog(std::unique_ptr<Parts> parts, const MetadataLogConfig& config)
    : parts_(std::move(parts)), config_(config) {}
MetadataLog::~MetadataLog() = default;

Result<std::unique_ptr<MetadataLog>> MetadataLog::open(rt::Runtime& runtime,
                                                       const std::string& directory,
                                                       const MetadataLogConfig& config) {
  std::unique_ptr<MetadataLog> result(new MetadataLog(std::make_unique<Parts>(runtime), config));
  Parts& parts = *result->parts_;
  result->folder_ = directory + "/" + std::string(kMetadataFolder);
  if (!runtime.disk->exists(result->folder_))
    SEMEL_CHECK(rt::make_durable_directories(*runtime.disk, result->folder_));
  remove_leftovers(*runtime.disk, result->folder_);
  SEMEL_TRY(parts.snapshots, list_snapshots(*runtime.disk, result->folder_));
  log::LoadHints hints;
  if (!parts.snapshots.empty()) hints.recovery_point = parts.snapshots.back().end;
  const TopicPartition name{"__cluster_metadata", PartitionIndex{0}};
  SEMEL_TRY(parts.log,
            log::Log::open(parts.context, name, result->folder_, to_log_config(config), hints));
  if (!parts.log->topic_id()) SEMEL_CHECK(parts.log->set_topic_id(kMetadataTopicId));
  return result;
}

Result<std::optional<quorum::LogPoint>> MetadataLog::load_snapshot(MetadataContent& content) {
  rt::Disk& disk = *parts_->runtime.disk;
  for (auto point = parts_->snapshots.rbegin(); point != parts_->snapshots.rend(); ++point) {
    const std::string path = folder_ + "/" + snapshot_name(*point);
    ImageDelta delta(std::make_shared<const MetadataImage>());
    SEMEL_TRY(const bytes::Buffer file, load_snapshot_file(disk, path));
    const auto facts = read_snapshot(
        file.span(), [&](const VersionedRecord& record) { return delta.replay(record); });
    if (!facts && facts.error().code == ErrorCode::kUnsupportedVersion)
      return fail(facts.error(), path);
    if (!facts) {
      log_warn("cluster", "{} is not used: {}", path, facts.error().context);
      continue;
    }
    content.facts.kraft_version = facts->kraft_version.value_or(0);
    content.facts.voters = facts->voters.value_or(std::vector<quorum::Voter>{});
    if (facts->kraft_version) delta.replay_kraft_version(*facts->kraft_version);
    content.image = delta.finish(point->end - 1, point->epoch).after;
    content.facts.voters_are_in_log = point->end.value > 0 && facts->voters.has_value();
    return *point;
  }
  return std::nullopt;
}

Result<void> MetadataLog::load_log(MetadataContent& content) {
  log::Log& log = *parts_->log;
  LogReplayer replayer(content.image, content);
  Offset at = std::max(log.log_start(), content.image->last_offset + 1);
  while (at < log.log_end()) {
    SEMEL_TRY(const bytes::Buffer region, log.read_bytes(at, kReadBytes, log.log_end(), true));
    content.bytes_behind_snapshot += region.size();
    auto next = read_batches(region.span(), at, replayer);
    if (!next) return fail(next.error(), folder_);
    if (*next <= at)
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("{}: nothing can be read at offset {}", folder_, at.value));
    at = *next;
  }
  content.has_open_transaction = replayer.delta.is_in_transaction();
  if (replayer.last.offset >= Offset{0})
    content.image = replayer.delta.finish(at - 1, replayer.last.epoch).after;
  return {};
}

namespace {

/// From the newest epoch down to the one that holds the log's start.
std::vector<quorum::EpochStart> epochs_of(const log::Log& log) {
  std::vector<quorum::EpochStart> epochs;
  LeaderEpoch epoch = log.latest_epoch();
  while (epoch.value >= 0) {
    const log::EpochEndOffset before = log.end_offset_for_epoch(LeaderEpoch{epoch.value - 1});
    const Offset start = before.end_offset < log.log_start() ? log.log_start() : before.end_offset;
    epochs.push_back({epoch, start});
    if (start <= log.log_start() || before.epoch >= epoch) break;
    epoch = before.epoch;
  }
  std::ranges::reverse(epochs);
  return epochs;
}

}  // namespace

Result<MetadataContent> MetadataLog::load() {
  MetadataContent content;
  content.image = std::make_shared<const MetadataImage>();
  SEMEL_TRY(content.election, read_election(*parts_->runtime.disk, folder_));
  SEMEL_TRY(const auto snapshot, load_snapshot(content));
  log::Log& log = *parts_->log;
  if (snapshot && snapshot->end > log.log_end()) {
    log_warn("cluster", "{} ends at {}, before its newest snapshot at {}: it starts again there",
             folder_, log.log_end().value, snapshot->end.value);
    SEMEL_CHECK(log.reset_to(snapshot->end));
  }
  const Offset needed = content.image->last_offset + 1;
  if (log.log_start() > needed)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} starts at offset {}, but no whole snapshot reaches that far (the "
                            "newest ends at {}). "
                            "Try: restore the missing .checkpoint file",
                            folder_, log.log_start().value, needed.value));
  SEMEL_CHECK(load_log(content));
  content.facts.start = log.log_start();
  content.facts.end = log.log_end();
  content.facts.epochs = epochs_of(log);
  std::erase_if(parts_->snapshots,
                [](const quorum::LogPoint& point) { return point.end.value == 0; });
  if (!parts_->snapshots.empty()) {
    content.facts.oldest_snapshot = parts_->snapshots.front();
    content.facts.latest_snapshot = parts_->snapshots.back();
  }
  return content;
}

Result<void> MetadataLog::append(const bytes::Buffer& batch) {
  auto appended = parts_->log->append_as_follower(batch.span());
  if (!appended) return fail(appended.error(), folder_);
  return {};
}

Offset MetadataLog::end() const { return parts_->log->log_end(); }
Offset MetadataLog::start() const { return parts_->log->log_start(); }
Offset MetadataLog::flushed_end() const { return parts_->log->flushed_end(); }

Result<void> MetadataLog::flush() { return parts_->log->flush(); }

Result<void> MetadataLog::save_election(const quorum::ElectionState& election,
                                        int16_t kraft_version) {
  const std::string text = quorum::to_text(election, kraft_version >= 1 ? 1 : 0);
  return rt::replace_file(*parts_->runtime.disk, folder_ + "/" + std::string(kQuorumState),
                          bytes::as_bytes(text));
}

Result<bytes::Buffer> MetadataLog::read(Offset from, size_t max_bytes, Offset limit) {
  return parts_->log->read_bytes(from, max_bytes, limit, true);
}

Result<SnapshotPiece> MetadataLog::read_snapshot_piece(quorum::LogPoint point, int64_t position,
                                                       size_t max_bytes) {
  const auto at = std::ranges::find(parts_->snapshots, point);
  if (at == parts_->snapshots.end())
    return fail(ErrorCode::kSnapshotNotFound, snapshot_name(point) + " is not here");
  SEMEL_TRY(const auto file,
            parts_->runtime.disk->open(folder_ + "/" + snapshot_name(point), rt::OpenMode::kRead));
  SEMEL_TRY(const uint64_t size, file->size());
  if (position < 0 || static_cast<uint64_t>(position) >= size)
    return fail(ErrorCode::kPositionOutOfRange,
                fmt::format("position {} of {} bytes", position, size));
  std::vector<std::byte> bytes(
      std::min<uint64_t>(max_bytes, size - static_cast<uint64_t>(position)));
  SEMEL_TRY(const size_t count, file->pread(static_cast<uint64_t>(position), bytes));
  bytes.resize(count);
  return SnapshotPiece{bytes::Buffer::take(std::move(bytes)), static_cast<int64_t>(size)};
}

Result<void> MetadataLog::write_snapshot(quorum::LogPoint point, const SnapshotContent& content) {
  rt::Disk& disk = *parts_->runtime.disk;
  const std::string path = folder_ + "/" + snapshot_name(point);
  const std::string part = path + ".part";
  const bytes::Buffer bytes = build_snapshot(content, parts_->runtime.clock->unix_ms());
  SEMEL_TRY(const auto file, disk.open(part, rt::OpenMode::kCreate));
  SEMEL_CHECK(file->truncate(0));
  const bytes::ByteSpan pieces[] = {bytes.span()};
  SEMEL_CHECK(file->pwritev(0, pieces));
  SEMEL_CHECK(file->sync());
  SEMEL_CHECK(disk.rename(part, path));
  return disk.sync_directory(folder_);
}

quorum::LogPoint MetadataLog::add_snapshot(quorum::LogPoint point) {
  parts_->snapshots.push_back(point);
  return parts_->snapshots.front();
}

const std::vector<quorum::LogPoint>& MetadataLog::snapshots() const { return parts_->snapshots; }

Result<bool> MetadataLog::is_oldest_due(const std::vector<quorum::LogPoint>& snapshots,
                                        int64_t now_ms) const {
  if (snapshots.size() < 2) return false;
  rt::Disk& disk = *parts_->runtime.disk;
  uint64_t bytes = parts_->log->size_bytes();
  for (const quorum::LogPoint& point : snapshots) {
    SEMEL_TRY(const rt::DirectoryEntry entry, disk.stat(folder_ + "/" + snapshot_name(point)));
    bytes += entry.size;
  }
  if (config_.retention_bytes >= 0 && bytes > static_cast<uint64_t>(config_.retention_bytes))
    return true;
  if (config_.retention_ms < 0) return false;
  SEMEL_TRY(const int64_t newest_record,
            read_snapshot_time(disk, folder_ + "/" + snapshot_name(snapshots.front())));
  return now_ms - newest_record > config_.retention_ms;
}

Result<quorum::LogPoint> MetadataLog::forget_oldest_snapshot() {
  SEMEL_ASSERT(parts_->snapshots.size() >= 2, "the newest snapshot stays");
  const Offset start = parts_->snapshots[1].end;
  log::Log& log = *parts_->log;
  // A snapshot holds committed records only.
  log.set_high_watermark(std::max(log.high_watermark(), start));
  SEMEL_CHECK(log.delete_records_before(start));
  const quorum::LogPoint forgotten = parts_->snapshots.front();
  parts_->snapshots.erase(parts_->snapshots.begin());
  return forgotten;
}

Result<void> MetadataLog::remove_before_start(quorum::LogPoint forgotten) {
  rt::Disk& disk = *parts_->runtime.disk;
  SEMEL_CHECK(disk.remove(folder_ + "/" + snapshot_name(forgotten)));
  SEMEL_TRY(const size_t segments, parts_->log->retention_pass(parts_->runtime.clock->unix_ms()));
  log_info("cluster", "{}: {} and {} segments below offset {} are deleted", folder_,
           snapshot_name(forgotten), segments, start().value);
  return disk.sync_directory(folder_);
}

void MetadataLog::remove_retired() {
  std::ignore = parts_->log->remove_retired(parts_->runtime.clock->now().ns / 1'000'000);
}

Result<void> MetadataLog::close_clean() { return parts_->log->close_clean(); }

std::optional<Error> MetadataLog::failure() const {
  return parts_->failure.with([](const auto& value) { return value; });
}

}  // namespace semel::cluster
