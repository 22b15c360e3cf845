#include "broker/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config_table.h"
#include "cluster/config_schema.h"

namespace semel::broker {
namespace {

using testing::Contains;
using testing::HasSubstr;

Result<Config> config_of(std::string_view text, std::string data = {}) {
  auto settings = parse_properties(text, "server.properties");
  if (!settings) return fail(settings.error());
  return make_config(
      {.file = *settings, .overrides = {}, .data_dir = std::move(data), .listen = {}});
}

TEST(Properties, FollowJavasRules) {
  const auto settings = parse_properties(
      "# comment\n! too\n  a = 1 \nb:2\nc 3\nd=x\\\n   y\ne\\=f=\\u00e9\\t\\\\\r\nempty=\nlast",
      "f");
  ASSERT_TRUE(settings.has_value());
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"a", "1"},    {"b", "2"},  {"c", "3"}, {"d", "xy"}, {"e=f", "\u00e9\t\\"},
      {"empty", ""}, {"last", ""}};
  ASSERT_EQ(settings->size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ((*settings)[i].key, wanted[i].first);
    EXPECT_EQ((*settings)[i].value, wanted[i].second);
  }
  EXPECT_EQ((*settings)[3].origin, "f:6");
  EXPECT_FALSE(parse_properties("a=\\u12", "f").has_value());
}

TEST(Config, AnUnknownKeyIsAWarningWithTheNearestName) {
  const auto config = config_of("log.dirs=/d\nlog.retention.hour=3\n");
  ASSERT_TRUE(config.has_value()) << config.error().context;
  EXPECT_THAT(config->warnings, Contains(HasSubstr("did you mean log.retention.hours?")));
}

TEST(Config, AWrongValueSaysWhereWhatWhyAndWhatToTry) {
  const auto config = config_of("log.dirs=/d\nnum.partitions=none\n");
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(
      config.error().context,
      "server.properties:2: num.partitions=none is not a whole number; give a whole number of at "
      "least 1");
  EXPECT_FALSE(config_of("log.dirs=/d\nsemel.flush=never\n").has_value());
  EXPECT_FALSE(config_of("log.dirs=/d\nauto.create.topics.enable=maybe\n").has_value());
  EXPECT_FALSE(config_of("log.dirs=/d\nlog.segment.bytes=10\n").has_value());
}

TEST(Config, WhatProtectsAccessIsRefused) {
  for (const char* line :
       {"authorizer.class.name=x", "ssl.keystore.location=/k", "super.users=User:a",
        "listeners=SSL://localhost:9093", "sasl.enabled.mechanisms=PLAIN",
        "listener.name.x.ssl.keystore.location=/k"})
    EXPECT_FALSE(config_of(std::string("log.dirs=/d\n") + line).has_value()) << line;
}

TEST(Config, ListenersOfKafkasQuickStart) {
  const auto config = config_of(
      "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:"
      "9093\n"
      "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"
      "advertised.listeners=PLAINTEXT://example:9092,CONTROLLER://example:9093\n"
      "controller.listener.names=CONTROLLER\n"
      "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL\n"
      "log.dirs=/tmp/a,/tmp/b\n");
  ASSERT_TRUE(config.has_value()) << config.error().context;
  ASSERT_EQ(config->listeners.size(), 1u);
  EXPECT_EQ(config->listeners[0].advertised.host, "example");
  EXPECT_EQ(config->listeners[0].bind.host, "");
  EXPECT_EQ(config->controller_listener->bind.port, 9093);
  EXPECT_EQ(config->log_dirs, (std::vector<std::string>{"/tmp/a", "/tmp/b"}));
  EXPECT_EQ(config->metadata_dir, "/tmp/a");
}

TEST(Config, TheMemoryBudgetMustHoldOneRequest) {
  const auto config = config_of("log.dirs=/d\nsemel.memory.bytes=1048576\n");
  ASSERT_FALSE(config.has_value());
  EXPECT_THAT(config.error().context, HasSubstr("socket.request.max.bytes"));
}

TEST(ConfigTable, NamesEverySettingOnce) {
  const auto& settings = cluster::broker_config_keys();
  ASSERT_EQ(config_table().size(), settings.size());
  for (size_t i = 0; i < settings.size(); ++i) EXPECT_EQ(config_table()[i].name, settings[i].name);
}

TEST(ConfigTable, FindsEveryRowByName) {
  for (const ConfigKey& key : config_table()) EXPECT_EQ(find_config_key(key.name), &key);
  EXPECT_EQ(nearest_config_key("log.dir.s"), "log.dirs");
}

}  // namespace
}  // namespace semel::broker
