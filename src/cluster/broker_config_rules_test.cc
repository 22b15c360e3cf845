// The texts are those of a running Kafka 4.3.1.
#include "cluster/broker_config_rules.h"

#include <gtest/gtest.h>

namespace semel::cluster {
namespace {

enum class Scope : uint8_t { kAllBrokers, kOneBroker };

std::string verdict(Scope scope, const ConfigMap& set, const ConfigMap& static_broker = {}) {
  std::set<std::string> changed;
  for (const auto& [name, value] : set) changed.insert(name);
  ConfigLayers effective;
  effective.static_broker = &static_broker;
  const auto checked =
      check_broker_config_change({set, changed, scope == Scope::kOneBroker, effective});
  if (checked) return "";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidRequest);
  return checked.error().context;
}
std::string for_all(const std::string& name, const std::string& value) {
  return verdict(Scope::kAllBrokers, {{name, value}});
}
std::string for_one(const std::string& name, const std::string& value) {
  return verdict(Scope::kOneBroker, {{name, value}});
}

TEST(BrokerConfigRules, StaticSettingsAreRefused) {
  EXPECT_EQ(for_one("log.dirs", "/x"), "Cannot update these configs dynamically: [log.dirs]");
  EXPECT_EQ(for_all("semel.memory.bytes", "1"),
            "Cannot update these configs dynamically: [semel.memory.bytes]");
  EXPECT_EQ(verdict(Scope::kAllBrokers, {{"log.dirs", "/x"}, {"node.id", "7"}}),
            "Cannot update these configs dynamically: [log.dirs, node.id]");
}

TEST(BrokerConfigRules, ValuesHaveTypesAndBounds) {
  EXPECT_EQ(for_all("log.retention.ms", "1000000"), "");
  EXPECT_EQ(for_all("log.retention.ms", "-5"), "");
  EXPECT_EQ(for_all("log.retention.ms", "abc"),
            "Invalid value abc for configuration log.retention.ms: Not a number of type LONG");
  EXPECT_EQ(for_all("log.segment.bytes", "10"),
            "Invalid value 10 for configuration log.segment.bytes: Value must be at least 1048576");
  EXPECT_EQ(for_all("max.connections", "-1"),
            "Invalid value -1 for configuration max.connections: Value must be at least 0");
  EXPECT_EQ(
      for_all("producer.id.expiration.ms", "0"),
      "Invalid value 0 for configuration producer.id.expiration.ms: Value must be at least 1");
  EXPECT_EQ(for_all("unclean.leader.election.enable", "maybe"),
            "Invalid value maybe for configuration unclean.leader.election.enable: Expected value "
            "to be either true "
            "or false");
  EXPECT_EQ(for_all("log.cleanup.policy", "delete,foo"),
            "Invalid value foo for configuration log.cleanup.policy: String must be one of: "
            "compact, delete");
  EXPECT_EQ(for_all("compression.type", "brotli"),
            "Invalid value brotli for configuration compression.type: String must be one of: "
            "uncompressed, zstd, lz4, "
            "snappy, gzip, producer");
  EXPECT_EQ(for_all("semel.flush", "os"), "");
  EXPECT_EQ(
      for_all("semel.flush", "never"),
      "Invalid value never for configuration semel.flush: String must be one of: ack, os, auto");
}

TEST(BrokerConfigRules, SomeBelongToOneBrokerOrOneListener) {
  EXPECT_EQ(for_all("listeners", "PLAINTEXT://:9"),
            "Cannot update these configs at default cluster level, broker id must be specified: "
            "[listeners]");
  for (const Scope scope : {Scope::kAllBrokers, Scope::kOneBroker})
    EXPECT_EQ(verdict(scope, {{"ssl.keystore.location", "/k"}}),
              "These security configs can be dynamically updated only per-listener using the "
              "listener prefix: "
              "[ssl.keystore.location]");
  EXPECT_EQ(for_one("listener.name.plaintext.ssl.keystore.location", "/k"), "");
  EXPECT_EQ(for_all("max.connections", "5000"), "");
}

TEST(BrokerConfigRules, UnknownNamesMayBelongToPlugins) {
  EXPECT_EQ(for_all("no.such.key", "1"), "");
  EXPECT_EQ(for_all("semel.flsuh", "ack"),
            "These settings are not known; is there a typing error: [semel.flsuh]");
}

TEST(BrokerConfigRules, ValuesMustFitTogether) {
  EXPECT_EQ(for_all("num.io.threads", "9"), "");
  EXPECT_EQ(for_all("num.io.threads", "100"),
            "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count "
            "update validation failed "
            "for num.io.threads=100, value should not be greater than double the current value 8 "
            "for configuration "
            "Invalid dynamic configuration");
  EXPECT_EQ(for_one("max.connections.per.ip", "0"),
            "requirement failed: max.connections.per.ip can be set to zero only if "
            "max.connections.per.ip.overrides "
            "property is set.");
  EXPECT_EQ(verdict(Scope::kOneBroker, {{"max.connections.per.ip", "0"}},
                    {{"max.connections.per.ip.overrides", "127.0.0.1:100"}}),
            "");
  EXPECT_EQ(for_all("max.connections.per.ip.overrides", "127.0.0.1:100"), "");
  EXPECT_EQ(for_all("max.connections.per.ip.overrides", "bad"),
            "Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, end "
            "-1, length 3");
}

}  // namespace
}  // namespace semel::cluster
