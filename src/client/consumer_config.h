// The settings of a consumer: Kafka's keys, defaults and refusals.
#pragma once

#include "client/producer_config.h"

namespace semel::client {

enum class OffsetReset : uint8_t { kLatest, kEarliest, kNone };

struct ConsumerConfig {
  ConnectionSettings connection;
  bool is_read_committed = false;
  bool checks_crcs = true;
  bool may_create_topics = true;
  OffsetReset offset_reset = OffsetReset::kLatest;
  int32_t fetch_min_bytes = 1;
  int32_t fetch_max_bytes = 52'428'800;  // of one answer; bounds the memory per broker
  int32_t partition_fetch_bytes = 1'048'576;
  Milliseconds fetch_max_wait{500};
  int32_t poll_records_max = 500;
  std::vector<std::string> warnings;  // to show the user

  static std::expected<ConsumerConfig, ConfigRefusal> from(
      std::span<const ClientSetting> settings, KafkaVersion version = KafkaVersion::k43);
};

}  // namespace semel::client
