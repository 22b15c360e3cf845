#include "cli/dump_kinds.h"

#include <algorithm>

#include <fmt/format.h>

#include "bytes/endian.h"
#include "cli/dump_log_command.h"
#include "log/checkpoint_file.h"
#include "log/file_names.h"
#include "log/meta_properties.h"
#include "log/small_files.h"

namespace semel::cli {
namespace {

using Json = DumpPrinter::Json;

constexpr size_t kIndexEntry = 8;
constexpr size_t kTimeEntry = 12;
constexpr size_t kTxnEntry = 34;

Result<std::string> text_of(DumpTarget& target) {
  auto content = target.file.read_all();
  if (!content) return file_error(content.error());
  return std::string(bytes::as_text(*content));
}

Result<bytes::ByteSpan> bytes_of(DumpTarget& target) {
  auto content = target.file.read_all();
  if (!content) return file_error(content.error());
  return *content;
}

void title(DumpTarget& target, std::string_view kind, std::string_view about) {
  target.printer.row("file", fmt::format("{}: {}, {}", target.path, kind, about),
                     Json{{"file", target.path}, {"type", kind}, {"size", target.file.size()}});
}

/// Entries of a file made of fixed ones; trailing zeros of a preallocated index are not entries.
size_t entries_in(bytes::ByteSpan index, size_t entry_size) {
  size_t count = index.size() / entry_size;
  const auto is_blank = [&](size_t i) {
    const bytes::ByteSpan entry = index.subspan(i * entry_size, entry_size);
    return std::ranges::all_of(entry, [](std::byte b) { return b == std::byte{0}; });
  };
  while (count > 0 && is_blank(count - 1)) --count;
  return count;
}

std::string fill_text(size_t entries, size_t entry_size, uint64_t file_size) {
  const uint64_t rest = file_size - entries * entry_size;
  return fmt::format("{} {}", entries, entries == 1 ? "entry" : "entries") +
         (rest > 0 ? fmt::format(", {} bytes unused", rest) : std::string());
}

}  // namespace

std::unexpected<Error> file_error(const JavaException& exception) {
  constexpr std::string_view kMissing = "java.nio.file.NoSuchFileException: ";
  if (exception.text.starts_with(kMissing))
    return fail(ErrorCode::kInvalidRequest, "no such file", Cause::kNotFound);
  const size_t colon = exception.text.find(": ");
  return fail(ErrorCode::kCorruptMessage,
              colon == std::string::npos ? exception.text : exception.text.substr(colon + 2));
}

DumpFunction dump_function_for(std::string_view name) {
  if (name.ends_with(log::kLogSuffix) || name.ends_with(".checkpoint")) return &dump_segment_file;
  if (name.ends_with(log::kTimeIndexSuffix)) return &dump_time_index;
  if (name.ends_with(log::kTransactionIndexSuffix)) return &dump_transaction_index;
  if (name.ends_with(log::kIndexSuffix)) return &dump_offset_index;
  if (name.ends_with(log::kSnapshotSuffix)) return &dump_producer_snapshot;
  if (name.ends_with(".snapshot-semel")) return &dump_producer_sidecar;
  if (name == log::kEpochCheckpointName) return &dump_epoch_checkpoint;
  if (name == log::kRecoveryPointName || name == log::kLogStartName ||
      name == log::kHighWatermarkName || name == "cleaner-offset-checkpoint")
    return &dump_offset_checkpoint;
  if (name == log::kMetaPropertiesName) return &dump_meta_properties;
  if (name == log::kPartitionMetadataName) return &dump_partition_metadata;
  if (name == "quorum-state") return &dump_quorum_state;
  if (name == log::kCleanShutdownName) return &dump_clean_shutdown;
  return nullptr;
}

Result<void> dump_offset_index(DumpTarget& target) {
  SEMEL_TRY(const bytes::ByteSpan index, bytes_of(target));
  const int64_t base = dump_base_offset(target.name);
  const size_t count = entries_in(index, kIndexEntry);
  title(target, "offset index", fill_text(count, kIndexEntry, index.size()));
  for (size_t i = 0; i < count; ++i) {
    const std::byte* at = index.data() + i * kIndexEntry;
    const int64_t offset = base + bytes::load_be<int32_t>(at);
    const auto position = bytes::load_be<int32_t>(at + 4);
    target.printer.row("entry", fmt::format("  offset {}  position {}", offset, position),
                       Json{{"offset", offset}, {"position", position}});
  }
  return {};
}

Result<void> dump_time_index(DumpTarget& target) {
  SEMEL_TRY(const bytes::ByteSpan index, bytes_of(target));
  const int64_t base = dump_base_offset(target.name);
  const size_t count = entries_in(index, kTimeEntry);
  title(target, "time index", fill_text(count, kTimeEntry, index.size()));
  for (size_t i = 0; i < count; ++i) {
    const std::byte* at = index.data() + i * kTimeEntry;
    const auto timestamp = bytes::load_be<int64_t>(at);
    const int64_t offset = base + bytes::load_be<int32_t>(at + 8);
    target.printer.row("entry", fmt::format("  up to {}  offset {}", time_text(timestamp), offset),
                       Json{{"timestamp", timestamp}, {"offset", offset}});
  }
  return {};
}

Result<void> dump_transaction_index(DumpTarget& target) {
  SEMEL_TRY(const bytes::ByteSpan index, bytes_of(target));
  const size_t count = index.size() / kTxnEntry;
  title(target, "index of aborted transactions", fill_text(count, kTxnEntry, index.size()));
  for (size_t i = 0; i < count; ++i) {
    const std::byte* at = index.data() + i * kTxnEntry;
    const auto producer = bytes::load_be<int64_t>(at + 2);
    const auto first = bytes::load_be<int64_t>(at + 10);
    const auto last = bytes::load_be<int64_t>(at + 18);
    const auto stable = bytes::load_be<int64_t>(at + 26);
    target.printer.row(
        "aborted",
        fmt::format("  producer {}  offsets {} to {} (marker)  last stable offset {}", producer,
                    first, last, stable),
        Json{{"producerId", producer},
             {"firstOffset", first},
             {"lastOffset", last},
             {"lastStableOffset", stable}});
  }
  if (index.size() % kTxnEntry != 0)
    return fail(ErrorCode::kCorruptMessage, "the last entry is cut off");
  return {};
}

Result<void> dump_epoch_checkpoint(DumpTarget& target) {
  SEMEL_TRY(const std::string text, text_of(target));
  SEMEL_TRY(const auto epochs, log::parse_epoch_checkpoint(text));
  title(target, "leader epochs", counted(static_cast<int64_t>(epochs.size()), "epoch"));
  for (const log::EpochStart& epoch : epochs)
    target.printer.row(
        "epoch", fmt::format("  epoch {}  from offset {}", epoch.epoch.value, epoch.start.value),
        Json{{"epoch", epoch.epoch.value}, {"startOffset", epoch.start.value}});
  return {};
}

Result<void> dump_offset_checkpoint(DumpTarget& target) {
  SEMEL_TRY(const std::string text, text_of(target));
  SEMEL_TRY(const auto offsets, log::parse_offset_checkpoint(text));
  const std::string_view what = target.name == log::kRecoveryPointName   ? "recovery points"
                                : target.name == log::kLogStartName      ? "log start offsets"
                                : target.name == log::kHighWatermarkName ? "high watermarks"
                                                                         : "first dirty offsets";
  title(target, what, counted(static_cast<int64_t>(offsets.size()), "partition"));
  for (const auto& [partition, offset] : offsets)
    target.printer.row("offset", fmt::format("  {}  {}", partition.to_text(), offset.value),
                       Json{{"topic", partition.topic},
                            {"partition", partition.partition.value},
                            {"offset", offset.value}});
  return {};
}

Result<void> dump_meta_properties(DumpTarget& target) {
  SEMEL_TRY(const std::string text, text_of(target));
  SEMEL_TRY(const auto meta, log::parse_meta_properties(text));
  title(target, "identity of a log directory", fmt::format("version {}", meta.version));
  Json json{{"version", meta.version}, {"clusterId", meta.cluster_id}};
  std::string line = fmt::format("  cluster {}", meta.cluster_id);
  if (meta.node_id) {
    json["nodeId"] = meta.node_id->value;
    line += fmt::format("  node {}", meta.node_id->value);
  }
  if (meta.directory_id) {
    json["directoryId"] = meta.directory_id->to_text();
    line += fmt::format("  directory {}", meta.directory_id->to_text());
  }
  target.printer.row("identity", line, json);
  return {};
}

Result<void> dump_partition_metadata(DumpTarget& target) {
  SEMEL_TRY(const std::string text, text_of(target));
  SEMEL_TRY(const TopicId id, log::parse_partition_metadata(text));
  title(target, "partition metadata", "version 0");
  target.printer.row("topic", fmt::format("  topic id {}", id.to_text()),
                     Json{{"topicId", id.to_text()}});
  return {};
}

Result<void> dump_quorum_state(DumpTarget& target) {
  SEMEL_TRY(const std::string text, text_of(target));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kCorruptMessage, "not a JSON object");
  title(target, "quorum state", counted(static_cast<int64_t>(json.size()), "field"));
  std::string line;
  for (const auto& [name, value] : json.items())
    line += fmt::format("{}  {}: {}", line.empty() ? "" : "\n", name, value.dump());
  target.printer.row("quorum", line, json);
  return {};
}

Result<void> dump_clean_shutdown(DumpTarget& target) {
  SEMEL_TRY(const std::string text, text_of(target));
  const int64_t epoch = log::parse_clean_shutdown(text);
  title(target, "mark of a clean shutdown", counted(static_cast<int64_t>(text.size()), "byte"));
  target.printer.row(
      "shutdown",
      epoch < 0 ? std::string("  broker epoch not kept") : fmt::format("  broker epoch {}", epoch),
      Json{{"brokerEpoch", epoch}});
  return {};
}

}  // namespace semel::cli
