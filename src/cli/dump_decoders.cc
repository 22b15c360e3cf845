#include "cli/dump_decoders.h"

#include <fmt/format.h>

#include "bytes/reader.h"
#include "gen/any_message.h"
#include "gen/data/consumer_protocol_assignment.h"
#include "gen/data/consumer_protocol_subscription.h"
#include "gen/group/group_metadata.h"
#include "gen/json.h"
#include "wire/json_writer.h"

namespace semel::cli {
namespace {

using gen::AnyMessage;
using gen::MessageKind;
using Text = std::expected<std::string, std::string>;

constexpr int16_t kGroupMetadata = 2;

/// Java's reader throws an exception without a message where the bytes end.
std::string reason_of(const Error& error) {
  return error.context.ends_with("the bytes end early") ? "null" : error.context;
}

Text print(const AnyMessage& message, bytes::Reader& reader, int16_t version) {
  if (version < message.min_version || version > message.max_version)
    return std::unexpected(fmt::format("version {} of {} is not known", version, message.name));
  std::string json;
  const auto printed = message.print(reader, version, json);
  if (!printed) return std::unexpected(reason_of(printed.error()));
  return json;
}

/// "TopicRecord" → "TOPIC_RECORD"
std::string record_type_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && !out.empty()) out += '_';
    out += is_upper ? c : static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

/// The bytes of a member's subscription or assignment as JSON, if they can be read.
template <class Message>
std::optional<std::string> protocol_json(const bytes::Buffer& content) {
  bytes::Reader reader(content);
  const int16_t version = reader.read_i16();
  if (!reader.ok() || version < Message::kMinVersion) return std::nullopt;
  const int16_t known = std::min(version, Message::kMaxVersion);
  Message message;
  if (!message.decode(reader, known)) return std::nullopt;
  return gen::to_json(message, known);
}

void replace_field(std::string& json, size_t& at, std::string_view field,
                   const bytes::Buffer& content, const std::optional<std::string>& expanded) {
  const std::string plain = fmt::format("\"{}\":\"{}\"", field, wire::base64(content.span()));
  const size_t found = json.find(plain, at);
  if (found == std::string::npos) return;
  at = found + plain.size();
  if (!expanded) return;
  const std::string better = fmt::format("\"{}\":{}", field, *expanded);
  json.replace(found, plain.size(), better);
  at = found + better.size();
}

/// Classic groups of consumers: members' subscriptions and assignments are opened.
Text group_metadata_json(const bytes::Buffer& value, int16_t version) {
  bytes::Reader reader(value);
  reader.skip(sizeof version);
  gen::GroupMetadataValue group;
  if (version < gen::GroupMetadataValue::kMinVersion ||
      version > gen::GroupMetadataValue::kMaxVersion)
    return std::unexpected(fmt::format("version {} of GroupMetadataValue is not known", version));
  if (const auto decoded = group.decode(reader, version); !decoded)
    return std::unexpected(reason_of(decoded.error()));
  std::string json = gen::to_json(group, version);
  if (group.protocol_type != "consumer") return json;
  size_t at = json.find("\"members\":");
  for (const auto& member : group.members) {
    replace_field(json, at, "subscription", member.subscription,
                  protocol_json<gen::ConsumerProtocolSubscription>(member.subscription));
    replace_field(json, at, "assignment", member.assignment,
                  protocol_json<gen::ConsumerProtocolAssignment>(member.assignment));
  }
  return json;
}

Text coordinator_value(MessageKind kind, int16_t type, bytes::ByteSpan value) {
  bytes::Reader reader(value);
  const int16_t version = reader.read_i16();
  if (!reader.ok()) return std::unexpected("Could not read version from value's buffer.");
  const AnyMessage* message = gen::find_message(kind, type);
  if (message == nullptr) return std::unexpected("no value is known for this type");
  const bool is_group = kind == MessageKind::kGroupValue && type == kGroupMetadata;
  const Text data = is_group ? group_metadata_json(bytes::Buffer::copy_of(value), version)
                             : print(*message, reader, version);
  if (!data)
    return std::unexpected(
        fmt::format("Could not read record with version {} from value's buffer due to: {}.",
                    version, data.error()));
  return fmt::format("{{\"version\":\"{}\",\"data\":{}}}", version, *data);
}

Thrown<DumpedRecord> coordinator_record(MessageKind key_kind, MessageKind value_kind,
                                        const record::RecordView& record) {
  const int64_t offset = record.offset.value;
  if (!record.key)
    return java_throw(
        fmt::format("java.lang.RuntimeException: Failed to decode message at offset {} "
                    "using the specified decoder (message had a missing key)",
                    offset));
  bytes::Reader reader(*record.key);
  const int16_t type = reader.read_i16();
  if (!reader.ok())
    return DumpedRecord{
        fmt::format("Error at offset {}, skipping. Could not read version from key's buffer.",
                    offset),
        {}};
  const AnyMessage* message = gen::find_message(key_kind, type);
  if (message == nullptr)
    return DumpedRecord{fmt::format("Unknown record type {} at offset {}, skipping.", type, offset),
                        {}};
  const Text key = print(*message, reader, message->min_version);
  if (!key)
    return DumpedRecord{
        fmt::format("Error at offset {}, skipping. Could not read record with version {} "
                    "from key's buffer due to: {}.",
                    offset, type, key.error()),
        {}};
  DumpedRecord dumped;
  dumped.key = fmt::format("{{\"type\":\"{}\",\"data\":{}}}", type, *key);
  dumped.payload = "<DELETE>";
  if (!record.value) return dumped;
  Text value = coordinator_value(value_kind, type, *record.value);
  if (!value)
    return DumpedRecord{fmt::format("Error at offset {}, skipping. {}", offset, value.error()), {}};
  dumped.payload = std::move(*value);
  return dumped;
}

Thrown<std::string> decode_text(TextDecoder decoder, bytes::ByteSpan content) {
  const size_t size = decoder == TextDecoder::kInteger ? 4 : 8;
  if (decoder == TextDecoder::kString) return java_string(content);
  if (content.size() < size) return java_throw("java.nio.BufferUnderflowException");
  bytes::Reader reader(content);
  return decoder == TextDecoder::kInteger ? std::to_string(reader.read_i32())
                                          : std::to_string(reader.read_i64());
}

Thrown<DumpedRecord> text_record(const DumpDecoding& decoding, const record::RecordView& record) {
  DumpedRecord dumped;
  if (record.key) {
    SEMEL_JAVA_TRY(dumped.key, decode_text(decoding.key, *record.key));
  }
  if (record.value) {
    SEMEL_JAVA_TRY(dumped.payload, decode_text(decoding.value, *record.value));
  }
  return dumped;
}

Thrown<DumpedRecord> framed_record(const record::RecordView& record, std::string_view place) {
  DumpedRecord dumped;
  const Text json = metadata_record_json(record.value.value_or(bytes::ByteSpan{}));
  dumped.payload =
      json ? *json
           : fmt::format("Error at {}{}, skipping. {}", place, record.offset.value, json.error());
  return dumped;
}

std::string_view control_message(record::ControlType type) {
  switch (type) {
    case record::ControlType::kLeaderChange:
      return "LeaderChangeMessage";
    case record::ControlType::kSnapshotHeader:
      return "SnapshotHeaderRecord";
    case record::ControlType::kSnapshotFooter:
      return "SnapshotFooterRecord";
    case record::ControlType::kKRaftVersion:
      return "KRaftVersionRecord";
    case record::ControlType::kKRaftVoters:
      return "VotersRecord";
    default:
      return {};
  }
}

std::string_view control_label(record::ControlType type) {
  switch (type) {
    case record::ControlType::kLeaderChange:
      return "LeaderChange:";
    case record::ControlType::kSnapshotHeader:
      return "SnapshotHeader";
    case record::ControlType::kSnapshotFooter:
      return "SnapshotFooter";
    case record::ControlType::kKRaftVersion:
      return "KRaftVersion";
    default:
      return "KRaftVoters";
  }
}

}  // namespace

std::expected<std::string, std::string> metadata_record_json(bytes::ByteSpan value) {
  bytes::Reader reader(value);
  const uint32_t frame = reader.read_uvarint();
  if (!reader.ok()) return std::unexpected("Error while reading frame version");
  if (frame == 0)
    return std::unexpected(
        "Could not deserialize metadata record with frame version 0. Note that upgrades "
        "from the preview release of KRaft in 2.8 to newer versions are not supported.");
  if (frame != 1)
    return std::unexpected(
        fmt::format("Could not deserialize metadata record due to unknown frame version "
                    "{}(only frame version 1 is supported)",
                    frame));
  const uint32_t type = reader.read_uvarint();
  if (!reader.ok()) return std::unexpected("Error while reading type");
  const uint32_t version = reader.read_uvarint();
  if (!reader.ok()) return std::unexpected("Error while reading version");
  const AnyMessage* message = type <= INT16_MAX ? gen::find_message(MessageKind::kMetadataRecord,
                                                                    static_cast<int16_t>(type))
                                                : nullptr;
  if (message == nullptr)
    return std::unexpected(
        fmt::format("org.apache.kafka.common.errors.UnsupportedVersionException: Unknown "
                    "metadata id {}",
                    type));
  const Text data =
      print(*message, reader, static_cast<int16_t>(std::min<uint32_t>(version, INT16_MAX)));
  if (!data) return std::unexpected(data.error());
  if (reader.remaining() > 0)
    return std::unexpected(
        fmt::format("Found {} byte(s) of garbage after {}", reader.remaining(), type));
  return fmt::format("{{\"type\":\"{}\",\"version\":{},\"data\":{}}}",
                     record_type_name(message->name), version, *data);
}

Thrown<DumpedRecord> decode_record(const DumpDecoding& decoding, const record::RecordView& record) {
  const bool is_26 = decoding.style == DumpStyle::kKafka26;
  switch (decoding.decoder) {
    case DumpDecoder::kOffsets:
      if (is_26) return decode_offsets_26(record);
      return coordinator_record(MessageKind::kGroupKey, MessageKind::kGroupValue, record);
    case DumpDecoder::kTransactions:
      if (is_26) return decode_transaction_26(record);
      return coordinator_record(MessageKind::kTransactionKey, MessageKind::kTransactionValue,
                                record);
    case DumpDecoder::kShareState:
      return coordinator_record(MessageKind::kShareKey, MessageKind::kShareValue, record);
    case DumpDecoder::kClusterMetadata:
      return framed_record(record, "");
    case DumpDecoder::kRemoteMetadata:
      return framed_record(record, "offset ");
    case DumpDecoder::kText:
      break;
  }
  return text_record(decoding, record);
}

Thrown<std::string> describe_control_record(DumpStyle style, const record::RecordView& record) {
  const auto type = record::read_control_key(record.key);
  if (!type)
    return java_throw("org.apache.kafka.common.InvalidRecordException: " + type.error().context);
  const auto number = static_cast<int16_t>(*type);
  const bytes::ByteSpan value = record.value.value_or(bytes::ByteSpan{});
  bytes::Reader reader(value);
  const int16_t version = reader.read_i16();
  if (*type == record::ControlType::kAbort || *type == record::ControlType::kCommit) {
    const int32_t coordinator_epoch = reader.read_i32();
    if (!reader.ok())
      return java_throw(
          "org.apache.kafka.common.InvalidRecordException: Invalid end transaction marker");
    return fmt::format(" endTxnMarker: {} coordinatorEpoch: {}",
                       *type == record::ControlType::kCommit ? "COMMIT" : "ABORT",
                       coordinator_epoch);
  }
  const std::string_view name = control_message(*type);
  if (name.empty()) return fmt::format(" controlType: UNKNOWN({})", number);
  if (style == DumpStyle::kKafka26) return fmt::format(" controlType: UNKNOWN({})", number);
  bytes::Reader whole(value);
  const AnyMessage* message = gen::find_message(name);
  const Text json =
      print(*message, whole, std::clamp(version, message->min_version, message->max_version));
  if (!json) return java_throw("java.lang.RuntimeException: " + json.error());
  return fmt::format(" {} {}", control_label(*type), *json);
}

}  // namespace semel::cli
