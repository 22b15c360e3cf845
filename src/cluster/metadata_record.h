// MetadataRecord: one record of the metadata log, and its bytes: unsigned varints of frame version
// (1), record type and version, then the message (docs/formats/cluster-metadata.md).
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "bytes/buffer.h"
#include "bytes/writer.h"
#include "gen/metadata/abort_transaction_record.h"
#include "gen/metadata/access_control_entry_record.h"
#include "gen/metadata/begin_transaction_record.h"
#include "gen/metadata/broker_registration_change_record.h"
#include "gen/metadata/clear_elr_record.h"
#include "gen/metadata/client_quota_record.h"
#include "gen/metadata/config_record.h"
#include "gen/metadata/delegation_token_record.h"
#include "gen/metadata/end_transaction_record.h"
#include "gen/metadata/feature_level_record.h"
#include "gen/metadata/fence_broker_record.h"
#include "gen/metadata/no_op_record.h"
#include "gen/metadata/partition_change_record.h"
#include "gen/metadata/partition_record.h"
#include "gen/metadata/producer_ids_record.h"
#include "gen/metadata/register_broker_record.h"
#include "gen/metadata/register_controller_record.h"
#include "gen/metadata/remove_access_control_entry_record.h"
#include "gen/metadata/remove_delegation_token_record.h"
#include "gen/metadata/remove_topic_record.h"
#include "gen/metadata/remove_user_scram_credential_record.h"
#include "gen/metadata/topic_record.h"
#include "gen/metadata/unfence_broker_record.h"
#include "gen/metadata/unregister_broker_record.h"
#include "gen/metadata/user_scram_credential_record.h"
#include "gen/metadata/zk_migration_state_record.h"

namespace semel::cluster {

using MetadataRecord = std::variant<
    gen::RegisterBrokerRecord, gen::UnregisterBrokerRecord, gen::TopicRecord, gen::PartitionRecord,
    gen::ConfigRecord, gen::PartitionChangeRecord, gen::FenceBrokerRecord, gen::UnfenceBrokerRecord,
    gen::RemoveTopicRecord, gen::DelegationTokenRecord, gen::UserScramCredentialRecord,
    gen::FeatureLevelRecord, gen::ClientQuotaRecord, gen::ProducerIdsRecord,
    gen::BrokerRegistrationChangeRecord, gen::AccessControlEntryRecord,
    gen::RemoveAccessControlEntryRecord, gen::NoOpRecord, gen::ZkMigrationStateRecord,
    gen::RemoveUserScramCredentialRecord, gen::BeginTransactionRecord, gen::EndTransactionRecord,
    gen::AbortTransactionRecord, gen::RemoveDelegationTokenRecord, gen::RegisterControllerRecord,
    gen::ClearElrRecord>;

struct VersionedRecord {
  MetadataRecord body;
  int16_t version = 0;
};
using Records = std::vector<VersionedRecord>;

/// The number of the record's type on disk.
int16_t record_type(const MetadataRecord& record);
/// "PARTITION_CHANGE_RECORD", as Kafka's tools print it.
std::string_view record_type_name(const MetadataRecord& record);

/// Errors: kUnsupportedVersion for a frame version, type or record version that is not known (fatal
/// for a node: the log's meaning is lost), kCorruptMessage for anything else, trailing bytes
/// included.
Result<VersionedRecord> decode_record(bytes::ByteSpan value);
/// A record that does not fit its version is a bug of this program.
void encode_record(const VersionedRecord& record, bytes::Writer& writer);

}  // namespace semel::cluster
