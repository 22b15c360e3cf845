// What Kafka 4.3.1 knows of topic settings. A table, sorted by name.
#include "cluster/config_schema.h"

namespace semel::cluster {
namespace {

using enum ConfigType;
constexpr std::nullopt_t kNone = std::nullopt;
constexpr const char* kLongMax = "9223372036854775807";
constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 3'600'000;

// clang-format off
constexpr TopicConfigKey kKeys[] = {
    {"cleanup.policy", kList, "delete", kNone, kNone, "compact, delete", {{"log.cleanup.policy"}}},
    {"compression.gzip.level", kInt, "-1", -1, 9, nullptr, {{"compression.gzip.level"}}},
    {"compression.lz4.level", kInt, "9", 1, 17, nullptr, {{"compression.lz4.level"}}},
    {"compression.type", kString, "producer", kNone, kNone, "uncompressed, zstd, lz4, snappy, gzip, producer", {{"compression.type"}}},
    {"compression.zstd.level", kInt, "3", -131072, 22, nullptr, {{"compression.zstd.level"}}},
    {"delete.retention.ms", kLong, "86400000", 0, kNone, nullptr, {{"log.cleaner.delete.retention.ms"}}},
    {"file.delete.delay.ms", kLong, "60000", 0, kNone, nullptr, {{"log.segment.delete.delay.ms"}}},
    {"flush.messages", kLong, kLongMax, 1, kNone, nullptr, {{"log.flush.interval.messages"}}},
    {"flush.ms", kLong, kLongMax, 0, kNone, nullptr, {{"log.flush.interval.ms"}, {"log.flush.scheduler.interval.ms"}}},
    {"follower.replication.throttled.replicas", kList, "", kNone, kNone},
    {"index.interval.bytes", kInt, "4096", 0, kNone, nullptr, {{"log.index.interval.bytes"}}},
    {"internal.segment.bytes", kInt, nullptr, kNone, kNone, nullptr, {}, true},
    {"leader.replication.throttled.replicas", kList, "", kNone, kNone},
    {"local.retention.bytes", kLong, "-2", -2, kNone, nullptr, {{"log.local.retention.bytes"}}},
    {"local.retention.ms", kLong, "-2", -2, kNone, nullptr, {{"log.local.retention.ms"}}},
    {"max.compaction.lag.ms", kLong, kLongMax, 1, kNone, nullptr, {{"log.cleaner.max.compaction.lag.ms"}}},
    {"max.message.bytes", kInt, "1048588", 0, kNone, nullptr, {{"message.max.bytes"}}},
    {"message.timestamp.after.max.ms", kLong, "3600000", 0, kNone, nullptr, {{"log.message.timestamp.after.max.ms"}}},
    {"message.timestamp.before.max.ms", kLong, kLongMax, 0, kNone, nullptr, {{"log.message.timestamp.before.max.ms"}}},
    {"message.timestamp.type", kString, "CreateTime", kNone, kNone, "CreateTime, LogAppendTime", {{"log.message.timestamp.type"}}},
    {"min.cleanable.dirty.ratio", kDouble, "0.5", 0, 1, nullptr, {{"log.cleaner.min.cleanable.ratio"}}},
    {"min.compaction.lag.ms", kLong, "0", 0, kNone, nullptr, {{"log.cleaner.min.compaction.lag.ms"}}},
    {"min.insync.replicas", kInt, "1", 1, kNone, nullptr, {{"min.insync.replicas"}}},
    {"preallocate", kBoolean, "false", kNone, kNone, nullptr, {{"log.preallocate"}}},
    {"remote.log.copy.disable", kBoolean, "false", kNone, kNone},
    {"remote.log.delete.on.disable", kBoolean, "false", kNone, kNone},
    {"remote.storage.enable", kBoolean, "false", kNone, kNone},
    {"retention.bytes", kLong, "-1", kNone, kNone, nullptr, {{"log.retention.bytes"}}},
    {"retention.ms", kLong, "604800000", -1, kNone, nullptr, {{"log.retention.ms"}, {"log.retention.minutes", kMinute}, {"log.retention.hours", kHour}}},
    {"segment.bytes", kInt, "1073741824", 1048576, kNone, nullptr, {{"log.segment.bytes"}}},
    {"segment.index.bytes", kInt, "10485760", 4, kNone, nullptr, {{"log.index.size.max.bytes"}}},
    {"segment.jitter.ms", kLong, "0", 0, kNone, nullptr, {{"log.roll.jitter.ms"}, {"log.roll.jitter.hours", kHour}}},
    {"segment.ms", kLong, "604800000", 1, kNone, nullptr, {{"log.roll.ms"}, {"log.roll.hours", kHour}}},
    {"unclean.leader.election.enable", kBoolean, "false", kNone, kNone, nullptr, {{"unclean.leader.election.enable"}}},
};
// clang-format on

}  // namespace

std::span<const TopicConfigKey> topic_config_keys() { return kKeys; }

}  // namespace semel::cluster
