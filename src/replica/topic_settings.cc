#include "replica/topic_settings.h"

#include <charconv>

#include "base/log.h"

namespace semel::replica {
namespace {

template <class Int>
void read_number(const cluster::ConfigLayers& layers, std::string_view key, Int& value) {
  const std::string text = cluster::topic_config_value(key, layers);
  if (text.empty()) return;  // not set, and without a default
  Int read{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (error == std::errc() && end == text.data() + text.size())
    value = read;
  else
    log_warn("replica", "setting {}={} is not a number; it counts as not set", key, text);
}

std::optional<record::CodecId> codec_of(std::string_view name) {
  if (name == "uncompressed" || name == "none") return record::CodecId::kNone;
  if (name == "gzip") return record::CodecId::kGzip;
  if (name == "snappy") return record::CodecId::kSnappy;
  if (name == "lz4") return record::CodecId::kLz4;
  if (name == "zstd") return record::CodecId::kZstd;
  return std::nullopt;
}

void read_compression(const cluster::ConfigLayers& layers, TopicSettings& settings) {
  settings.codec = codec_of(cluster::topic_config_value("compression.type", layers));
  if (!settings.codec) return;
  std::string_view key;
  if (*settings.codec == record::CodecId::kGzip) key = "compression.gzip.level";
  if (*settings.codec == record::CodecId::kLz4) key = "compression.lz4.level";
  if (*settings.codec == record::CodecId::kZstd) key = "compression.zstd.level";
  if (key.empty()) return;
  int level = 0;
  read_number(layers, key, level);
  settings.level = level;
}

}  // namespace

TopicSettings read_topic_settings(const cluster::ConfigLayers& layers) {
  TopicSettings settings;
  log::LogConfig& log = settings.log;
  read_number(layers, "segment.bytes", log.segment_bytes);
  read_number(layers, "internal.segment.bytes", log.segment_bytes);  // Kafka's, for tests: it wins
  read_number(layers, "segment.ms", log.segment_ms);
  read_number(layers, "segment.jitter.ms", log.segment_jitter_ms);
  read_number(layers, "segment.index.bytes", log.segment_index_bytes);
  read_number(layers, "index.interval.bytes", log.index_interval_bytes);
  read_number(layers, "retention.ms", log.retention_ms);
  read_number(layers, "retention.bytes", log.retention_bytes);
  read_number(layers, "file.delete.delay.ms", log.file_delete_delay_ms);
  read_number(layers, "flush.messages", log.flush_messages);
  read_number(layers, "flush.ms", log.flush_ms);
  read_number(layers, "max.compaction.lag.ms", log.max_compaction_lag_ms);
  log.preallocate = cluster::topic_config_value("preallocate", layers) == "true";
  const std::string policy = cluster::topic_config_value("cleanup.policy", layers);
  log.deletes = policy.find("delete") != std::string::npos;
  log.compacts = policy.find("compact") != std::string::npos;
  read_number(layers, "max.message.bytes", settings.batch_size_max);
  read_number(layers, "message.timestamp.before.max.ms", settings.timestamp_before_max_ms);
  read_number(layers, "message.timestamp.after.max.ms", settings.timestamp_after_max_ms);
  if (cluster::topic_config_value("message.timestamp.type", layers) == "LogAppendTime")
    settings.timestamp_type = record::TimestampType::kLogAppendTime;
  read_number(layers, "min.insync.replicas", settings.isr_min);
  read_compression(layers, settings);
  return settings;
}

TopicSettings topic_settings(const cluster::MetadataImage& image, std::string_view topic,
                             BrokerId self, const cluster::ConfigMap& static_broker) {
  using cluster::ConfigResourceType;
  const cluster::ConfigMapPtr own = image.config(ConfigResourceType::kTopic, topic);
  const cluster::ConfigMapPtr broker =
      image.config(ConfigResourceType::kBroker, std::to_string(self.value));
  const cluster::ConfigMapPtr all = image.config(ConfigResourceType::kBroker, "");
  return read_topic_settings({own.get(), broker.get(), all.get(), &static_broker});
}

}  // namespace semel::replica
