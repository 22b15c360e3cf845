#include "api/broker/topic_names.h"

#include <algorithm>

namespace semel::api::broker {

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

bool is_valid_topic(std::string_view name) {
  constexpr size_t kNameMax = 249;
  if (name.empty() || name.size() > kNameMax || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace semel::api::broker
