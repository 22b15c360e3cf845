#include "cli/storage_features.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "cluster/features.h"

namespace semel::cli {
namespace {

/// Known to Kafka 4.3.1, but not for production.
constexpr int16_t kUnstableLevel = 31;
constexpr std::string_view kUnstableName = "4.4-IV0";

/// From which metadata.version on a new directory has the feature at this level.
struct Bootstrap {
  std::string_view feature;
  int16_t metadata_version;
  int16_t level;
};
constexpr Bootstrap kBootstraps[] = {
    {"kraft.version", 21, 1}, {"transaction.version", 24, 2},
    {"group.version", 22, 1}, {"eligible.leader.replicas.version", 26, 1},
    {"share.version", 28, 1}, {"streams.version", 29, 1}};

std::string_view name_of(int16_t level) {
  return level == kUnstableLevel ? kUnstableName : cluster::metadata_version_name(level);
}

Result<std::string> dependencies_of(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos)
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("Invalid feature format: {}. Expected format: 'feature=version' (e.g. "
                            "'group.version=1')",
                            text));
  const std::string name = text.substr(0, equals);
  const std::string digits = text.substr(equals + 1);
  int16_t level = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), level);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("Invalid version format: {} for feature {}", digits, name));
  const cluster::Feature* feature = cluster::find_feature(name);
  if (feature == nullptr) return fail(ErrorCode::kInvalidConfig, "Unknown feature: " + name);
  if (name == cluster::kMetadataVersion) {
    if (name_of(level).empty())
      return fail(ErrorCode::kInvalidConfig, fmt::format("Unknown metadata.version {}", level));
    return fmt::format("{}={} ({}) has no dependencies.\n", name, level, name_of(level));
  }
  if (level < 0 || level > feature->supported.max)
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("Feature level {} is not supported for feature {}", level, name));
  const bool needs_elr_fields = name == cluster::kElrVersion && level > 0;
  if (!needs_elr_fields) return fmt::format("{}={} has no dependencies.\n", name, level);
  constexpr int16_t kElrLevel = 23;
  return fmt::format("{}={} requires:\n    metadata.version={} ({})\n", name, level, kElrLevel,
                     name_of(kElrLevel));
}

}  // namespace

Result<int16_t> metadata_version_level(const std::string& release) {
  if (const auto level = cluster::metadata_version_of(release)) return *level;
  std::string known;
  for (int16_t level = cluster::kMetadataVersionMin; level <= cluster::kMetadataVersionMax; ++level)
    known += fmt::format("{}, ", name_of(level));
  return fail(ErrorCode::kInvalidConfig,
              fmt::format("Unknown metadata.version '{}'. Supported metadata.version are: {}{}",
                          release, known, kUnstableName));
}

Result<std::string> version_mapping(const std::optional<std::string>& release) {
  int16_t level = cluster::kMetadataVersionMax;
  if (release) {
    SEMEL_TRY(level, metadata_version_level(*release));
  }
  std::string text = fmt::format("metadata.version={} ({})\n", level,
                                 release ? std::string_view(*release) : name_of(level));
  for (const auto& [feature, from, made] : kBootstraps)
    text += fmt::format("{}={}\n", feature, level >= from ? made : 0);
  return text;
}

Result<std::string> feature_dependencies(const std::vector<std::string>& features) {
  std::string text;
  for (const std::string& feature : features) {
    SEMEL_TRY(const std::string line, dependencies_of(feature));
    text += line;
  }
  return text;
}

}  // namespace semel::cli
