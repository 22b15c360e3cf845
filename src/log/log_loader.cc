#include "log/log_loader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "log/checkpoint_file.h"
#include "log/failed_flush.h"
#include "log/file_names.h"
#include "log/producer_replay.h"
#include "log/small_files.h"

namespace semel::log {
namespace {

constexpr std::string_view kSegmentSuffixes[] = {kLogSuffix, kIndexSuffix, kTimeIndexSuffix,
                                                 kTransactionIndexSuffix};
constexpr uint64_t kEpochFileMax = uint64_t{1} << 26;

}  // namespace

LogLoader::LogLoader(LogContext& context, std::string folder, const LogConfig& config,
                     const LoadHints& hints)
    : context_(context),
      folder_(std::move(folder)),
      config_(config),
      hints_(hints),
      snapshots_(context.disk, folder_),
      loaded_(context.producers) {}

Result<LoadedLog> LogLoader::load() {
  SEMEL_CHECK(list_folder());
  SEMEL_CHECK(finish_swaps());
  if (!loaded_.is_new) {
    SEMEL_TRY(loaded_.topic_id, read_partition_metadata(context_.disk, folder_));
  }
  SEMEL_CHECK(load_epochs());
  SEMEL_CHECK(open_segments());
  SEMEL_CHECK(settle_bounds());
  if (has_failed_flush_) {
    SEMEL_CHECK(mend_failed_flush(context_.disk, folder_, loaded_.segments, hints_.recovery_point));
  }
  for (const Offset end : snapshots_.offsets()) loaded_.snapshots.push_back(end);
  loaded_.is_unsynced = loaded_.is_new || !hints_.was_clean || !loaded_.cuts.empty();
  return std::move(loaded_);
}

Result<void> LogLoader::list_folder() {
  auto listed = context_.disk.list(folder_);
  if (!listed && listed.error().cause == Cause::kNotFound) {
    loaded_.is_new = true;
    return context_.disk.make_directories(folder_);
  }
  if (!listed) return fail(std::move(listed.error()));
  for (const rt::DirectoryEntry& entry : *listed) {
    const std::string path = fmt::format("{}/{}", folder_, entry.name);
    const auto base = offset_of_name(entry.name);
    if (entry.name == kFailedFlushName) has_failed_flush_ = true;
    if (entry.is_directory || !base) continue;
    if (entry.name.ends_with(".tmp") ||
        (entry.name.ends_with(kDeletedSuffix) && !entry.name.ends_with(".checkpoint.deleted"))) {
      SEMEL_CHECK(remove_if_there(context_.disk, path));
    } else if (entry.name.ends_with(kCleanedSuffix)) {
      cleaned_min_ = std::min(cleaned_min_.value_or(*base), *base);
      SEMEL_CHECK(remove_if_there(context_.disk, path));
    } else if (entry.name.ends_with(kSwapSuffix)) {
      swaps_.push_back(entry.name);
    } else if (entry.name.ends_with(kSnapshotSuffix)) {
      snapshots_.note(*base);
    } else if (entry.name.ends_with(kLogSuffix)) {
      logs_[*base] = true;
      files_[*base].log_bytes = entry.size;
      files_[*base].modified_ms = entry.modified_ms;
    } else if (entry.name.ends_with(kIndexSuffix)) {
      files_[*base].index_bytes = entry.size;
    } else if (entry.name.ends_with(kTimeIndexSuffix)) {
      files_[*base].time_index_bytes = entry.size;
    } else if (entry.name.ends_with(kTransactionIndexSuffix)) {
      files_[*base].transaction_index_bytes = entry.size;
    }
  }
  return {};
}

Result<Offset> LogLoader::swap_end(Offset base) {
  const std::string path =
      fmt::format("{}/{}{}", folder_, file_name(base, kLogSuffix), kSwapSuffix);
  SEMEL_TRY(auto file, context_.disk.open(path, rt::OpenMode::kRead));
  SEMEL_TRY(const uint64_t size, file->size());
  BatchWalker walker(*file, 0, size);
  Offset end = base;
  while (true) {
    SEMEL_TRY(const auto place, walker.next());
    if (!place) return end;
    end = place->last_offset + 1;
  }
}

/// A complete `.swap` replaces the segments in its range; one whose output was still being written
/// (a `.cleaned` beside it at or below its base) never came to be.
Result<void> LogLoader::finish_swaps() {
  if (swaps_.empty()) return {};
  Offset low{INT64_MAX};
  Offset high{INT64_MIN};
  std::vector<std::string> complete;
  for (const std::string& name : swaps_) {
    const Offset base = *offset_of_name(name);
    if (cleaned_min_ && base >= *cleaned_min_) {
      SEMEL_CHECK(remove_if_there(context_.disk, fmt::format("{}/{}", folder_, name)));
      continue;
    }
    complete.push_back(name);
    if (!name.ends_with(fmt::format("{}{}", kLogSuffix, kSwapSuffix))) continue;
    SEMEL_TRY(const Offset end, swap_end(base));
    low = std::min(low, base);
    high = std::max(high, end);
  }
  for (const auto& [base, files] : files_) {
    if (base < low || base >= high) continue;
    for (const std::string_view suffix : kSegmentSuffixes)
      SEMEL_CHECK(
          remove_if_there(context_.disk, fmt::format("{}/{}", folder_, file_name(base, suffix))));
  }
  for (const std::string& name : complete) {
    const std::string final_name = name.substr(0, name.size() - kSwapSuffix.size());
    SEMEL_CHECK(context_.disk.rename(fmt::format("{}/{}", folder_, name),
                                     fmt::format("{}/{}", folder_, final_name)));
  }
  log_info("log", "{}: finished an interrupted replacement of {} files", folder_, complete.size());
  SEMEL_CHECK(context_.disk.sync_directory(folder_));
  swaps_.clear();
  files_.clear();
  logs_.clear();
  cleaned_min_.reset();
  return list_folder();
}

Result<void> LogLoader::load_epochs() {
  if (loaded_.is_new) return {};
  const std::string path = fmt::format("{}/{}", folder_, kEpochCheckpointName);
  auto content = rt::read_file(context_.disk, path, kEpochFileMax);
  if (!content) {
    loaded_.epochs_changed = true;
    if (content.error().cause == Cause::kNotFound) return {};
    return fail(std::move(content.error()));
  }
  const auto entries = parse_epoch_checkpoint(content->text());
  if (entries) {
    loaded_.epochs.load(*entries);
  } else {
    log_warn("log", "{} is damaged and is made anew: {}", path, entries.error().context);
    loaded_.epochs_changed = true;
  }
  return {};
}

Result<void> LogLoader::open_segments() {
  size_t first_to_scan = SIZE_MAX;
  for (const auto& [base, files] : files_) {
    if (!logs_.contains(base)) {
      for (const std::string_view suffix : kSegmentSuffixes)
        SEMEL_CHECK(
            remove_if_there(context_.disk, fmt::format("{}/{}", folder_, file_name(base, suffix))));
      continue;
    }
    SegmentFiles usable = files;
    const bool lacks_index = !files.index_bytes || !files.time_index_bytes ||
                             *files.index_bytes % OffsetIndex::kEntrySize != 0 ||
                             *files.time_index_bytes % TimeIndex::kEntrySize != 0;
    if (lacks_index || files.log_bytes == 0) usable.index_bytes = usable.time_index_bytes = 0;
    if (lacks_index && files.log_bytes > 0)
      first_to_scan = std::min(first_to_scan, loaded_.segments.size());
    SEMEL_TRY(auto segment, Segment::load(context_.disk, folder_, base, config_, usable));
    if (loaded_.segments.size() > 1 && loaded_.segments.back()->size() == 0)
      SEMEL_CHECK(drop_empty(loaded_.segments.size() - 1));
    loaded_.segments.push_back(std::move(segment));
  }
  if (loaded_.segments.empty()) return start_anew(hints_.log_start);
  if (!hints_.was_clean) {
    size_t at = loaded_.segments.size() - 1;
    while (at > 0 && loaded_.segments[at]->base() > hints_.recovery_point) --at;
    first_to_scan = std::min(first_to_scan, at);
  }
  for (size_t i = 0; i < std::min(first_to_scan, loaded_.segments.size()); ++i) {
    const bool is_checked = !hints_.was_clean || i + 1 == loaded_.segments.size();
    if (is_checked && !loaded_.segments[i]->check_indexes()) first_to_scan = i;
  }
  if (first_to_scan == SIZE_MAX) {
    auto end = read_log_end();
    if (end) {
      loaded_.log_end = *end;
      return load_producers(*end);
    }
    if (end.error().code != ErrorCode::kCorruptMessage) return fail(std::move(end.error()));
    first_to_scan = loaded_.segments.size() - 1;
  }
  return recover(first_to_scan);
}

/// Of segments that need no scan.
Result<Offset> LogLoader::read_log_end() {
  auto& segments = loaded_.segments;
  while (segments.size() > 1 && segments.back()->size() == 0) {
    SEMEL_TRY(const Offset end, segments[segments.size() - 2]->read_next_offset());
    if (end <= segments.back()->base()) break;
    SEMEL_CHECK(drop_empty(segments.size() - 1));
  }
  return segments.back()->read_next_offset();
}

/// When the log could not be rolled for want of space, an empty segment may lie inside the one
/// before.
Result<void> LogLoader::drop_empty(size_t index) {
  Segment& segment = *loaded_.segments[index];
  SEMEL_ASSERT(segment.size() == 0 && index > 0);
  log_info("log", "{}: the empty segment at offset {} is removed", folder_, segment.base().value);
  SEMEL_CHECK(segment.remove_retired());
  loaded_.segments.erase(loaded_.segments.begin() + static_cast<ptrdiff_t>(index));
  return {};
}

Result<void> LogLoader::start_anew(Offset base) {
  for (const auto& segment : loaded_.segments) {
    SEMEL_CHECK(segment->retire());
    SEMEL_CHECK(segment->remove_retired());
  }
  loaded_.segments.clear();
  snapshots_.remove_if([](Offset) { return true; });
  loaded_.producers.clear();
  loaded_.epochs_changed = loaded_.epochs_changed || !loaded_.epochs.entries().empty();
  loaded_.epochs.clear();
  SEMEL_TRY(auto segment,
            Segment::create(context_.disk, folder_, base, config_, context_.clock.unix_ms()));
  loaded_.segments.push_back(std::move(segment));
  loaded_.log_end = base;
  return {};
}

Result<void> LogLoader::settle_bounds() {
  if (loaded_.log_end < hints_.log_start) {
    log_warn("log", "{}: the log ends at {}, below its start {}; it begins anew there", folder_,
             loaded_.log_end.value, hints_.log_start.value);
    SEMEL_CHECK(start_anew(hints_.log_start));
  }
  loaded_.log_start = std::max(hints_.log_start, loaded_.segments.front()->base());
  loaded_.recovery_point = hints_.was_clean && loaded_.cuts.empty()
                               ? loaded_.log_end
                               : std::min(hints_.recovery_point, loaded_.log_end);
  loaded_.high_watermark = std::clamp(hints_.high_watermark, loaded_.log_start, loaded_.log_end);
  const bool cut_end = loaded_.epochs.truncate_from_end(loaded_.log_end);
  const bool cut_start = loaded_.epochs.truncate_from_start(loaded_.log_start);
  loaded_.epochs_changed = loaded_.epochs_changed || cut_end || cut_start;
  loaded_.producers.high_watermark_moved(loaded_.high_watermark);
  std::vector<Offset> bases;
  for (const auto& segment : loaded_.segments) bases.push_back(segment->base());
  const auto newest = snapshots_.newest();
  snapshots_.remove_if([&](Offset end) {
    if (end > loaded_.log_end) return true;
    return end != newest && !std::ranges::binary_search(bases, end);
  });
  return {};
}

}  // namespace semel::log
