#include "record/batch_validator.h"

#include <algorithm>

#include <fmt/format.h>

#include "record/batch_iterator.h"
#include "record/record_iterator.h"

namespace semel::record {
namespace {

using Standing = ProduceVerdict::Standing;

constexpr int16_t kFirstVersionWithZstd = 7;
constexpr size_t kRecordErrorsShown = 3;

int64_t wrapping_sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

const char* parse_span(const std::byte* at, const std::byte* end, RecordFields& fields) {
  SpanCursor cursor(at, end);
  return parse_record_body(cursor, fields);
}

/// The length of the record at `at`, which is moved behind it; negative if it cannot be.
int32_t take_length(const std::byte*& at, const std::byte* end) {
  uint32_t raw;
  if (end - at >= kPlainRecordSlack) {
    const std::byte* behind = at;
    if (take_short_varint(behind, raw)) [[likely]] {
      at = behind;
      return undo_zigzag(raw);
    }
  }
  SpanCursor cursor(at, end);
  bool too_long = false;
  const int32_t length = take_varint(cursor, too_long);
  at = cursor.at();
  return too_long || cursor.failed() ? -1 : length;
}

bool malformed(ProduceVerdict& verdict, ErrorCode code, std::string why) {
  verdict.standing = Standing::kMalformed;
  verdict.error = {code, std::move(why)};
  return false;
}
bool refused(ProduceVerdict& verdict, ErrorCode code, std::string why) {
  verdict.standing = Standing::kRefused;
  verdict.error = {code, std::move(why)};
  return false;
}

}  // namespace

/// One pass over the records of a batch: what each must satisfy, and what is learnt from all.
struct BatchValidator::Walk {
  Walk(const BatchView& batch, const ProduceRules& the_rules, ProduceVerdict& the_verdict)
      : rules(the_rules),
        verdict(the_verdict),
        is_create_time_topic(the_rules.timestamp_type == TimestampType::kCreateTime),
        batch_has_append_time(batch.timestamp_type() == TimestampType::kLogAppendTime),
        batch_max_timestamp(batch.max_timestamp()),
        base_timestamp(batch.base_timestamp()),
        lowest(saturating_sum(the_rules.now_ms, -the_rules.timestamp_before_max_ms)),
        highest(saturating_sum(the_rules.now_ms, the_rules.timestamp_after_max_ms)) {}

  void visit(const RecordFields& fields) {
    const int64_t timestamp = batch_has_append_time
                                  ? batch_max_timestamp
                                  : wrapping_sum(base_timestamp, fields.timestamp_delta);
    if (fields.offset_delta != count) offsets_are_regular = false;
    if (rules.keys_are_required && fields.key_size < 0) [[unlikely]]
      note_missing_key();
    else if (is_create_time_topic && timestamp != kNoTimestamp) {
      if (timestamp < lowest || timestamp > highest) [[unlikely]]
        note_range(timestamp, fields.offset_delta);
    } else if (batch_has_append_time) [[unlikely]] {
      note_type();
    }
    max_timestamp = std::max(max_timestamp, timestamp);
    ++count;
  }

  void note(std::string message) {
    ++errors;
    if (verdict.record_errors.size() < kRecordErrorsMax)
      verdict.record_errors.push_back({count, std::move(message)});
  }
  void note_missing_key() {
    note(fmt::format("Compacted topic cannot accept message without key in topic partition {}",
                     rules.partition));
  }
  void note_range(int64_t timestamp, int32_t offset) {
    has_timestamp_error = true;
    note(
        fmt::format("Timestamp {} of message with offset {} is out of range. The timestamp should "
                    "be within [{}, {}]",
                    timestamp, offset, lowest, highest));
  }
  void note_type() {
    has_timestamp_error = true;
    note(
        "Invalid timestamp type in message. Producer should not set timestamp type to "
        "LogAppendTime.");
  }
  bool finish();

  const ProduceRules& rules;
  ProduceVerdict& verdict;
  bool is_create_time_topic;
  bool batch_has_append_time;
  bool offsets_are_regular = true;
  bool has_timestamp_error = false;
  int32_t count = 0;
  int32_t errors = 0;
  int64_t batch_max_timestamp;
  int64_t base_timestamp;
  int64_t lowest;
  int64_t highest;
  int64_t max_timestamp = kNoTimestamp;
  uint64_t unpacked = 0;  // bytes
};

/// Record errors refuse the whole batch; a timestamp among them decides the code.
bool BatchValidator::Walk::finish() {
  if (errors == 0) return true;
  if (has_timestamp_error)
    return refused(verdict, ErrorCode::kInvalidTimestamp,
                   "One or more records have been rejected due to invalid timestamp");
  std::string shown;
  for (size_t i = 0; i < std::min(kRecordErrorsShown, verdict.record_errors.size()); ++i) {
    const RecordError& error = verdict.record_errors[i];
    shown += fmt::format("{}RecordError(batchIndex={}, message='{}')", i == 0 ? "" : ", ",
                         error.index, error.message);
  }
  return refused(verdict, ErrorCode::kInvalidRecord,
                 fmt::format("One or more records have been rejected due to {} record errors in "
                             "total, and only showing the first three errors at most: [{}]",
                             errors, shown));
}

bool BatchValidator::check_framing(MutableByteSpan records, const ProduceRules& rules,
                                   ProduceVerdict& verdict) {
  const auto corrupt = [&](const BatchIterator& batches) {
    return malformed(verdict, ErrorCode::kCorruptMessage, batches.reason());
  };
  const auto is_damaged = [](const BatchIterator& batches) {
    return batches.stop() == BatchStop::kCorrupt || batches.stop() == BatchStop::kBlank;
  };
  const auto invalid = [&](std::string_view rule) {
    return malformed(
        verdict, ErrorCode::kInvalidRecord,
        fmt::format("Produce requests with version {} {}", rules.produce_version, rule));
  };
  BatchIterator batches(records);
  const auto batch = batches.next();
  if (!batch) {
    if (is_damaged(batches)) return corrupt(batches);
    return invalid("must have at least one record batch per partition");
  }
  if (batch->magic() != kMagicV2)
    return invalid("are only allowed to contain record batches with magic version 2");
  const auto codec = batch->codec();
  if (!codec)
    return malformed(
        verdict, ErrorCode::kUnsupportedCompressionType,
        fmt::format("Unknown compression type id: {}", batch->attributes() & kCodecMask));
  if (rules.produce_version < kFirstVersionWithZstd && *codec == CodecId::kZstd)
    return malformed(verdict, ErrorCode::kUnsupportedCompressionType,
                     fmt::format("Produce requests with version {} are not allowed to use "
                                 "ZStandard compression",
                                 rules.produce_version));
  if (batches.next())
    return invalid("are only allowed to contain exactly one record batch per partition");
  if (is_damaged(batches)) return corrupt(batches);
  // An incomplete batch behind the first is cut off without a word, as by Kafka.
  verdict.batch = records.first(batch->size());
  return true;
}

bool BatchValidator::check_header(const BatchView& batch, const ProduceRules& rules,
                                  ProduceVerdict& verdict) {
  const auto invalid = [&](std::string why) {
    return malformed(verdict, ErrorCode::kInvalidRecord,
                     fmt::format("{} in topic partition {}", why, rules.partition));
  };
  if (batch.base_offset() != Offset{0})
    return malformed(verdict, ErrorCode::kInvalidRecord,
                     fmt::format("The baseOffset of the record batch in the append to {} should be "
                                 "0, but it is {}",
                                 rules.partition, batch.base_offset().value));
  if (const uint32_t computed = batch.compute_crc(); computed != batch.crc())
    return malformed(verdict, ErrorCode::kCorruptMessage,
                     fmt::format("Record is corrupt (stored crc = {}, computed crc = {}) in topic "
                                 "partition {}",
                                 batch.crc(), computed, rules.partition));
  const int64_t count_by_offsets = int64_t{batch.last_offset_delta()} + 1;
  if (count_by_offsets <= 0)
    return invalid(fmt::format("Batch has an invalid offset range: [{}, {}]",
                               batch.base_offset().value, batch.last_offset().value));
  if (batch.records_count() <= 0)
    return invalid(
        fmt::format("Invalid reported count for record batch: {}", batch.records_count()));
  if (count_by_offsets != batch.records_count())
    return invalid(fmt::format("Inconsistent batch offset range [{}, {}] and count of records {}",
                               batch.base_offset().value, batch.last_offset().value,
                               batch.records_count()));
  if (batch.is_control())
    return malformed(verdict, ErrorCode::kInvalidRecord,
                     fmt::format("Clients are not allowed to write control records in topic "
                                 "partition {}",
                                 rules.partition));
  if (batch.has_producer_id() && batch.base_sequence().value < 0)
    return invalid(fmt::format("Invalid sequence number {} in record batch with producerId {}",
                               batch.base_sequence().value, batch.producer_id().value));
  verdict.facts = {.producer_id = batch.producer_id(),
                   .producer_epoch = batch.producer_epoch(),
                   .base_sequence = batch.base_sequence(),
                   .last_sequence = batch.last_sequence(),
                   .last_offset_delta = batch.last_offset_delta(),
                   .records_count = batch.records_count(),
                   .crc = batch.crc(),
                   .is_transactional = batch.is_transactional()};
  return true;
}

bool BatchValidator::check_size(size_t size, const ProduceRules& rules, ProduceVerdict& verdict) {
  if (std::cmp_less_equal(size, rules.batch_size_max)) return true;
  return refused(verdict, ErrorCode::kMessageTooLarge,
                 fmt::format("The record batch size in the append to {} is {} bytes which exceeds "
                             "the maximum configured value of {}",
                             rules.partition, size, rules.batch_size_max));
}

bool BatchValidator::walk_plain(const BatchView& batch, Walk& walk) {
  const ByteSpan payload = batch.payload();
  const std::byte* at = payload.data();
  const std::byte* const end = at + payload.size();
  const char* failure = nullptr;
  for (int32_t left = batch.records_count(); left > 0 && failure == nullptr; --left) {
    const int32_t length = take_length(at, end);
    if (length < 0 || end - at < length) {
      failure = "a record's length passes the end of the batch";
      break;
    }
    const std::byte* const body = at;
    at += length;
    RecordFields fields;
    if (end - at < kPlainRecordSlack || !parse_plain_record(body, at, fields))
      failure = parse_span(body, at, fields);
    if (failure == nullptr) walk.visit(fields);
  }
  if (failure == nullptr && at != end) failure = "bytes are left over behind the last record";
  if (failure == nullptr) return true;
  return malformed(walk.verdict, ErrorCode::kInvalidRecord,
                   fmt::format("record {}: {}", walk.count, failure));
}

bool BatchValidator::walk_compressed(const BatchView& batch, Walk& walk) {
  RecordFeed feed(batch, scratch_, walk.rules.limits);
  const char* failure = nullptr;
  for (int32_t left = batch.records_count(); left > 0 && failure == nullptr; --left) {
    const int32_t length = feed.take_length();
    if (length < 0) break;
    walk.unpacked += static_cast<uint64_t>(length);
    if (walk.unpacked > walk.rules.work_max) [[unlikely]] {
      walk.verdict.standing = Standing::kPutOff;
      return false;
    }
    RecordFields fields;
    if (feed.at_hand().size() >= static_cast<size_t>(length)) {
      const ByteSpan bytes = feed.take(static_cast<size_t>(length));
      const std::byte* const end = bytes.data() + bytes.size();
      const bool has_slack = std::cmp_greater_equal(feed.at_hand().size(), kPlainRecordSlack);
      if (!has_slack || !parse_plain_record(bytes.data(), end, fields))
        failure = parse_span(bytes.data(), end, fields);
    } else {
      FeedCursor body(feed, static_cast<size_t>(length));
      failure = parse_record_body(body, fields);
    }
    if (failure == nullptr) walk.visit(fields);
  }
  if (failure == nullptr && !feed.failed() && !feed.at_end())
    failure = "bytes are left over behind the last record";
  if (failure == nullptr && !feed.failed()) return true;
  return malformed(
      walk.verdict, ErrorCode::kInvalidRecord,
      fmt::format("record {}: {}", walk.count, feed.failed() ? feed.error().context : failure));
}

bool BatchValidator::walk_records(const BatchView& batch, Walk& walk) {
  if (!(batch.is_compressed() ? walk_compressed(batch, walk) : walk_plain(batch, walk)))
    return false;
  walk.verdict.max_timestamp = walk.max_timestamp;
  // Kafka stores uncompressed batches with any inner offsets; nobody could find such records again.
  if (!walk.offsets_are_regular && !batch.is_compressed())
    return malformed(walk.verdict, ErrorCode::kInvalidRecord,
                     fmt::format("Offsets of the records are not consecutive in topic partition {}",
                                 walk.rules.partition));
  return walk.finish();
}

bool BatchValidator::rebuild(const BatchView& batch, const ProduceRules& rules,
                             ProduceVerdict& verdict) {
  builder_.start({.codec = rules.codec.value_or(*batch.codec()),
                  .level = rules.codec ? rules.level : std::nullopt,
                  .producer_id = batch.producer_id(),
                  .producer_epoch = batch.producer_epoch(),
                  .base_sequence = batch.base_sequence(),
                  .is_transactional = batch.is_transactional()});
  RecordIterator records(batch, scratch_, rules.limits);
  for (RecordView record; records.next(record);) builder_.append_copy(builder_.count(), record);
  if (auto status = records.status(); !status)
    return malformed(verdict, ErrorCode::kInvalidRecord, std::move(status.error().context));
  const auto built = builder_.finish(compressor_);
  if (!built) return refused(verdict, built.error().code, built.error().context);
  verdict.rebuilt.assign(built->begin(), built->end());
  verdict.batch = verdict.rebuilt;
  return check_size(verdict.batch.size(), rules, verdict);
}

ProduceVerdict BatchValidator::validate(MutableByteSpan records, const ProduceRules& rules) {
  ProduceVerdict verdict;
  if (!check_framing(records, rules, verdict)) return verdict;
  const BatchView batch(verdict.batch);
  if (!check_header(batch, rules, verdict)) return verdict;
  if (!check_size(batch.size(), rules, verdict)) return verdict;
  Walk walk(batch, rules, verdict);
  if (!walk_records(batch, walk)) return verdict;
  const bool is_recoded = rules.codec && *rules.codec != *batch.codec();
  if (is_recoded || !walk.offsets_are_regular) {
    if (std::max<uint64_t>(walk.unpacked, batch.size()) > rules.work_max / 4) {
      verdict.standing = Standing::kPutOff;
      return verdict;
    }
    if (!rebuild(batch, rules, verdict)) return verdict;
  }
  if (rules.timestamp_type == TimestampType::kCreateTime)
    stamp_timestamps(verdict.batch, TimestampType::kCreateTime, walk.max_timestamp);
  verdict.standing = Standing::kAccepted;
  return verdict;
}

}  // namespace semel::record
