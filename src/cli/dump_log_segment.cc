// kafka-dump-log.sh: segments and KRaft snapshots.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "cli/dump_log_command.h"
#include "record/legacy.h"
#include "record/record_iterator.h"

namespace semel::cli {
namespace {

constexpr size_t kOffsetDigits = 20;
constexpr size_t kEpochDigits = 10;

std::string_view codec_name(const record::BatchView& batch, DumpStyle style) {
  constexpr std::string_view kNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  constexpr std::string_view kNames26[] = {"NONE", "GZIP", "SNAPPY", "LZ4", "ZSTD"};
  const auto number = static_cast<size_t>(batch.attributes() & record::kCodecMask);
  if (number >= std::size(kNames)) return {};
  return style == DumpStyle::kKafka26 ? kNames26[number] : kNames[number];
}

std::string_view timestamp_type(const record::BatchView& batch) {
  if (batch.magic() == record::kMagicV0) return "NoTimestampType";
  return batch.timestamp_type() == record::TimestampType::kLogAppendTime ? "LogAppendTime"
                                                                         : "CreateTime";
}

std::string header_keys(const record::RecordView& record) {
  std::string keys;
  auto headers = record.headers();
  bool is_first = true;
  while (const auto header = headers.next()) {
    if (!is_first) keys += ',';
    keys += java_string(header->key);
    is_first = false;
  }
  return keys;
}

int64_t size_or_null(const std::optional<bytes::ByteSpan>& field) {
  return field ? static_cast<int64_t>(field->size()) : -1;
}

/// "00000000000000000806-0000000001.checkpoint" → what stands behind the title.
std::optional<std::string> snapshot_title(std::string_view name) {
  if (name == "bootstrap.checkpoint") return "KRaft bootstrap snapshot";
  if (name.size() < kOffsetDigits + 1 + kEpochDigits || name[kOffsetDigits] != '-')
    return std::nullopt;
  return fmt::format("Snapshot end offset: {}, epoch: {}", dump_base_offset(name),
                     dump_base_offset(name.substr(kOffsetDigits + 1)));
}

std::unexpected<JavaException> record_fault(const record::BatchView& batch, const Error& error) {
  const bool is_stream = batch.is_compressed() && !error.context.contains("record count");
  if (is_stream)
    return java_throw("org.apache.kafka.common.KafkaException: Failed to decompress record stream");
  return java_throw("org.apache.kafka.common.InvalidRecordException: " + error.context);
}

}  // namespace

Thrown<void> DumpLogRun::dump_segment(const std::string& path, std::string_view name) {
  SEMEL_JAVA_TRY(const int32_t max_bytes, dump_integer(options_.max_bytes, "max-bytes"));
  if (name.ends_with(".log")) {
    line(fmt::format("{}: {}", is_26() ? "Starting offset" : "Log starting offset",
                     dump_base_offset(path)));
  } else {
    const auto title = snapshot_title(name);
    if (!title) return java_throw("java.util.NoSuchElementException: No value present");
    line(*title);
  }
  SEMEL_JAVA_TRY(DumpFile file, open(path));
  DumpBatches batches(file, 0, static_cast<uint64_t>(std::max(max_bytes, 0)));
  uint64_t valid_bytes = 0;
  int64_t last_offset = -1;
  while (true) {
    SEMEL_JAVA_TRY(const auto batch, batches.next());
    if (!batch) break;
    if (codec_name(*batch, options_.decoding.style).empty())
      return java_throw(
          fmt::format("java.lang.IllegalArgumentException: Unknown compression type id: {}",
                      batch->attributes() & record::kCodecMask));
    print_batch(*batch, valid_bytes);
    if (options_.is_deep) {
      if (auto done = dump_batch(*batch, path, last_offset); !done) return done;
    }
    valid_bytes += batch->size();
  }
  if (file.size() > valid_bytes && max_bytes == std::numeric_limits<int32_t>::max())
    line(fmt::format("Found {} invalid bytes at the end of {}", file.size() - valid_bytes, name));
  return {};
}

void DumpLogRun::print_batch(const record::BatchView& batch, uint64_t position) {
  std::string text;
  if (batch.is_legacy()) {
    text = fmt::format("offset: {}", batch.last_offset().value);
  } else {
    text = fmt::format(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
        "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {}",
        batch.base_offset().value, batch.last_offset().value, batch.records_count(),
        batch.base_sequence().value, batch.last_sequence().value, batch.producer_id().value,
        batch.producer_epoch().value, batch.leader_epoch().value, batch.is_transactional(),
        batch.is_control());
    if (!is_26()) {
      const auto horizon = batch.delete_horizon();
      text += horizon ? fmt::format(" deleteHorizonMs: OptionalLong[{}]", *horizon)
                      : " deleteHorizonMs: OptionalLong.empty";
    }
  }
  line(fmt::format(
      "{} position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}", text,
      position, timestamp_type(batch), batch.max_timestamp(), batch.size(), batch.magic(),
      codec_name(batch, options_.decoding.style), batch.crc(), batch.crc_is_right()));
}

void DumpLogRun::note_offset(const std::string& path, int64_t offset, int64_t& last_offset) {
  const bool is_unset = is_26() && last_offset == -1;
  if (!is_unset && offset != last_offset + 1)
    gaps_.of(paths_.absolute(path)).emplace_back(last_offset, offset);
  last_offset = offset;
}

Thrown<void> DumpLogRun::dump_batch(const record::BatchView& batch, const std::string& path,
                                    int64_t& last_offset) {
  record::RecordView record;
  if (batch.is_legacy()) return dump_legacy_batch(batch, path, last_offset);
  record::RecordIterator records(batch, scratch_);
  while (records.next(record)) {
    note_offset(path, record.offset.value, last_offset);
    if (auto done = print_record(batch, record, {}); !done) return done;
  }
  if (const auto status = records.status(); !status) return record_fault(batch, status.error());
  return {};
}

Thrown<void> DumpLogRun::dump_legacy_batch(const record::BatchView& batch, const std::string& path,
                                           int64_t& last_offset) {
  record::RecordView record;
  record::LegacyRecordIterator records(batch);
  while (records.next(record)) {
    note_offset(path, record.offset.value, last_offset);
    const std::string checksum =
        is_26() ? fmt::format(" crc: {} isvalid: {}", records.crc(), records.crc_is_right())
                : fmt::format(" isValid: {} crc: {}", records.crc_is_right(), records.crc());
    if (auto done = print_record(batch, record, checksum); !done) return done;
  }
  if (const auto status = records.status(); !status) return record_fault(batch, status.error());
  return {};
}

/// The tool has printed the line so far when the exception comes.
std::unexpected<JavaException> DumpLogRun::stop_in_line(const std::string& text,
                                                        const JavaException& exception) {
  pending_ += text;
  return java_throw(exception.text);
}

Thrown<void> DumpLogRun::print_record(const record::BatchView& batch,
                                      const record::RecordView& record,
                                      std::string_view legacy_checksum) {
  std::string text;
  if (!options_.skips_metadata) {
    text =
        fmt::format("| offset: {} {}: {} {}: {} {}: {}", record.offset.value, timestamp_type(batch),
                    record.timestamp, is_26() ? "keysize" : "keySize", size_or_null(record.key),
                    is_26() ? "valuesize" : "valueSize", size_or_null(record.value));
    if (!batch.is_legacy()) {
      text +=
          fmt::format(" sequence: {} headerKeys: [{}]", record.sequence.value, header_keys(record));
    } else {
      text += legacy_checksum;
    }
    if (batch.is_control()) {
      const auto control = describe_control_record(options_.decoding.style, record);
      if (!control) return stop_in_line(text, control.error());
      text += *control;
    }
  }
  if (options_.prints_data && !batch.is_control()) {
    const auto dumped = decode_record(options_.decoding, record);
    if (!dumped) return stop_in_line(text, dumped.error());
    std::string_view prefix = options_.skips_metadata ? "| " : " ";
    if (dumped->key) {
      text += fmt::format("{}key: {}", prefix, *dumped->key);
      prefix = " ";
    }
    if (dumped->payload) text += fmt::format("{}payload: {}", prefix, *dumped->payload);
  }
  line(text);
  return {};
}

}  // namespace semel::cli
