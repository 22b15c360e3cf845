// MetadataImage: everything that the metadata log says at one offset. Immutable; shared by pointer.
// One writer builds the next image from the last one (image_delta.h); readers on any thread keep
// the one they hold.
//
// Source of the records' meaning: KIP-500, KIP-631, KIP-858, KIP-966.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "cluster/persistent_map.h"

namespace semel::cluster {

/// Kafka's numbers (org.apache.kafka.common.security.auth.SecurityProtocol).
enum class SecurityProtocol : int16_t {
  kPlaintext = 0,
  kSsl = 1,
  kSaslPlaintext = 2,
  kSaslSsl = 3
};

struct Endpoint {
  std::string listener;  // name, e.g. "PLAINTEXT"
  std::string host;
  uint16_t port = 0;
  SecurityProtocol protocol = SecurityProtocol::kPlaintext;
  bool operator==(const Endpoint&) const = default;
};

struct LevelRange {
  int16_t min = 0;
  int16_t max = 0;
  bool operator==(const LevelRange&) const = default;
};

struct BrokerRegistration {
  BrokerId id;
  BrokerEpoch epoch;
  Uuid incarnation_id;
  std::vector<Endpoint> endpoints;
  std::map<std::string, LevelRange> features;  // by feature name
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  std::vector<DirectoryId> directories;           // online log directories
  std::vector<DirectoryId> cordoned_directories;  // KIP-1066

  /// Null if the broker has no such listener.
  const Endpoint* endpoint(std::string_view listener) const;
  bool has_online_directory(const DirectoryId& id) const;
};

struct ControllerRegistration {
  int32_t id = 0;
  Uuid incarnation_id;
  std::vector<Endpoint> endpoints;
  std::map<std::string, LevelRange> features;
};

enum class LeaderRecoveryState : int8_t { kRecovered = 0, kRecovering = 1 };

struct PartitionRegistration {
  std::vector<BrokerId> replicas;
  std::vector<DirectoryId> directories;  // of replicas[i]; as many as replicas
  std::vector<BrokerId> isr;
  std::vector<BrokerId> removing_replicas;
  std::vector<BrokerId> adding_replicas;
  std::vector<BrokerId> elr;  // KIP-966
  std::vector<BrokerId> last_known_elr;
  BrokerId leader = kNoBroker;  // kNoBroker = none
  LeaderRecoveryState recovery_state = LeaderRecoveryState::kRecovered;
  LeaderEpoch leader_epoch{0};
  int32_t partition_epoch = 0;

  bool has_leader() const { return leader.value >= 0; }
  bool has_replica(BrokerId id) const;
  bool is_in_isr(BrokerId id) const;
  /// kDirectoryMigrating if `id` is no replica.
  DirectoryId directory_of(BrokerId id) const;
  bool is_reassigning() const { return !removing_replicas.empty() || !adding_replicas.empty(); }
  bool operator==(const PartitionRegistration&) const = default;
};
using PartitionPtr = std::shared_ptr<const PartitionRegistration>;

struct TopicImage {
  std::string name;
  TopicId id;
  std::vector<PartitionPtr> partitions;  // by partition index; never null

  /// Null if there is no such partition.
  const PartitionRegistration* partition(PartitionIndex index) const {
    if (index.value < 0 || static_cast<size_t>(index.value) >= partitions.size()) return nullptr;
    return partitions[static_cast<size_t>(index.value)].get();
  }
};
using TopicPtr = std::shared_ptr<const TopicImage>;

struct TopicsImage {
  PersistentMap<std::string, TopicPtr, TextHash> by_name;
  PersistentMap<TopicId, TopicPtr> by_id;
};

struct BrokersImage {
  std::map<BrokerId, std::shared_ptr<const BrokerRegistration>> brokers;
  std::map<int32_t, ControllerRegistration> controllers;
};

/// Kafka's numbers (org.apache.kafka.common.config.ConfigResource.Type).
enum class ConfigResourceType : int8_t {
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32,
};

struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::kTopic;
  std::string name;  // topic, broker id as text ("" = every broker), …
  auto operator<=>(const ConfigResource&) const = default;
};
struct ConfigResourceHash {
  size_t operator()(const ConfigResource& resource) const noexcept {
    return TextHash{}(resource.name) * 31 + static_cast<size_t>(resource.type);
  }
};
/// What was set on one resource: key → value. Defaults are not here (config_schema.h).
using ConfigMap = std::map<std::string, std::string, std::less<>>;
using ConfigMapPtr = std::shared_ptr<const ConfigMap>;
using ConfigsImage = PersistentMap<ConfigResource, ConfigMapPtr, ConfigResourceHash>;

/// Finalized feature levels; a feature that is not here has level 0.
using FeatureLevels = std::map<std::string, int16_t, std::less<>>;

inline constexpr std::string_view kMetadataVersion = "metadata.version";

struct ScramCredential {
  int8_t mechanism = 0;  // 1 = SCRAM-SHA-256, 2 = SCRAM-SHA-512
  std::vector<uint8_t> salt;
  std::vector<uint8_t> stored_key;
  std::vector<uint8_t> server_key;
  int32_t iterations = 0;
};

/// One rule as the log holds it; numbers are Kafka's.
struct AclEntry {
  int8_t resource_type = 0;
  std::string resource_name;
  int8_t pattern_type = 0;
  std::string principal;
  std::string host;
  int8_t operation = 0;
  int8_t permission_type = 0;
};

/// (entity type, entity name; nothing = the default entity), sorted by type.
using QuotaEntity = std::vector<std::pair<std::string, std::optional<std::string>>>;

struct DelegationToken {
  std::string owner;
  std::string requester;
  std::vector<std::string> renewers;
  int64_t issue_ms = 0;
  int64_t max_ms = 0;
  int64_t expiry_ms = 0;
};

/// Who may do what, and how fast.
struct AccessImage {
  std::map<std::pair<std::string, int8_t>, ScramCredential> scram;  // by user and mechanism
  std::map<Uuid, AclEntry> acls;
  std::map<QuotaEntity, std::map<std::string, double>> quotas;
  std::map<std::string, DelegationToken> tokens;
};

struct MetadataImage {
  /// The last record replayed; −1 = none.
  Offset last_offset{-1};
  LeaderEpoch last_epoch{0};

  std::shared_ptr<const TopicsImage> topics;    // never null
  std::shared_ptr<const BrokersImage> brokers;  // never null
  std::shared_ptr<const ConfigsImage> configs;  // never null
  std::shared_ptr<const AccessImage> access;    // never null
  FeatureLevels features;
  /// First producer id that no broker has been given; −1 = none was ever given.
  int64_t next_producer_id = -1;

  MetadataImage();

  /// Null if there is none.
  TopicPtr topic(std::string_view name) const;
  TopicPtr topic(const TopicId& id) const;
  const PartitionRegistration* partition(std::string_view topic, PartitionIndex index) const;
  const BrokerRegistration* broker(BrokerId id) const;
  /// Registered and neither fenced nor shutting down.
  bool is_active(BrokerId id) const;
  /// What was set on the resource; null = nothing.
  ConfigMapPtr config(ConfigResourceType type, std::string_view name) const;
  /// 0 if not finalized.
  int16_t feature_level(std::string_view name) const;
  int16_t metadata_version() const { return feature_level(kMetadataVersion); }
};
using ImagePtr = std::shared_ptr<const MetadataImage>;

}  // namespace semel::cluster
