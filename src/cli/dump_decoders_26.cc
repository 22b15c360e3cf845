// Records of the internal topics in the text of Kafka 2.6, before it became JSON.
#include <algorithm>

#include <fmt/format.h>

#include "bytes/reader.h"
#include "cli/dump_decoders.h"
#include "gen/data/consumer_protocol_assignment.h"
#include "gen/group/group_metadata.h"
#include "gen/group/offset_commit.h"
#include "gen/transaction/transaction_log.h"
#include "wire/json_writer.h"

namespace semel::cli {
namespace {

constexpr int16_t kGroupMetadata = 2;
constexpr std::string_view kDeleted = "<DELETE>";

/// Reads a message behind its i16 version; a version beyond the known ones is an exception, as in
/// Kafka.
template <class Message>
Thrown<Message> decode(bytes::ByteSpan content) {
  const bytes::Buffer copy = bytes::Buffer::copy_of(content);
  bytes::Reader reader(copy);
  const int16_t version = reader.read_i16();
  if (!reader.ok() || version < Message::kMinVersion || version > Message::kMaxVersion)
    return java_throw(
        fmt::format("java.lang.IllegalStateException: Unknown message version: {}", version));
  Message message;
  if (const auto decoded = message.decode(reader, version); !decoded)
    return java_throw("org.apache.kafka.common.protocol.types.SchemaException: " +
                      decoded.error().context);
  return message;
}

template <class Key>
Thrown<Key> decode_key(const record::RecordView& record) {
  bytes::Reader reader(*record.key);
  reader.skip(sizeof(int16_t));
  Key key;
  if (const auto decoded = key.decode(reader, Key::kMinVersion); !decoded)
    return java_throw("org.apache.kafka.common.protocol.types.SchemaException: " +
                      decoded.error().context);
  return key;
}

std::unexpected<JavaException> missing_key(const record::RecordView& record) {
  return java_throw(
      fmt::format("java.lang.RuntimeException: Failed to decode message at offset {} using "
                  "offset topic decoder (message had a missing key)",
                  record.offset.value));
}

std::string hex(bytes::ByteSpan content) {
  std::string out;
  for (const std::byte byte : content) out += fmt::format("{:02X}", static_cast<unsigned>(byte));
  return out;
}

std::string assignment_text(const bytes::Buffer& content, bool is_consumer) {
  if (!is_consumer) return hex(content.span());
  const auto assignment = decode<gen::ConsumerProtocolAssignment>(content.span());
  if (!assignment) return hex(content.span());
  std::string text = "[";
  for (const auto& topic : assignment->assigned_partitions)
    for (const int32_t partition : topic.partitions)
      text += fmt::format("{}{}-{}", text.size() > 1 ? ", " : "", topic.topic, partition);
  text += "]";
  if (assignment->user_data && !assignment->user_data->empty())
    text += ":" + hex(assignment->user_data->span());
  return text;
}

Thrown<std::string> group_payload(bytes::ByteSpan value) {
  SEMEL_JAVA_TRY(const auto group, decode<gen::GroupMetadataValue>(value));
  std::string assignment = "{";
  for (const auto& member : group.members)
    assignment +=
        fmt::format("{}{}={}", assignment.size() > 1 ? "," : "", member.member_id,
                    assignment_text(member.assignment, group.protocol_type == "consumer"));
  assignment += "}";
  std::string json;
  wire::JsonWriter writer(json);
  writer.begin_object();
  writer.key("protocolType");
  writer.put_text(group.protocol_type);
  writer.key("protocol");
  if (group.protocol)
    writer.put_text(*group.protocol);
  else
    writer.put_null();
  writer.key("generationId");
  writer.put_int(group.generation);
  writer.key("assignment");
  writer.put_text(assignment);
  writer.end_object();
  return json;
}

/// Partitions in the order of a hash set of Scala 2.13, which is how Kafka 2.6 holds them.
std::string partitions_text(const gen::TransactionLogValue& value) {
  struct Placed {
    size_t bucket;
    uint32_t hash;
    std::string name;
  };
  std::vector<Placed> placed;
  for (const auto& topic : value.transaction_partitions) {
    for (const int32_t partition : topic.partition_ids) {
      const uint32_t hash = 31u * (31u + static_cast<uint32_t>(partition)) +
                            static_cast<uint32_t>(java_hash(topic.topic));
      placed.push_back({0, hash ^ (hash >> 16), fmt::format("{}-{}", topic.topic, partition)});
    }
  }
  size_t buckets = 16;
  while (placed.size() * 4 >= buckets * 3) buckets *= 2;
  for (Placed& one : placed) one.bucket = one.hash & (buckets - 1);
  std::ranges::sort(placed, [](const Placed& a, const Placed& b) {
    return std::pair(a.bucket, static_cast<int32_t>(a.hash)) <
           std::pair(b.bucket, static_cast<int32_t>(b.hash));
  });
  std::string text;
  for (const Placed& one : placed) text += (text.empty() ? "" : ",") + one.name;
  return text;
}

std::string_view state_name(int8_t status) {
  constexpr std::string_view kNames[] = {"Empty",        "Ongoing",          "PrepareCommit",
                                         "PrepareAbort", "CompleteCommit",   "CompleteAbort",
                                         "Dead",         "PrepareEpochFence"};
  return status >= 0 && static_cast<size_t>(status) < std::size(kNames) ? kNames[status]
                                                                        : "Unknown";
}

}  // namespace

Thrown<DumpedRecord> decode_offsets_26(const record::RecordView& record) {
  if (!record.key) return missing_key(record);
  bytes::Reader reader(*record.key);
  const int16_t type = reader.read_i16();
  DumpedRecord dumped;
  dumped.payload = kDeleted;
  if (type == kGroupMetadata) {
    SEMEL_JAVA_TRY(const auto key, decode_key<gen::GroupMetadataKey>(record));
    dumped.key = "group_metadata::group=" + key.group;
    if (record.value) {
      SEMEL_JAVA_TRY(dumped.payload, group_payload(*record.value));
    }
    return dumped;
  }
  if (type != 0 && type != 1)
    return java_throw(
        fmt::format("java.lang.IllegalStateException: Unknown version {} for group metadata "
                    "message",
                    type));
  SEMEL_JAVA_TRY(const auto key, decode_key<gen::OffsetCommitKey>(record));
  dumped.key =
      fmt::format("offset_commit::group={},partition={}-{}", key.group, key.topic, key.partition);
  if (!record.value) return dumped;
  SEMEL_JAVA_TRY(const auto value, decode<gen::OffsetCommitValue>(*record.value));
  dumped.payload = fmt::format("offset={}", value.offset);
  if (!value.metadata.empty()) *dumped.payload += ",metadata=" + value.metadata;
  return dumped;
}

Thrown<DumpedRecord> decode_transaction_26(const record::RecordView& record) {
  if (!record.key) return missing_key(record);
  SEMEL_JAVA_TRY(const auto key, decode_key<gen::TransactionLogKey>(record));
  DumpedRecord dumped;
  dumped.key = "transaction_metadata::transactionalId=" + key.transactional_id;
  dumped.payload = kDeleted;
  if (!record.value) return dumped;
  SEMEL_JAVA_TRY(const auto value, decode<gen::TransactionLogValue>(*record.value));
  dumped.payload = fmt::format(
      "producerId:{},producerEpoch:{},state={},partitions=[{}],txnLastUpdateTimestamp={},"
      "txnTimeoutMs={}",
      value.producer_id, value.producer_epoch, state_name(value.transaction_status),
      partitions_text(value), value.transaction_last_update_timestamp_ms,
      value.transaction_timeout_ms);
  return dumped;
}

}  // namespace semel::cli
