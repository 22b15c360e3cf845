// Names of topics: which are allowed, and which collide in metric names.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace semel::cluster {

inline constexpr size_t kTopicNameMax = 249;
inline constexpr std::string_view kClusterMetadataTopic = "__cluster_metadata";

/// kInvalidTopicException with Kafka's text ("Topic name is invalid: …").
Result<void> check_topic_name(std::string_view name);
/// True if the names differ only in '.' and '_'.
bool topic_names_collide(std::string_view a, std::string_view b);

}  // namespace semel::cluster
