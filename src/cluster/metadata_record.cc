#include "cluster/metadata_record.h"

#include <array>

#include <fmt/format.h>

#include "base/assert.h"
#include "bytes/reader.h"

namespace semel::cluster {
namespace {

constexpr uint32_t kFrameVersion = 1;

struct Type {
  int16_t number;
  std::string_view name;
  MetadataRecord (*make)();
};

template <class Record>
MetadataRecord make_record() {
  return Record{};
}
template <class Record>
constexpr Type type_of(std::string_view name) {
  return {Record::kApiKey, name, &make_record<Record>};
}

constexpr std::array kTypes{
    type_of<gen::RegisterBrokerRecord>("REGISTER_BROKER_RECORD"),
    type_of<gen::UnregisterBrokerRecord>("UNREGISTER_BROKER_RECORD"),
    type_of<gen::TopicRecord>("TOPIC_RECORD"),
    type_of<gen::PartitionRecord>("PARTITION_RECORD"),
    type_of<gen::ConfigRecord>("CONFIG_RECORD"),
    type_of<gen::PartitionChangeRecord>("PARTITION_CHANGE_RECORD"),
    type_of<gen::FenceBrokerRecord>("FENCE_BROKER_RECORD"),
    type_of<gen::UnfenceBrokerRecord>("UNFENCE_BROKER_RECORD"),
    type_of<gen::RemoveTopicRecord>("REMOVE_TOPIC_RECORD"),
    type_of<gen::DelegationTokenRecord>("DELEGATION_TOKEN_RECORD"),
    type_of<gen::UserScramCredentialRecord>("USER_SCRAM_CREDENTIAL_RECORD"),
    type_of<gen::FeatureLevelRecord>("FEATURE_LEVEL_RECORD"),
    type_of<gen::ClientQuotaRecord>("CLIENT_QUOTA_RECORD"),
    type_of<gen::ProducerIdsRecord>("PRODUCER_IDS_RECORD"),
    type_of<gen::BrokerRegistrationChangeRecord>("BROKER_REGISTRATION_CHANGE_RECORD"),
    type_of<gen::AccessControlEntryRecord>("ACCESS_CONTROL_ENTRY_RECORD"),
    type_of<gen::RemoveAccessControlEntryRecord>("REMOVE_ACCESS_CONTROL_ENTRY_RECORD"),
    type_of<gen::NoOpRecord>("NO_OP_RECORD"),
    type_of<gen::ZkMigrationStateRecord>("ZK_MIGRATION_STATE_RECORD"),
    type_of<gen::RemoveUserScramCredentialRecord>("REMOVE_USER_SCRAM_CREDENTIAL_RECORD"),
    type_of<gen::BeginTransactionRecord>("BEGIN_TRANSACTION_RECORD"),
    type_of<gen::EndTransactionRecord>("END_TRANSACTION_RECORD"),
    type_of<gen::AbortTransactionRecord>("ABORT_TRANSACTION_RECORD"),
    type_of<gen::RemoveDelegationTokenRecord>("REMOVE_DELEGATION_TOKEN_RECORD"),
    type_of<gen::RegisterControllerRecord>("REGISTER_CONTROLLER_RECORD"),
    type_of<gen::ClearElrRecord>("CLEAR_ELR_RECORD"),
};
static_assert(kTypes.size() == std::variant_size_v<MetadataRecord>);

const Type* find_type(uint32_t number) {
  for (const Type& type : kTypes)
    if (static_cast<uint32_t>(type.number) == number) return &type;
  return nullptr;
}

}  // namespace

int16_t record_type(const MetadataRecord& record) {
  return std::visit([](const auto& body) { return std::decay_t<decltype(body)>::kApiKey; }, record);
}

std::string_view record_type_name(const MetadataRecord& record) {
  return find_type(static_cast<uint32_t>(record_type(record)))->name;
}

Result<VersionedRecord> decode_record(bytes::ByteSpan value) {
  bytes::Reader reader(value);
  const uint32_t frame = reader.read_uvarint();
  const uint32_t number = reader.read_uvarint();
  const uint32_t version = reader.read_uvarint();
  if (!reader.ok()) return fail(ErrorCode::kCorruptMessage, "a metadata record ends in its frame");
  if (frame != kFrameVersion)
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("metadata record frame version {}", frame));
  const Type* type = find_type(number);
  if (type == nullptr)
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("metadata record of unknown type {}", number));
  if (version > INT16_MAX)
    return fail(ErrorCode::kUnsupportedVersion, fmt::format("{} version {}", type->name, version));
  VersionedRecord record{type->make(), static_cast<int16_t>(version)};
  const auto decode = [&](auto& body) { return body.decode(reader, record.version); };
  if (auto decoded = std::visit(decode, record.body); !decoded)
    return fail(std::move(decoded.error()), type->name);
  if (reader.remaining() != 0)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("{} bytes follow a {}", reader.remaining(), type->name));
  return record;
}

void encode_record(const VersionedRecord& record, bytes::Writer& writer) {
  writer.put_uvarint(kFrameVersion);
  writer.put_uvarint(static_cast<uint32_t>(record_type(record.body)));
  writer.put_uvarint(static_cast<uint32_t>(record.version));
  const auto encode = [&](const auto& body) { return body.encode(writer, record.version); };
  const auto encoded = std::visit(encode, record.body);
  SEMEL_ASSERT(encoded.has_value(), encoded.has_value() ? "" : encoded.error().context);
}

}  // namespace semel::cluster
