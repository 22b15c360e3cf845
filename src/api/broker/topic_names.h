// Names of topics: what is allowed, and which ones belong to Kafka itself.
#pragma once

#include <string_view>

namespace semel::api::broker {

/// `__consumer_offsets`, `__transaction_state`, `__share_group_state`.
bool is_internal_topic(std::string_view name);
/// 1 … 249 characters of [a-zA-Z0-9._-], not "." or "..".
bool is_valid_topic(std::string_view name);

}  // namespace semel::api::broker
