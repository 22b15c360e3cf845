#include "log/producer_sidecar.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/log.h"
#include "bytes/crc32c.h"
#include "bytes/reader.h"
#include "bytes/writer.h"

namespace semel::log {
namespace {

constexpr uint32_t kMagic = 0x534d5053;  // "SMPS"
constexpr uint16_t kVersion = 1;
constexpr size_t kChecksumAt = 8;
constexpr size_t kCheckedFrom = 12;
constexpr size_t kHeaderSize = 40;
constexpr size_t kProducerSizeMin = 45;
constexpr size_t kBatchSize = 29;
constexpr uint16_t kBatchesMax = 1024;
constexpr int64_t kReachMax = int64_t{1} << 30;  // first known to last sequence
constexpr int64_t kLastAppendMax = int64_t{0xffffffff} * 1000;
constexpr uint64_t kFileSizeMax = uint64_t{1} << 31;
constexpr uint8_t kEpochStartKnown = 1;
constexpr uint8_t kHasCounters = 2;
constexpr uint8_t kCrcKnown = 1;
constexpr size_t kOffsetDigits = 20;
constexpr std::string_view kSuffix = ".snapshot-semel";
constexpr std::string_view kTemporarySuffix = ".snapshot-semel.tmp";
constexpr size_t kKept = 2;

void write_counters(bytes::Writer& writer, const ProducerCounters& counters) {
  for (const uint64_t value : {counters.duplicates, counters.duplicate_records, counters.reencoded,
                               counters.below_log_start, counters.gaps, counters.sequences_reused,
                               counters.epoch_bumps, counters.fenced})
    writer.put_be(value);
}

ProducerCounters read_counters(bytes::Reader& reader) {
  ProducerCounters counters;
  for (uint64_t* value : {&counters.duplicates, &counters.duplicate_records, &counters.reencoded,
                          &counters.below_log_start, &counters.gaps, &counters.sequences_reused,
                          &counters.epoch_bumps, &counters.fenced})
    *value = reader.read_be<uint64_t>();
  return counters;
}

void write_producer(bytes::Writer& writer, const ProducerView& producer) {
  const bool has_counters = producer.counters != ProducerCounters{};
  writer.put_i64(producer.producer_id.value);
  writer.put_i16(producer.epoch.value);
  writer.put_i32(producer.coordinator_epoch);
  writer.put_i64(producer.timestamp_ms);
  writer.put_i64(producer.last_append_ms);
  writer.put_i64(producer.txn_first_offset.value);
  writer.put_i32(producer.first_known.value);
  writer.put_be(static_cast<uint8_t>((producer.epoch_start_is_known ? kEpochStartKnown : 0) |
                                     (has_counters ? kHasCounters : 0)));
  writer.put_u16(static_cast<uint16_t>(producer.batches.size()));
  for (const RememberedBatch& batch : producer.batches) {
    writer.put_i32(batch.last_sequence.value);
    writer.put_i32(batch.offset_delta);
    writer.put_i64(batch.last_offset.value);
    writer.put_i64(batch.timestamp_ms);
    writer.put_u32(batch.crc);
    writer.put_be(batch.crc_is_known ? kCrcKnown : uint8_t{0});
  }
  if (has_counters) write_counters(writer, producer.counters);
}

RememberedBatch read_batch(bytes::Reader& reader) {
  RememberedBatch batch;
  batch.last_sequence = Sequence{reader.read_i32()};
  batch.offset_delta = reader.read_i32();
  batch.last_offset = Offset{reader.read_i64()};
  batch.timestamp_ms = reader.read_i64();
  batch.crc = reader.read_u32();
  batch.crc_is_known = (reader.read_be<uint8_t>() & kCrcKnown) != 0;
  return batch;
}

/// What the state relies on: sequences in range, batches in the order of their offsets, and a first
/// known sequence exactly where there are batches.
bool is_possible(const ProducerView& producer, Offset end_offset) {
  if (producer.batches.empty() != (producer.first_known.value < 0)) return false;
  if (producer.last_append_ms < -1 || producer.last_append_ms > kLastAppendMax) return false;
  Offset before = kNoOffset;
  for (const RememberedBatch& batch : producer.batches) {
    if (batch.last_sequence.value < -1 || batch.offset_delta < 0) return false;
    if (batch.last_offset.value < batch.offset_delta || batch.first_offset() <= before)
      return false;
    before = batch.last_offset;
  }
  if (producer.batches.empty()) return true;
  const int64_t reach = (static_cast<int64_t>(producer.batches.back().last_sequence.value) -
                         producer.first_known.value) &
                        0x7fffffff;
  return before < end_offset && reach <= kReachMax;
}

Result<ProducerView> read_producer(bytes::Reader& reader) {
  ProducerView producer;
  producer.producer_id = ProducerId{reader.read_i64()};
  producer.epoch = ProducerEpoch{reader.read_i16()};
  producer.coordinator_epoch = reader.read_i32();
  producer.timestamp_ms = reader.read_i64();
  producer.last_append_ms = reader.read_i64();
  producer.txn_first_offset = Offset{reader.read_i64()};
  producer.first_known = Sequence{reader.read_i32()};
  const auto flags = reader.read_be<uint8_t>();
  producer.epoch_start_is_known = (flags & kEpochStartKnown) != 0;
  const uint16_t count = reader.read_u16();
  if (count > kBatchesMax || reader.remaining() < count * kBatchSize)
    return fail(ErrorCode::kCorruptMessage, "count of batches");
  producer.batches.reserve(count);
  for (uint16_t i = 0; i < count; ++i) producer.batches.push_back(read_batch(reader));
  if ((flags & kHasCounters) != 0) producer.counters = read_counters(reader);
  if (!reader.ok()) return fail(ErrorCode::kCorruptMessage, reader.failure());
  return producer;
}

}  // namespace

bytes::Buffer encode_sidecar(const Sidecar& sidecar) {
  bytes::Writer writer;
  writer.reserve(kHeaderSize + sidecar.producers.size() * (kProducerSizeMin + kBatchSize));
  writer.put_u32(kMagic);
  writer.put_u16(kVersion);
  writer.put_u16(0);
  writer.put_u32(0);
  writer.put_u32(sidecar.tie.snapshot_checksum);
  writer.put_i64(sidecar.tie.end_offset.value);
  writer.put_i32(sidecar.tie.last_leader_epoch.value);
  writer.put_i64(sidecar.written_ms);
  writer.put_u32(static_cast<uint32_t>(sidecar.producers.size()));
  for (const ProducerView& producer : sidecar.producers) write_producer(writer, producer);
  writer.patch_be(kChecksumAt, bytes::crc32c(writer.written().subspan(kCheckedFrom)));
  return writer.take();
}

Result<Sidecar> decode_sidecar(bytes::ByteSpan file) {
  bytes::Reader reader(file);
  if (file.size() < kHeaderSize || reader.read_u32() != kMagic)
    return fail(ErrorCode::kCorruptMessage, "not a sidecar of a producer snapshot");
  if (const uint16_t version = reader.read_u16(); version != kVersion)
    return fail(ErrorCode::kUnsupportedVersion, fmt::format("sidecar of version {}", version));
  reader.skip(2);
  if (reader.read_u32() != bytes::crc32c(file.subspan(kCheckedFrom)))
    return fail(ErrorCode::kCorruptMessage, "checksum of the sidecar differs");
  Sidecar sidecar;
  sidecar.tie.snapshot_checksum = reader.read_u32();
  sidecar.tie.end_offset = Offset{reader.read_i64()};
  sidecar.tie.last_leader_epoch = LeaderEpoch{reader.read_i32()};
  sidecar.written_ms = reader.read_i64();
  const uint32_t count = reader.read_u32();
  if (count > reader.remaining() / kProducerSizeMin)
    return fail(ErrorCode::kCorruptMessage, "count of producers");
  sidecar.producers.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    SEMEL_TRY(ProducerView producer, read_producer(reader));
    if (!is_possible(producer, sidecar.tie.end_offset))
      return fail(ErrorCode::kCorruptMessage, fmt::format("producer {} of the sidecar", i));
    sidecar.producers.push_back(std::move(producer));
  }
  if (reader.remaining() != 0)
    return fail(ErrorCode::kCorruptMessage, "bytes behind the last producer");
  return sidecar;
}

std::string sidecar_name(Offset end_offset) {
  return fmt::format("{:020}{}", end_offset.value, kSuffix);
}

std::optional<Offset> sidecar_offset(std::string_view name) {
  if (name.size() != kOffsetDigits + kSuffix.size() || !name.ends_with(kSuffix))
    return std::nullopt;
  int64_t value = 0;
  const char* end = name.data() + kOffsetDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, value);
  if (error != std::errc{} || stop != end || value < 0) return std::nullopt;
  return Offset{value};
}

Result<void> write_sidecar(rt::Disk& disk, const std::string& partition_folder,
                           const Sidecar& sidecar) {
  const std::string path = partition_folder + "/" + sidecar_name(sidecar.tie.end_offset);
  const bytes::Buffer content = encode_sidecar(sidecar);
  SEMEL_CHECK(rt::replace_file(disk, path, content.span()));
  SEMEL_TRY(const auto entries, disk.list(partition_folder));
  size_t kept = 0;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto offset = sidecar_offset(entry->name);
    if (!offset && !entry->name.ends_with(kTemporarySuffix)) continue;
    if (offset && *offset <= sidecar.tie.end_offset && ++kept <= kKept) continue;
    SEMEL_CHECK(disk.remove(partition_folder + "/" + entry->name));
  }
  return {};
}

std::optional<Sidecar> read_sidecar(rt::Disk& disk, const std::string& partition_folder,
                                    const SidecarTie& tie) {
  const std::string path = partition_folder + "/" + sidecar_name(tie.end_offset);
  if (!disk.exists(path)) return std::nullopt;
  const auto content = rt::read_file(disk, path, kFileSizeMax);
  if (!content) {
    log_warn("log", "{} is ignored: {}", path, content.error().context);
    return std::nullopt;
  }
  auto sidecar = decode_sidecar(content->span());
  if (!sidecar) {
    log_warn("log", "{} is ignored: {}", path, sidecar.error().context);
    return std::nullopt;
  }
  if (sidecar->tie != tie) {
    log_info("log", "{} is ignored: it belongs to another snapshot", path);
    return std::nullopt;
  }
  return std::move(*sidecar);
}

}  // namespace semel::log
