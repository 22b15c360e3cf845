#include "cluster/features.h"

#include <algorithm>
#include <array>

namespace semel::cluster {
namespace {

struct Version {
  int16_t level;
  std::string_view name;
};
constexpr std::array kVersions{
    Version{7, "3.3-IV3"},  Version{8, "3.4-IV0"},  Version{9, "3.5-IV0"},  Version{10, "3.5-IV1"},
    Version{11, "3.5-IV2"}, Version{12, "3.6-IV0"}, Version{13, "3.6-IV1"}, Version{14, "3.6-IV2"},
    Version{15, "3.7-IV0"}, Version{16, "3.7-IV1"}, Version{17, "3.7-IV2"}, Version{18, "3.7-IV3"},
    Version{19, "3.7-IV4"}, Version{20, "3.8-IV0"}, Version{21, "3.9-IV0"}, Version{22, "4.0-IV0"},
    Version{23, "4.0-IV1"}, Version{24, "4.0-IV2"}, Version{25, "4.0-IV3"}, Version{26, "4.1-IV0"},
    Version{27, "4.1-IV1"}, Version{28, "4.2-IV0"}, Version{29, "4.2-IV1"}, Version{30, "4.3-IV0"},
};

constexpr std::array kFeatures{
    Feature{kElrVersion, {0, 1}, {0, 1}, 0},
    Feature{"group.version", {0, 1}, {0, 0}, 0},
    Feature{kKraftVersion, {0, 1}, {0, 1}, 1},
    Feature{kMetadataVersion,
            {kMetadataVersionMin, kMetadataVersionMax},
            {kMetadataVersionMin, kMetadataVersionMax},
            kMetadataVersionDefault},
    Feature{"share.version", {0, 1}, {0, 0}, 0},
    Feature{"streams.version", {0, 1}, {0, 0}, 0},
    Feature{kTransactionVersion, {0, 2}, {0, 2}, 2},
};

}  // namespace

std::string_view metadata_version_name(int16_t level) {
  const auto at = std::ranges::find(kVersions, level, &Version::level);
  return at == kVersions.end() ? std::string_view() : at->name;
}

std::optional<int16_t> metadata_version_of(std::string_view name) {
  for (auto version = kVersions.rbegin(); version != kVersions.rend(); ++version) {
    if (version->name == name) return version->level;
    if (version->name.substr(0, version->name.find('-')) == name) return version->level;
  }
  return std::nullopt;
}

int16_t MetadataVersion::register_broker_record() const {
  if (has_cordoned_directories()) return 4;
  if (has_directory_assignment()) return 3;
  return level >= 8 ? 2 : 1;
}

std::span<const Feature> known_features() { return kFeatures; }

const Feature* find_feature(std::string_view name) {
  const auto at = std::ranges::find(kFeatures, name, &Feature::name);
  return at == kFeatures.end() ? nullptr : &*at;
}

std::map<std::string, LevelRange> broker_features() {
  std::map<std::string, LevelRange> features;
  for (const Feature& feature : kFeatures)
    if (feature.broker.max > 0) features[std::string(feature.name)] = feature.broker;
  return features;
}

std::map<std::string, LevelRange> controller_features() {
  std::map<std::string, LevelRange> features;
  for (const Feature& feature : kFeatures) features[std::string(feature.name)] = feature.supported;
  return features;
}

}  // namespace semel::cluster
