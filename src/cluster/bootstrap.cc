#include "cluster/bootstrap.h"

#include "cluster/features.h"

namespace semel::cluster {
namespace {

VersionedRecord level_record(std::string_view name, int16_t level) {
  gen::FeatureLevelRecord record;
  record.name = name;
  record.feature_level = level;
  return {std::move(record), 0};
}

int16_t level_in(const Records& records, std::string_view name) {
  int16_t level = 0;
  for (const VersionedRecord& record : records)
    if (const auto* feature = std::get_if<gen::FeatureLevelRecord>(&record.body))
      if (feature->name == name) level = feature->feature_level;
  return level;
}

}  // namespace

FeatureLevels default_feature_levels() {
  FeatureLevels levels;
  for (const Feature& feature : known_features())
    if (feature.default_level > 0) levels[std::string(feature.name)] = feature.default_level;
  return levels;
}

Records bootstrap_records(const FeatureLevels& features, const Records& extra) {
  Records records;
  if (const auto at = features.find(kMetadataVersion); at != features.end())
    records.push_back(level_record(kMetadataVersion, at->second));
  for (const auto& [name, level] : features)
    if (name != kMetadataVersion && name != kKraftVersion && level > 0)
      records.push_back(level_record(name, level));
  records.insert(records.end(), extra.begin(), extra.end());
  return records;
}

Records activation_records(const Records& bootstrap) {
  const MetadataVersion version{level_in(bootstrap, kMetadataVersion)};
  Records records;
  if (version.has_transactions()) {
    gen::BeginTransactionRecord begin;
    begin.name = "Bootstrap records";
    records.push_back({std::move(begin), 0});
  }
  records.insert(records.end(), bootstrap.begin(), bootstrap.end());
  if (level_in(bootstrap, kElrVersion) >= 1) {
    gen::ConfigRecord config;
    config.resource_type = static_cast<int8_t>(ConfigResourceType::kBroker);
    config.name = "min.insync.replicas";
    config.value = "1";
    records.push_back({std::move(config), 0});
  }
  if (version.has_transactions()) records.push_back({gen::EndTransactionRecord{}, 0});
  return records;
}

}  // namespace semel::cluster
