// `semel dump`: producer snapshots, sidecars, and the producer state at an offset.
#include <algorithm>

#include <fmt/format.h>

#include "cli/dump_kinds.h"
#include "log/file_names.h"
#include "log/producer_replay.h"
#include "log/producer_sidecar.h"
#include "log/producer_snapshot.h"
#include "log/producer_state.h"

namespace semel::cli {
namespace {

using Json = DumpPrinter::Json;

Json json_of(const log::RememberedBatch& batch) {
  Json json{{"firstSequence", batch.first_sequence().value},
            {"lastSequence", batch.last_sequence.value},
            {"firstOffset", batch.first_offset().value},
            {"lastOffset", batch.last_offset.value},
            {"timestamp", batch.timestamp_ms}};
  json["crc"] = batch.crc_is_known ? Json(batch.crc) : Json(nullptr);
  return json;
}

Json json_of(const log::ProducerView& producer) {
  Json json{{"producerId", producer.producer_id.value},
            {"epoch", producer.epoch.value},
            {"coordinatorEpoch", producer.coordinator_epoch},
            {"timestamp", producer.timestamp_ms},
            {"lastAppend", producer.last_append_ms},
            {"firstKnownSequence", producer.first_known.value}};
  json["transactionSince"] =
      producer.txn_first_offset.value < 0 ? Json(nullptr) : Json(producer.txn_first_offset.value);
  json["batches"] = Json::array();
  for (const log::RememberedBatch& batch : producer.batches)
    json["batches"].push_back(json_of(batch));
  if (producer.counters != log::ProducerCounters{})
    json["counters"] = cli::json_of(producer.counters);
  return json;
}

log::ProducerView view_of(const log::ProducerSnapshotEntry& entry) {
  log::ProducerView view;
  view.producer_id = entry.producer_id;
  view.epoch = entry.epoch;
  view.coordinator_epoch = entry.coordinator_epoch;
  view.timestamp_ms = entry.timestamp_ms;
  view.txn_first_offset = entry.txn_first_offset;
  if (entry.last_offset.value >= 0)
    view.batches.push_back(
        {entry.last_sequence, entry.offset_delta, entry.last_offset, entry.timestamp_ms, 0, false});
  return view;
}

std::string counters_text(const log::ProducerCounters& counters) {
  std::string text;
  const auto add = [&](uint64_t count, std::string_view what) {
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "    counted: " : ", ", count, what);
  };
  add(counters.duplicates, "duplicates suppressed");
  add(counters.reencoded, "of them re-encoded");
  add(counters.below_log_start, "duplicates of deleted records");
  add(counters.gaps, "out of order");
  add(counters.sequences_reused, "sequences re-used");
  add(counters.epoch_bumps, "epoch bumps");
  add(counters.fenced, "fenced");
  return text;
}

/// The greatest offset ≤ `offset` with a snapshot that can be read, and its entries.
struct Start {
  Offset offset{0};
  std::vector<log::ProducerSnapshotEntry> entries;
  std::vector<log::ProducerView> sidecar;
  std::string name;  // empty: from the first segment
};

std::optional<std::vector<log::ProducerView>> sidecar_for(const DumpPaths& paths,
                                                          const std::string& folder, Offset offset,
                                                          uint32_t checksum) {
  const std::string path = folder + "/" + log::sidecar_name(offset);
  auto file = DumpFile::open(paths, path, path);
  if (!file) return std::nullopt;
  const auto content = file->read_all();
  if (!content) return std::nullopt;
  auto sidecar = log::decode_sidecar(*content);
  if (!sidecar || sidecar->tie.snapshot_checksum != checksum || sidecar->tie.end_offset != offset)
    return std::nullopt;
  return std::move(sidecar->producers);
}

Start find_start(const DumpPaths& paths, const std::string& folder, Offset offset,
                 const std::vector<rt::DirectoryEntry>& entries) {
  Start start;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto at = log::offset_of_name(entry->name);
    if (!log::is_file_of(entry->name, log::kSnapshotSuffix) || !at || *at > offset) continue;
    const std::string path = folder + "/" + entry->name;
    auto file = DumpFile::open(paths, path, path);
    if (!file) continue;
    const auto content = file->read_all();
    if (!content) continue;
    const auto checksum = log::producer_snapshot_checksum(*content);
    auto decoded = log::decode_producer_snapshot(*content);
    if (!decoded) continue;
    start.offset = *at;
    start.entries = std::move(*decoded);
    start.name = entry->name;
    if (auto sidecar = sidecar_for(paths, folder, *at, *checksum))
      start.sidecar = std::move(*sidecar);
    return start;
  }
  return start;
}

/// Replays what lies in [from, to) of one segment.
Result<void> replay_segment(const DumpPaths& paths, const std::string& path,
                            std::pair<Offset, Offset> range, log::ProducerState& state) {
  auto file = DumpFile::open(paths, path, path);
  if (!file) return file_error(file.error());
  DumpBatches batches(*file, 0, file->size());
  while (true) {
    const auto batch = batches.next();
    if (!batch) return file_error(batch.error());
    if (!*batch || (*batch)->base_offset() >= range.second) return {};
    if ((*batch)->is_legacy() || (*batch)->last_offset() < range.first) continue;
    SEMEL_CHECK(log::replay_batch(state, **batch, (*batch)->max_timestamp()));
  }
}

}  // namespace

void print_producer(DumpPrinter& printer, const log::ProducerView& producer) {
  std::string text =
      fmt::format("  producer {}  epoch {}", producer.producer_id.value, producer.epoch.value);
  if (!producer.batches.empty())
    text +=
        fmt::format("  last sequence {} at offset {}", producer.batches.back().last_sequence.value,
                    producer.batches.back().last_offset.value);
  text += fmt::format("  last timestamp {}", time_text(producer.timestamp_ms));
  if (producer.coordinator_epoch >= 0)
    text += fmt::format("  coordinator epoch {}", producer.coordinator_epoch);
  if (producer.txn_first_offset.value >= 0)
    text += fmt::format("  transaction open since offset {}", producer.txn_first_offset.value);
  if (producer.first_known.value >= 0)
    text += fmt::format("\n    stored since sequence {}{}", producer.first_known.value,
                        producer.epoch_start_is_known ? " (start of the epoch)" : "");
  for (const log::RememberedBatch& batch : producer.batches)
    text += fmt::format(
        "\n    sequences {} to {}  offsets {} to {}  {}{}", batch.first_sequence().value,
        batch.last_sequence.value, batch.first_offset().value, batch.last_offset.value,
        time_text(batch.timestamp_ms),
        batch.crc_is_known ? fmt::format("  crc {:08x}", batch.crc) : std::string());
  const std::string counted_text = counters_text(producer.counters);
  if (!counted_text.empty()) text += "\n" + counted_text;
  printer.row("producer", text, json_of(producer));
}

Result<void> dump_producer_snapshot(DumpTarget& target) {
  const auto content = target.file.read_all();
  if (!content) return file_error(content.error());
  SEMEL_TRY(const auto entries, log::decode_producer_snapshot(*content));
  const int64_t offset = log::offset_of_name(target.name).value_or(kNoOffset).value;
  target.printer.row(
      "file",
      fmt::format("{}: producer snapshot before offset {}, {}", target.path, offset,
                  counted(static_cast<int64_t>(entries.size()), "producer")),
      Json{{"file", target.path}, {"type", "producer snapshot"}, {"endOffset", offset}});
  for (const log::ProducerSnapshotEntry& entry : entries)
    print_producer(target.printer, view_of(entry));
  return {};
}

Result<void> dump_producer_sidecar(DumpTarget& target) {
  const auto content = target.file.read_all();
  if (!content) return file_error(content.error());
  SEMEL_TRY(const log::Sidecar sidecar, log::decode_sidecar(*content));
  target.printer.row(
      "file",
      fmt::format("{}: producer sidecar before offset {}, of the snapshot with checksum {}, last "
                  "leader epoch "
                  "{}, written {}, {}",
                  target.path, sidecar.tie.end_offset.value, sidecar.tie.snapshot_checksum,
                  sidecar.tie.last_leader_epoch.value, time_text(sidecar.written_ms),
                  counted(static_cast<int64_t>(sidecar.producers.size()), "producer")),
      Json{{"file", target.path},
           {"type", "producer sidecar"},
           {"endOffset", sidecar.tie.end_offset.value},
           {"snapshotChecksum", sidecar.tie.snapshot_checksum},
           {"lastLeaderEpoch", sidecar.tie.last_leader_epoch.value},
           {"written", sidecar.written_ms}});
  for (const log::ProducerView& producer : sidecar.producers)
    print_producer(target.printer, producer);
  return {};
}

Result<void> dump_state_at(const DumpPaths& paths, const std::string& folder, Offset offset,
                           DumpPrinter& printer) {
  SEMEL_TRY(const auto entries, paths.disk.list(paths.absolute(folder)));
  const Start start = find_start(paths, folder, offset, entries);
  log::ProducerState state({.producers_max = UINT32_MAX});
  state.load(start.entries, start.sidecar, 0);
  std::vector<std::string> segments;
  for (const auto& entry : entries)
    if (log::is_file_of(entry.name, log::kLogSuffix)) segments.push_back(entry.name);
  if (segments.empty())
    return fail(ErrorCode::kInvalidRequest, "no segment in this folder", Cause::kNotFound);
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool ends_before =
        i + 1 < segments.size() && *log::offset_of_name(segments[i + 1]) <= start.offset;
    if (ends_before || *log::offset_of_name(segments[i]) >= offset) continue;
    SEMEL_CHECK(replay_segment(paths, folder + "/" + segments[i], {start.offset, offset}, state));
  }
  std::vector<log::ProducerView> views = state.views();
  std::ranges::sort(views, {}, &log::ProducerView::producer_id);
  const auto unstable = state.first_unstable_offset();
  printer.row(
      "state",
      fmt::format(
          "{}: producer state before offset {}, from {}, {}{}", folder, offset.value,
          start.name.empty() ? "the log alone" : start.name + " and the batches behind it",
          counted(static_cast<int64_t>(views.size()), "producer"),
          unstable ? fmt::format(", first unstable offset {}", unstable->value) : std::string()),
      Json{{"folder", folder},
           {"offset", offset.value},
           {"snapshot", start.name.empty() ? Json(nullptr) : Json(start.name)},
           {"withSidecar", !start.sidecar.empty()},
           {"firstUnstableOffset", unstable ? Json(unstable->value) : Json(nullptr)}});
  for (const log::ProducerView& view : views) print_producer(printer, view);
  return {};
}

}  // namespace semel::cli
