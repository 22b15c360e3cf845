// Feature levels: which there are, what this program takes part in, and what a metadata.version
// allows (KIP-584, KIP-1022; levels of Kafka 4.3).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cluster/image.h"

namespace semel::cluster {

inline constexpr int16_t kMetadataVersionMin = 7;   // 3.3-IV3
inline constexpr int16_t kMetadataVersionMax = 30;  // 4.3-IV0
/// New directories are finalized here: all that this broker does, nothing that it does not
/// (4.0-IV3).
inline constexpr int16_t kMetadataVersionDefault = 25;

inline constexpr std::string_view kKraftVersion = "kraft.version";
inline constexpr std::string_view kTransactionVersion = "transaction.version";
inline constexpr std::string_view kElrVersion = "eligible.leader.replicas.version";

constexpr bool is_known_metadata_version(int16_t level) {
  return level >= kMetadataVersionMin && level <= kMetadataVersionMax;
}
/// "4.0-IV3" of 25; empty if unknown.
std::string_view metadata_version_name(int16_t level);
/// The level of "4.0-IV3", or of a release as "4.0" (its newest level); nothing if unknown.
std::optional<int16_t> metadata_version_of(std::string_view name);

/// What a metadata.version makes possible; names as Kafka's methods.
struct MetadataVersion {
  int16_t level;
  bool has_leader_epoch_bump_on_isr_shrink() const { return level < 12; }
  bool has_transactions() const { return level >= 13; }
  bool has_controller_registration() const { return level >= 15; }
  bool has_directory_assignment() const { return level >= 17; }
  bool has_elr() const { return level >= 23; }
  bool has_cordoned_directories() const { return level >= 30; }
  int16_t register_broker_record() const;
  int16_t partition_record() const { return has_elr() ? 2 : has_directory_assignment() ? 1 : 0; }
  int16_t partition_change_record() const { return partition_record(); }
};

struct Feature {
  std::string_view name;
  LevelRange supported;       // by Kafka 4.3
  LevelRange broker;          // what a semel broker registers for
  int16_t default_level = 0;  // of a new semel directory
};
/// Sorted by name; metadata.version and kraft.version included.
std::span<const Feature> known_features();
/// Null if unknown.
const Feature* find_feature(std::string_view name);
/// What a semel broker says of itself in its registration.
std::map<std::string, LevelRange> broker_features();
/// What the embedded controller accepts.
std::map<std::string, LevelRange> controller_features();

}  // namespace semel::cluster
