#include "log/producer_snapshot.h"

#include <fmt/format.h>

#include "bytes/crc32c.h"
#include "bytes/reader.h"
#include "bytes/writer.h"

namespace semel::log {
namespace {

constexpr int16_t kVersion = 1;
constexpr size_t kChecksumAt = 2;
constexpr size_t kCheckedFrom = 6;
constexpr size_t kHeaderSize = 10;
constexpr size_t kEntrySize = 46;

ProducerSnapshotEntry read_entry(bytes::Reader& reader) {
  ProducerSnapshotEntry entry;
  entry.producer_id = ProducerId{reader.read_i64()};
  entry.epoch = ProducerEpoch{reader.read_i16()};
  entry.last_sequence = Sequence{reader.read_i32()};
  entry.last_offset = Offset{reader.read_i64()};
  entry.offset_delta = reader.read_i32();
  entry.timestamp_ms = reader.read_i64();
  entry.coordinator_epoch = reader.read_i32();
  entry.txn_first_offset = Offset{reader.read_i64()};
  return entry;
}

void write_entry(bytes::Writer& writer, const ProducerSnapshotEntry& entry) {
  writer.put_i64(entry.producer_id.value);
  writer.put_i16(entry.epoch.value);
  writer.put_i32(entry.last_sequence.value);
  writer.put_i64(entry.last_offset.value);
  writer.put_i32(entry.offset_delta);
  writer.put_i64(entry.timestamp_ms);
  writer.put_i32(entry.coordinator_epoch);
  writer.put_i64(entry.txn_first_offset.value);
}

bool is_possible(const ProducerSnapshotEntry& entry) {
  if (entry.last_sequence.value < -1 || entry.offset_delta < 0) return false;
  return entry.last_offset.value < 0 || entry.last_offset.value >= entry.offset_delta;
}

}  // namespace

bytes::Buffer encode_producer_snapshot(std::span<const ProducerSnapshotEntry> entries) {
  bytes::Writer writer;
  writer.reserve(kHeaderSize + kEntrySize * entries.size());
  writer.put_i16(kVersion);
  writer.put_u32(0);
  writer.put_i32(static_cast<int32_t>(entries.size()));
  for (const ProducerSnapshotEntry& entry : entries) write_entry(writer, entry);
  writer.patch_be(kChecksumAt, bytes::crc32c(writer.written().subspan(kCheckedFrom)));
  return writer.take();
}

Result<uint32_t> producer_snapshot_checksum(bytes::ByteSpan file) {
  if (file.size() < kHeaderSize)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("a producer snapshot of {} bytes", file.size()));
  return bytes::load_be<uint32_t>(file.data() + kChecksumAt);
}

Result<std::vector<ProducerSnapshotEntry>> decode_producer_snapshot(bytes::ByteSpan file) {
  SEMEL_TRY(const uint32_t checksum, producer_snapshot_checksum(file));
  bytes::Reader reader(file);
  if (const int16_t version = reader.read_i16(); version != kVersion)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("producer snapshot of version {}", version));
  if (bytes::crc32c(file.subspan(kCheckedFrom)) != checksum)
    return fail(ErrorCode::kCorruptMessage, "checksum of the producer snapshot differs");
  reader.skip(sizeof checksum);
  const int32_t count = reader.read_i32();
  if (count < 0 || reader.remaining() != static_cast<size_t>(count) * kEntrySize)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("producer snapshot of {} entries in {} bytes", count, file.size()));
  std::vector<ProducerSnapshotEntry> entries;
  entries.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) {
    entries.push_back(read_entry(reader));
    if (!is_possible(entries.back()))
      return fail(ErrorCode::kCorruptMessage, fmt::format("entry {} of the producer snapshot", i));
  }
  return entries;
}

}  // namespace semel::log
