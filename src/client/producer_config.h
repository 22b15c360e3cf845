// The settings of a producer: Kafka's keys (and librdkafka's aliases), Kafka's defaults and
// refusals.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bytes/codec.h"
#include "client/config_table.h"
#include "rt/network.h"

namespace semel::client {

using Milliseconds = std::chrono::milliseconds;

/// What every client needs in order to reach a cluster.
struct ConnectionSettings {
  std::vector<rt::Address> bootstrap;  // tried in random order
  std::string client_id;
  Milliseconds request_timeout{30'000};
  Milliseconds retry_backoff{100};
  Milliseconds retry_backoff_max{1'000};
  Milliseconds reconnect_backoff{50};
  Milliseconds reconnect_backoff_max{1'000};
  Milliseconds connection_setup_timeout{10'000};
  Milliseconds metadata_max_age{300'000};
  Milliseconds api_timeout{60'000};  // default.api.timeout.ms; producers have none
  std::string security_protocol = "PLAINTEXT";
};

enum class Partitioner : uint8_t {
  kSticky,      // murmur2 of the key; without one a partition is kept for a batch
  kRoundRobin,  // every record to the next partition, whatever its key
};

struct ProducerConfig {
  ConnectionSettings connection;
  int16_t acks = -1;  // 0, 1, −1 = all in-sync replicas
  bool is_idempotent = true;
  std::string transactional_id;  // empty: none
  int32_t retries = 2'147'483'647;
  int32_t in_flight_max = 5;  // requests per connection, ≥ 1
  Milliseconds linger{5};
  Milliseconds delivery_timeout{120'000};  // from send() to the report
  Milliseconds max_block{60'000};          // how long send() waits for room and for metadata
  size_t batch_size = 16'384;  // bytes, uncompressed; a larger record gets a batch of its own
  size_t buffer_memory = 33'554'432;    // bytes of records not yet reported
  size_t max_request_size = 1'048'576;  // bytes
  bytes::CodecId codec = bytes::CodecId::kNone;
  std::optional<int> codec_level;  // nothing = the codec's standard
  Partitioner partitioner = Partitioner::kSticky;
  bool ignores_keys = false;
  std::vector<std::string> warnings;  // to show the user

  /// Checks `settings` as the producer of `version` does. Warnings: unknown keys, keys that nothing
  /// acts on, idempotence switched off by other settings.
  static std::expected<ProducerConfig, ConfigRefusal> from(
      std::span<const ClientSetting> settings, KafkaVersion version = KafkaVersion::k43);
};

/// Parses a bootstrap list ("host:port,[v6]:port"). Refusals as of `version`; names are not
/// resolved.
std::expected<std::vector<rt::Address>, ConfigRefusal> parse_bootstrap(
    const CheckedSettings& settings, KafkaVersion version);

/// The part of the settings that producers, consumers and admin clients share.
std::expected<ConnectionSettings, ConfigRefusal> connection_settings(
    const CheckedSettings& settings, KafkaVersion version);

}  // namespace semel::client
