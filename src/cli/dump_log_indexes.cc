// kafka-dump-log.sh: indexes and producer snapshots.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "cli/dump_log_command.h"
#include "log/producer_snapshot.h"
#include "record/legacy.h"
#include "record/record_iterator.h"

namespace semel::cli {
namespace {

constexpr size_t kIndexEntry = 8;
constexpr size_t kTimeEntry = 12;
constexpr size_t kTxnEntry = 34;
/// Kafka searches the last 8 KiB of an index first.
constexpr size_t kWarmEntries = 8192 / kIndexEntry;

struct IndexEntry {
  int64_t offset;
  int32_t position;
};

IndexEntry index_entry(bytes::ByteSpan index, size_t i, int64_t base) {
  const std::byte* at = index.data() + i * kIndexEntry;
  return {base + bytes::load_be<int32_t>(at), bytes::load_be<int32_t>(at + 4)};
}

struct TimeEntry {
  int64_t timestamp;
  int64_t offset;
};

TimeEntry time_entry(bytes::ByteSpan index, size_t i, int64_t base) {
  const std::byte* at = index.data() + i * kTimeEntry;
  return {bytes::load_be<int64_t>(at), base + bytes::load_be<int32_t>(at + 8)};
}

/// Kafka's halving, whose result on an index with a tail of zeros must be the same too.
size_t halve(bytes::ByteSpan index, int64_t base, int64_t target, std::pair<size_t, size_t> range) {
  auto [low, high] = range;
  while (low < high) {
    const size_t middle = (low + high + 1) / 2;
    const int64_t offset = index_entry(index, middle, base).offset;
    if (offset == target) return middle;
    if (offset > target)
      high = middle - 1;
    else
      low = middle;
  }
  return low;
}

int32_t index_lookup(bytes::ByteSpan index, int64_t base, int64_t target) {
  const size_t count = index.size() / kIndexEntry;
  if (count == 0) return 0;
  const size_t first_warm = count - 1 > kWarmEntries ? count - 1 - kWarmEntries : 0;
  size_t slot = 0;
  if (index_entry(index, first_warm, base).offset < target)
    slot = halve(index, base, target, {first_warm, count - 1});
  else if (index_entry(index, 0, base).offset > target)
    return 0;
  else
    slot = halve(index, base, target, {0, first_warm});
  return index_entry(index, slot, base).position;
}

Thrown<int64_t> greatest_timestamp(const record::BatchView& batch) {
  int64_t greatest = -1;
  record::RecordView record;
  Result<void> status;
  if (batch.is_legacy()) {
    record::LegacyRecordIterator records(batch);
    while (records.next(record)) greatest = std::max(greatest, record.timestamp);
    status = records.status();
  } else {
    record::RecordScratch scratch;
    record::RecordIterator records(batch, scratch);
    while (records.next(record)) greatest = std::max(greatest, record.timestamp);
    status = records.status();
  }
  if (!status)
    return java_throw("org.apache.kafka.common.InvalidRecordException: " + status.error().context);
  return greatest;
}

/// What Kafka's time index check says, or nothing.
std::optional<std::string> time_index_fault(bytes::ByteSpan index, int64_t base) {
  const size_t count = index.size() / kTimeEntry;
  const TimeEntry first = time_entry(index, 0, base);
  const TimeEntry last = time_entry(index, count - 1, base);
  if (last.timestamp < first.timestamp)
    return fmt::format(
        "has non-zero size but the last timestamp is {} which is less than the first "
        "timestamp {}",
        last.timestamp, first.timestamp);
  if (last.offset < base)
    return fmt::format(
        "has non-zero size but the last offset is {} which is less than the first offset {}",
        last.offset, base);
  return std::nullopt;
}

/// What Kafka says of a snapshot that it cannot read.
std::string snapshot_fault(bytes::ByteSpan content) {
  constexpr size_t kHeader = 10;
  if (content.size() < kHeader) return "Snapshot failed schema validation: null";
  if (const auto version = bytes::load_be<int16_t>(content.data()); version != 1)
    return fmt::format(
        "Snapshot failed schema validation: Snapshot contained an unknown file version {}",
        version);
  const auto stored = bytes::load_be<uint32_t>(content.data() + 2);
  const uint32_t computed = bytes::crc32c(content.subspan(6));
  if (stored != computed)
    return fmt::format(
        "Snapshot is corrupt (CRC is no longer valid). Stored crc: {}. Computed crc: {}", stored,
        computed);
  return "Snapshot failed schema validation: null";
}

}  // namespace

Thrown<void> DumpLogRun::dump_index(const std::string& path) {
  SEMEL_JAVA_TRY(const int32_t slice_bytes,
                 dump_integer(options_.max_message_size, "max-message-size"));
  SEMEL_JAVA_TRY(DumpFile log, open_beside(path, ".log"));
  SEMEL_JAVA_TRY(DumpFile file, open(path));
  SEMEL_JAVA_TRY(const bytes::ByteSpan index, file.read_all());
  const int64_t base = dump_base_offset(path);
  const size_t count = index.size() / kIndexEntry;
  if (count == 0 && !is_26()) {
    line(path + " is empty.");
    return {};
  }
  if (!options_.checks_sanity_only) return dump_index_entries(path, {index, slice_bytes}, log);
  if (count > 0 && index_entry(index, count - 1, base).offset < base)
    return java_throw(
        fmt::format("{}: Corrupt index found, index file ({}) has non-zero size but the last "
                    "offset is {} which is less "
                    "than the base offset {}",
                    corrupt_index_class(), paths_.absolute(path),
                    index_entry(index, count - 1, base).offset, base));
  if (index.size() % kIndexEntry != 0)
    return java_throw(
        fmt::format("{}: Index file ({}) is corrupt, found {} bytes which is neither positive "
                    "nor a multiple of {}",
                    corrupt_index_class(), paths_.absolute(path), index.size(), kIndexEntry));
  line(path + " passed sanity check.");
  return {};
}

std::string_view DumpLogRun::corrupt_index_class() const {
  return is_26() ? "kafka.log.CorruptIndexException"
                 : "org.apache.kafka.storage.internals.log.CorruptIndexException";
}

Thrown<void> DumpLogRun::dump_index_entries(const std::string& path,
                                            std::pair<bytes::ByteSpan, int32_t> index_and_slice,
                                            DumpFile& log) {
  const auto [index, slice_bytes] = index_and_slice;
  const int64_t base = dump_base_offset(path);
  for (size_t i = 0; i < index.size() / kIndexEntry; ++i) {
    const IndexEntry entry = index_entry(index, i, base);
    if (entry.offset == base && i > 0) return {};
    if (entry.position < 0)
      return java_throw(
          fmt::format("java.lang.IllegalArgumentException: Invalid position: {}", entry.position));
    if (static_cast<uint64_t>(entry.position) > log.size())
      return java_throw(
          fmt::format("java.lang.IllegalArgumentException: Slice from position {} exceeds end "
                      "position of FileRecords(size={}, file={}, start=0, end=2147483647)",
                      entry.position, log.size(), log.shown()));
    const auto begin = static_cast<uint64_t>(entry.position);
    DumpBatches batches(log, begin, begin + static_cast<uint64_t>(std::max(slice_bytes, 0)));
    SEMEL_JAVA_TRY(const auto batch, batches.next());
    if (!batch) return java_throw("java.util.NoSuchElementException");
    if (batch->last_offset().value != entry.offset)
      index_mismatches_.of(paths_.absolute(path))
          .emplace_back(entry.offset, batch->last_offset().value);
    if (!options_.verifies_only)
      line(fmt::format("offset: {} position: {}", entry.offset, entry.position));
  }
  return {};
}

Thrown<void> DumpLogRun::dump_time_index(const std::string& path) {
  SEMEL_JAVA_TRY(DumpFile log, open_beside(path, ".log"));
  auto offset_file = open_beside(path, ".index");
  SEMEL_JAVA_TRY(DumpFile file, open(path));
  SEMEL_JAVA_TRY(const bytes::ByteSpan index, file.read_all());
  if (options_.checks_sanity_only) return check_time_index(path, index);
  bytes::ByteSpan offset_index;
  if (offset_file) {
    SEMEL_JAVA_TRY(offset_index, offset_file->read_all());
  }
  return dump_time_entries(path, {index, offset_index}, log);
}

Thrown<void> DumpLogRun::check_time_index(const std::string& path, bytes::ByteSpan index) {
  const std::string shown = paths_.absolute(path);
  if (index.size() >= kTimeEntry) {
    if (const auto fault = time_index_fault(index, dump_base_offset(path)))
      return java_throw(fmt::format("{}: Corrupt time index found, time index file ({}) {}",
                                    corrupt_index_class(), shown, *fault));
  }
  if (index.size() % kTimeEntry != 0)
    return java_throw(
        fmt::format("{}: Time index file {} is corrupt, found {} bytes which is neither "
                    "positive nor a multiple of {}",
                    corrupt_index_class(), shown, index.size(), kTimeEntry));
  line(path + " passed sanity check.");
  return {};
}

Thrown<void> DumpLogRun::dump_time_entries(const std::string& path,
                                           std::pair<bytes::ByteSpan, bytes::ByteSpan> indexes,
                                           DumpFile& log) {
  const int64_t base = dump_base_offset(path);
  const std::string shown = paths_.absolute(path);
  int64_t before = -1;
  for (size_t i = 0; i < indexes.first.size() / kTimeEntry; ++i) {
    const TimeEntry entry = time_entry(indexes.first, i, base);
    if (entry.offset == base && i > 0) return {};
    const int32_t position = index_lookup(indexes.second, base, entry.offset);
    SEMEL_JAVA_TRY(
        const auto found,
        find_time_entry(log, static_cast<uint64_t>(std::max(position, 0)), entry.offset));
    if (!found || found->first != entry.offset) {
      offsets_not_found_.of(shown).emplace_back(entry.offset, found ? found->first : -1);
    } else {
      if (found->second != entry.timestamp)
        time_mismatches_.of(shown).emplace_back(entry.timestamp, found->second);
      if (before >= entry.timestamp)
        times_out_of_order_.of(shown).emplace_back(entry.timestamp, before);
    }
    if (!options_.verifies_only)
      line(fmt::format("timestamp: {} offset: {}", entry.timestamp, entry.offset));
    before = entry.timestamp;
  }
  return {};
}

/// Last offset and greatest timestamp of the first batch from `position` that ends at or behind
/// `offset`. Kafka 4.3 walks to the end of the log, so that a damaged end is an exception.
Thrown<std::optional<std::pair<int64_t, int64_t>>> DumpLogRun::find_time_entry(DumpFile& log,
                                                                               uint64_t position,
                                                                               int64_t offset) {
  std::optional<std::pair<int64_t, int64_t>> found;
  DumpBatches batches(log, position, position + std::numeric_limits<int32_t>::max());
  while (true) {
    SEMEL_JAVA_TRY(const auto batch, batches.next());
    if (!batch) return found;
    if (found || batch->last_offset().value < offset) continue;
    found.emplace(batch->last_offset().value, -1);
    if (found->first == offset) {
      SEMEL_JAVA_TRY(found->second, greatest_timestamp(*batch));
    }
    if (is_26()) return found;
  }
}

Thrown<void> DumpLogRun::dump_transaction_index(const std::string& path) {
  auto file = open(path);
  if (!file) return {};
  SEMEL_JAVA_TRY(const bytes::ByteSpan index, file->read_all());
  for (size_t i = 0; i < index.size() / kTxnEntry; ++i) {
    const std::byte* at = index.data() + i * kTxnEntry;
    // Kafka's tool reads one byte of the two.
    const auto version = static_cast<int8_t>(at[0]);
    if (version > 0)
      return java_throw(
          fmt::format("org.apache.kafka.common.KafkaException: Unexpected aborted transaction "
                      "version {} in transaction index {}, current version is 0",
                      version, paths_.absolute(path)));
    line(fmt::format(
        "version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}", version,
        bytes::load_be<int64_t>(at + 2), bytes::load_be<int64_t>(at + 10),
        bytes::load_be<int64_t>(at + 18), bytes::load_be<int64_t>(at + 26)));
  }
  return {};
}

Thrown<void> DumpLogRun::dump_snapshot(const std::string& path) {
  SEMEL_JAVA_TRY(DumpFile file, open(path));
  SEMEL_JAVA_TRY(const bytes::ByteSpan content, file.read_all());
  const auto entries = log::decode_producer_snapshot(content);
  if (!entries) {
    flush();
    error_line(snapshot_fault(content));
    return {};
  }
  for (const log::ProducerSnapshotEntry& entry : *entries) {
    const int64_t txn = entry.txn_first_offset.value;
    const std::string open_txn =
        txn < 0 ? (is_26() ? "None" : "OptionalLong.empty")
                : fmt::format(fmt::runtime(is_26() ? "Some({})" : "OptionalLong[{}]"), txn);
    std::string text = fmt::format(
        "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {}",
        entry.producer_id.value, entry.epoch.value, entry.coordinator_epoch, open_txn);
    text += is_26() ? std::string(" ") : fmt::format(" lastTimestamp: {}", entry.timestamp_ms);
    if (entry.last_offset.value >= 0)
      text += fmt::format(
          "{}firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
          is_26() ? "" : " ", entry.last_sequence.minus(entry.offset_delta).value,
          entry.last_sequence.value, entry.last_offset.value, entry.offset_delta,
          entry.timestamp_ms);
    line(text);
  }
  return {};
}

}  // namespace semel::cli
