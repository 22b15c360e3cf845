#include "cluster/config_schema.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace semel::cluster {
namespace {

std::string verdict(const std::string& name, const std::string& value) {
  const auto result = validate_topic_config({{name, value}});
  return result ? "" : result.error().context;
}

TEST(TopicConfig, IsRefusedWithKafkasText) {
  EXPECT_EQ(verdict("retention.ms", "abc"),
            "Invalid value abc for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(verdict("retention.ms", ""),
            "Invalid value  for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(verdict("retention.ms", "-2"),
            "Invalid value -2 for configuration retention.ms: Value must be at least -1");
  EXPECT_EQ(
      verdict("cleanup.policy", "foo"),
      "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete");
  EXPECT_EQ(verdict("compression.type", "brotli"),
            "Invalid value brotli for configuration compression.type: String must be one of: "
            "uncompressed, zstd, "
            "lz4, snappy, gzip, producer");
  EXPECT_EQ(verdict("segment.bytes", "99999999999"),
            "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT");
  EXPECT_EQ(verdict("segment.bytes", "1"),
            "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576");
  EXPECT_EQ(
      verdict("preallocate", "yes"),
      "Invalid value yes for configuration preallocate: Expected value to be either true or false");
  EXPECT_EQ(verdict("min.cleanable.dirty.ratio", "2"),
            "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more "
            "than 1");
  EXPECT_EQ(verdict("compression.gzip.level", "0"),
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and "
            "9 or equal to -1");
  EXPECT_EQ(verdict("follower.replication.throttled.replicas", "a"),
            "Invalid value [a] for configuration follower.replication.throttled.replicas: "
            "follower.replication.throttled.replicas must be the literal '*' or a list of replicas "
            "in the "
            "following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...");
  EXPECT_EQ(verdict("nosuch", "1"), "Unknown topic config name: nosuch");
  EXPECT_EQ(verdict("semel.flush", "ack"), "Unknown topic config name: semel.flush");
  const auto conflict =
      validate_topic_config({{"min.compaction.lag.ms", "100"}, {"max.compaction.lag.ms", "50"}});
  EXPECT_EQ(
      conflict.error().context,
      "conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (50)");
}

TEST(TopicConfig, IsAcceptedAsByKafka) {
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"cleanup.policy", "compact , delete"},
                                          {"retention.ms", " 5 "},
                                          {"segment.ms", "1"},
                                          {"unclean.leader.election.enable", "TRUE"},
                                          {"leader.replication.throttled.replicas", "*"},
                                          {"follower.replication.throttled.replicas", "1:2,3:4"},
                                          {"compression.gzip.level", "-1"},
                                          {"internal.segment.bytes", "2000"},
                                          {"remote.storage.enable", "true"}})
    EXPECT_EQ(verdict(name, value), "") << name;
  EXPECT_EQ(verdict("cleanup.policy", ""), "");
}

TEST(TopicConfig, DefaultsComeFromTheStrongestLayer) {
  const ConfigMap server{{"log.retention.hours", "24"}, {"log.segment.bytes", "2000000"}};
  const ConfigMap cluster{{"min.insync.replicas", "2"}};
  const ConfigMap topic{{"segment.bytes", "3000000"}};
  const ConfigLayers layers{
      .topic = &topic, .broker = nullptr, .cluster = &cluster, .static_broker = &server};
  EXPECT_EQ(topic_config_number("retention.ms", layers), 86'400'000);
  EXPECT_EQ(topic_config_number("segment.bytes", layers), 3'000'000);
  EXPECT_EQ(topic_config_number("min.insync.replicas", layers), 2);
  EXPECT_EQ(topic_config_value("cleanup.policy", layers), "delete");
  const EffectiveConfig isr =
      effective_topic_config(*find_topic_config("min.insync.replicas"), layers);
  ASSERT_EQ(isr.synonyms.size(), 2u);
  EXPECT_EQ(isr.source, ConfigSource::kDynamicDefaultBroker);
  EXPECT_EQ(isr.synonyms[1].source, ConfigSource::kDefault);
  EXPECT_TRUE(effective_topic_config(*find_topic_config("retention.ms"), {}).synonyms.empty());
}

std::string shown(const EffectiveConfig& config) {
  std::string text = config.value + " " + std::to_string(static_cast<int>(config.source));
  for (const ConfigSynonym& synonym : config.synonyms)
    text += " " + std::to_string(static_cast<int>(synonym.source)) + ":" + synonym.name + "=" +
            synonym.value;
  return text;
}

// Every answer here is a running Kafka 4.3.1's.
TEST(BrokerConfig, SynonymsAreListedAsKafkaDoes) {
  const ConfigMap own{{"log.retention.ms", "2000000"}};
  const ConfigMap all{{"log.retention.ms", "-5"}, {"message.max.bytes", "2000000"}};
  const ConfigLayers layers{
      .topic = nullptr, .broker = &own, .cluster = &all, .static_broker = nullptr};
  const auto broker = [](const char* name, const ConfigLayers& at) {
    return effective_broker_config(*find_broker_config(name), at);
  };
  EXPECT_EQ(shown(*broker("log.retention.ms", layers)),
            "2000000 2 2:log.retention.ms=2000000 3:log.retention.ms=-5 5:log.retention.hours=168");
  EXPECT_EQ(shown(*broker("log.retention.hours", layers)), "168 5 5:log.retention.hours=168");
  EXPECT_EQ(shown(*broker("message.max.bytes", layers)),
            "2000000 3 3:message.max.bytes=2000000 5:message.max.bytes=1048588");
  EXPECT_FALSE(broker("log.retention.ms", {}).has_value());
  EXPECT_FALSE(broker("ssl.keystore.location", layers).has_value());
  const auto topic = [](const char* name, const ConfigLayers& at) {
    return shown(effective_topic_config(*find_topic_config(name), at));
  };
  EXPECT_EQ(topic("retention.ms", layers),
            "2000000 2 2:log.retention.ms=2000000 3:log.retention.ms=-5 5:log.retention.hours=168");
  EXPECT_EQ(topic("max.message.bytes", layers),
            "2000000 3 3:message.max.bytes=2000000 5:message.max.bytes=1048588");
  const ConfigLayers without_own{
      .topic = nullptr, .broker = nullptr, .cluster = &all, .static_broker = nullptr};
  EXPECT_EQ(topic("retention.ms", without_own),
            "-1 3 3:log.retention.ms=-5 5:log.retention.hours=168");
  EXPECT_EQ(topic("segment.bytes", layers), "1073741824 5 5:log.segment.bytes=1073741824");
}

TEST(ConfigTables, AreSortedAndComplete) {
  EXPECT_TRUE(std::ranges::is_sorted(
      topic_config_keys(), {}, [](const TopicConfigKey& k) { return std::string_view(k.name); }));
  EXPECT_TRUE(std::ranges::is_sorted(
      broker_config_keys(), {}, [](const BrokerConfigKey& k) { return std::string_view(k.name); }));
  EXPECT_EQ(std::ranges::count(topic_config_keys(), false, &TopicConfigKey::is_internal), 33);
  const auto is_kafkas = [](const BrokerConfigKey& k) {
    return !std::string_view(k.name).starts_with("semel.");
  };
  EXPECT_EQ(std::ranges::count_if(broker_config_keys(), is_kafkas), 360);
  ASSERT_NE(find_broker_config("log.retention.hours"), nullptr);
  EXPECT_STREQ(find_broker_config("log.retention.hours")->default_value, "168");
  for (const TopicConfigKey& key : topic_config_keys())
    for (const ConfigSynonymKey& synonym : key.synonyms)
      if (synonym.name != nullptr) {
        EXPECT_NE(find_broker_config(synonym.name), nullptr) << synonym.name;
      }
}

}  // namespace
}  // namespace semel::cluster
