// How far apart two names are; for "did you mean …?".
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace semel {

/// Levenshtein distance, for names of at most a few dozen characters.
size_t edit_distance(std::string_view a, std::string_view b);

/// The name in `known` that is nearest to `name`; empty if none is near enough to be meant.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace semel
