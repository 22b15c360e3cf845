// `kafka-storage.sh version-mapping` and `feature-dependencies`: what Kafka 4.3.1 knows of its
// feature levels, in its words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace semel::cli {

/// Every metadata.version that Kafka 4.3.1 names in its refusals, and the level of `release` or its
/// refusal.
Result<int16_t> metadata_version_level(const std::string& release);
/// The levels that a release finalizes in new directories, one a line; the newest without a
/// release.
Result<std::string> version_mapping(const std::optional<std::string>& release);
/// A line for each "feature=level". Error: the first that is none.
Result<std::string> feature_dependencies(const std::vector<std::string>& features);

}  // namespace semel::cli
