// `semel dump`: segments and KRaft snapshots.
#include <fmt/format.h>

#include "cli/dump_kinds.h"
#include "cli/dump_log_command.h"
#include "record/legacy.h"
#include "record/record_iterator.h"

namespace semel::cli {
namespace {

using Json = DumpPrinter::Json;

std::string codec_of(const record::BatchView& batch) {
  const auto codec = batch.codec();
  if (!codec) return "unknown codec";
  constexpr std::string_view kNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  return std::string(kNames[static_cast<size_t>(*codec)]);
}

Json batch_json(const record::BatchView& batch, uint64_t position) {
  Json json{{"baseOffset", batch.base_offset().value},
            {"lastOffset", batch.last_offset().value},
            {"count", batch.records_count()},
            {"position", position},
            {"size", batch.size()},
            {"magic", batch.magic()},
            {"codec", codec_of(batch)},
            {"timestampType", batch.timestamp_type() == record::TimestampType::kLogAppendTime
                                  ? "LogAppendTime"
                                  : "CreateTime"},
            {"maxTimestamp", batch.max_timestamp()},
            {"crc", batch.crc()},
            {"valid", batch.crc_is_right()}};
  if (batch.is_legacy()) return json;
  json["leaderEpoch"] = batch.leader_epoch().value;
  json["producerId"] = batch.producer_id().value;
  json["producerEpoch"] = batch.producer_epoch().value;
  json["baseSequence"] = batch.base_sequence().value;
  json["lastSequence"] = batch.last_sequence().value;
  json["transactional"] = batch.is_transactional();
  json["control"] = batch.is_control();
  if (const auto horizon = batch.delete_horizon()) json["deleteHorizon"] = *horizon;
  return json;
}

std::string batch_text(const record::BatchView& batch, uint64_t position) {
  std::string text =
      fmt::format("  {} to {}  {}", batch.base_offset().value, batch.last_offset().value,
                  counted(batch.records_count(), "record"));
  if (batch.has_producer_id())
    text += fmt::format("  producer {} epoch {} sequences {} to {}", batch.producer_id().value,
                        batch.producer_epoch().value, batch.base_sequence().value,
                        batch.last_sequence().value);
  if (batch.is_transactional()) text += "  transactional";
  if (batch.is_control()) text += "  control";
  if (batch.is_legacy()) text += fmt::format("  magic {}", batch.magic());
  if (const auto horizon = batch.delete_horizon()) text += "  deletes after " + time_text(*horizon);
  text += fmt::format("  {}  {}  {} bytes at {}", time_text(batch.max_timestamp()), codec_of(batch),
                      batch.size(), position);
  if (!batch.is_legacy()) text += fmt::format("  leader epoch {}", batch.leader_epoch().value);
  if (!batch.crc_is_right()) text += "  CHECKSUM IS WRONG";
  return text;
}

/// A decoder's JSON as a value, other text as a string.
Json decoded_json(const std::optional<std::string>& text, bool is_decoded) {
  if (!text) return nullptr;
  if (!is_decoded) return *text;
  Json json = Json::parse(*text, nullptr, false);
  return json.is_discarded() ? Json(*text) : json;
}

Result<void> print_record(DumpTarget& target, const DumpDecoding& decoding,
                          const record::BatchView& batch, const record::RecordView& record) {
  Json json{{"offset", record.offset.value}, {"timestamp", record.timestamp}};
  std::string text = fmt::format("    {}  {}", record.offset.value, time_text(record.timestamp));
  if (batch.is_control()) {
    const auto control = describe_control_record(DumpStyle::kKafka43, record);
    if (!control) return file_error(control.error());
    json["control"] = control->substr(1);
    text += " " + *control;
  } else {
    const auto dumped = decode_record(decoding, record);
    if (!dumped) return file_error(dumped.error());
    const bool is_decoded = decoding.decoder != DumpDecoder::kText;
    json["key"] = decoded_json(dumped->key, is_decoded);
    json["value"] = decoded_json(dumped->payload, is_decoded);
    text += fmt::format("  key {}  value {}", dumped->key.value_or("(null)"),
                        dumped->payload.value_or("(null)"));
  }
  auto headers = record.headers();
  while (const auto header = headers.next()) {
    const std::string value = header->value ? java_string(*header->value) : "(null)";
    json["headers"].push_back({{"key", java_string(header->key)},
                               {"value", header->value ? Json(value) : Json(nullptr)}});
    text += fmt::format("  {}={}", java_string(header->key), value);
  }
  target.printer.row("record", text, json);
  return {};
}

Result<void> print_records(DumpTarget& target, const DumpDecoding& decoding,
                           const record::BatchView& batch) {
  record::RecordView record;
  if (batch.is_legacy()) {
    record::LegacyRecordIterator records(batch);
    while (records.next(record)) SEMEL_CHECK(print_record(target, decoding, batch, record));
    return records.status();
  }
  record::RecordScratch scratch;
  record::RecordIterator records(batch, scratch);
  while (records.next(record)) SEMEL_CHECK(print_record(target, decoding, batch, record));
  return records.status();
}

}  // namespace

DumpDecoder decoder_for_folder(std::string_view path) {
  if (path.contains("__consumer_offsets-")) return DumpDecoder::kOffsets;
  if (path.contains("__transaction_state-")) return DumpDecoder::kTransactions;
  if (path.contains("__share_group_state-")) return DumpDecoder::kShareState;
  if (path.contains("__cluster_metadata-") || path.ends_with(".checkpoint"))
    return DumpDecoder::kClusterMetadata;
  return DumpDecoder::kText;
}

Result<void> dump_segment_file(DumpTarget& target) {
  const bool is_checkpoint = target.name.ends_with(".checkpoint");
  const std::string_view kind = is_checkpoint ? "metadata snapshot" : "segment";
  target.printer.row("file",
                     fmt::format("{}: {} from offset {}, {} bytes", target.path, kind,
                                 dump_base_offset(target.name), target.file.size()),
                     Json{{"file", target.path}, {"type", kind}, {"size", target.file.size()}});
  DumpDecoding decoding;
  decoding.decoder = decoder_for_folder(target.path);
  DumpBatches batches(target.file, 0, target.file.size());
  uint64_t end = 0;
  uint64_t wrong = 0;
  while (true) {
    const auto batch = batches.next();
    if (!batch)
      return fail(ErrorCode::kCorruptMessage, fmt::format("no batch can begin at byte {}", end));
    if (!*batch) break;
    target.printer.row("batch", batch_text(**batch, batches.position()),
                       batch_json(**batch, batches.position()));
    if (target.with_records && (*batch)->crc_is_right())
      SEMEL_CHECK(print_records(target, decoding, **batch));
    wrong += (*batch)->crc_is_right() ? 0 : 1;
    end = batches.position() + (*batch)->size();
  }
  if (end < target.file.size())
    return fail(
        ErrorCode::kCorruptMessage,
        fmt::format("{} bytes from byte {} on are no whole batch", target.file.size() - end, end));
  if (wrong > 0)
    return fail(
        ErrorCode::kCorruptMessage,
        fmt::format("the checksum of {} is wrong", counted(static_cast<int64_t>(wrong), "batch")));
  return {};
}

}  // namespace semel::cli
