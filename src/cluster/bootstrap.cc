#include "cluster/bootstrap.h"

#include "cluster/features.h"

namespace semel::cluster {
namespace {

int16_t level_in(const Records& records, std::string_view name) {
  int16_t level = 0;
  for (const VersionedRecord& record : records)
    if (const auto* feature = std::get_if<gen::FeatureLevelRecord>(&record.body))
      if (feature->name == name) level = feature->feature_level;
  return level;
}

}  // namespace

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
