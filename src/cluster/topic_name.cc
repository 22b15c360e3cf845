#include "cluster/topic_name.h"

#include <algorithm>

#include <fmt/format.h>

namespace semel::cluster {
namespace {

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::string reason(std::string_view name) {
  if (name.empty()) return "the empty string is not allowed";
  if (name == "." || name == "..") return fmt::format("'{}' is not allowed", name);
  if (name.size() > kTopicNameMax)
    return fmt::format("the length of '{}' is longer than the max allowed length {}", name,
                       kTopicNameMax);
  if (std::ranges::all_of(name, is_legal)) return {};
  return fmt::format(
      "'{}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
      name);
}

}  // namespace

Result<void> check_topic_name(std::string_view name) {
  const std::string why = reason(name);
  if (why.empty()) return {};
  return fail(ErrorCode::kInvalidTopicException, "Topic name is invalid: " + why);
}

bool topic_names_collide(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](char x, char y) { return (x == '.' ? '_' : x) == (y == '.' ? '_' : y); });
}

}  // namespace semel::cluster
