// TopicSettings: the effective settings of a topic that its partitions act on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/config_schema.h"
#include "cluster/image.h"
#include "log/log_config.h"
#include "record/batch_validator.h"

namespace semel::replica {

struct TopicSettings {
  log::LogConfig log;
  int32_t batch_size_max = 1048588;                 // max.message.bytes
  int64_t timestamp_before_max_ms = log::kNoLimit;  // message.timestamp.before.max.ms
  int64_t timestamp_after_max_ms = 3'600'000;       // message.timestamp.after.max.ms
  record::TimestampType timestamp_type = record::TimestampType::kCreateTime;
  std::optional<record::CodecId> codec;  // compression.type; nothing = producer
  std::optional<int> level;              // compression.<codec>.level
  int32_t isr_min = 1;                   // min.insync.replicas

  bool operator==(const TopicSettings&) const = default;
};

/// The settings that `layers` give. A text that is no value of its key (they are checked where they
/// are set) counts as Kafka's default, with a warning.
TopicSettings read_topic_settings(const cluster::ConfigLayers& layers);

/// The settings of `topic` on broker `self`, with what `image` and server.properties say.
TopicSettings topic_settings(const cluster::MetadataImage& image, std::string_view topic,
                             BrokerId self, const cluster::ConfigMap& static_broker);

}  // namespace semel::replica
