// meta.properties: who a log directory belongs to (Java properties, versions 0 and 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "rt/disk.h"

namespace semel::log {

struct MetaProperties {
  int32_t version = 1;  // 0 = ZooKeeper era: broker.id; 1 = KRaft: node.id
  std::optional<BrokerId> node_id;
  std::string cluster_id;                   // may be empty in version 0
  std::optional<DirectoryId> directory_id;  // from Kafka 3.7

  bool operator==(const MetaProperties&) const = default;
};

inline constexpr std::string_view kMetaPropertiesName = "meta.properties";

/// Fails with kInvalidConfig on unknown versions, missing or malformed values.
Result<MetaProperties> parse_meta_properties(std::string_view text);
/// As `kafka-storage.sh format` writes it; `date` is the comment line without '#', as Java's
/// Properties.store puts it.
std::string format_meta_properties(const MetaProperties& properties, std::string_view date);
/// "Sun Nov 22 22:16:07 UTC 2026"
std::string java_date(int64_t unix_ms);

/// Nothing if the file is not there.
Result<std::optional<MetaProperties>> read_meta_properties(rt::Disk& disk,
                                                           const std::string& directory);
/// Durable: temporary file, sync, rename, directory sync.
Result<void> write_meta_properties(rt::Disk& disk, const std::string& directory,
                                   const MetaProperties& properties, int64_t now_ms);

}  // namespace semel::log
