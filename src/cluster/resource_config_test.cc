// The texts and sources are those of a running Kafka 4.3.1.
#include "cluster/resource_config.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace semel::cluster {
namespace {

std::string verdict(ConfigResourceType type, const std::string& name, const std::string& value) {
  const auto checked = check_resource_config(type, {{name, value}}, {});
  return checked ? ""
                 : std::to_string(static_cast<int>(checked.error().code)) + " " +
                       checked.error().context;
}
std::string of_group(const std::string& name, const std::string& value) {
  return verdict(ConfigResourceType::kGroup, name, value);
}
std::string of_metrics(const std::string& name, const std::string& value) {
  return verdict(ConfigResourceType::kClientMetrics, name, value);
}

TEST(ResourceConfig, GroupSettingsAreChecked) {
  EXPECT_EQ(of_group("no.such.key", "1"), "40 Unknown group config name: no.such.key");
  EXPECT_EQ(of_group("consumer.session.timeout.ms", "abc"),
            "40 Invalid value abc for configuration consumer.session.timeout.ms: Not a number of "
            "type INT");
  EXPECT_EQ(
      of_group("consumer.session.timeout.ms", "0"),
      "40 Invalid value 0 for configuration consumer.session.timeout.ms: Value must be at least 1");
  EXPECT_EQ(of_group("consumer.session.timeout.ms", "1"),
            "40 consumer.session.timeout.ms must be greater than or equal to "
            "group.consumer.min.session.timeout.ms");
  EXPECT_EQ(of_group("consumer.heartbeat.interval.ms", "60000"),
            "40 consumer.heartbeat.interval.ms must be less than or equal to "
            "group.consumer.max.heartbeat.interval.ms");
  EXPECT_EQ(of_group("consumer.session.timeout.ms", "50000"), "");
  EXPECT_EQ(of_group("share.isolation.level", "bogus"),
            "40 Invalid value bogus for configuration share.isolation.level: String must be one "
            "of: read_committed, "
            "read_uncommitted");
  EXPECT_EQ(of_group("share.auto.offset.reset", "by_duration:PT1H"), "");
  EXPECT_TRUE(
      of_group("share.auto.offset.reset", "bogus").ends_with("'by_duration:<PnDTnHnMn.nS>'."));
}

TEST(ResourceConfig, ClientMetricsSettingsAreChecked) {
  EXPECT_EQ(of_metrics("no.such.key", "1"), "42 Unknown client metrics configuration: no.such.key");
  EXPECT_EQ(of_metrics("interval.ms", "abc"),
            "40 Invalid value abc for configuration interval.ms: Not a number of type INT");
  EXPECT_EQ(
      of_metrics("interval.ms", "10"),
      "42 Invalid value 10 for interval.ms, interval must be between 100 and 3600000 (1 hour)");
  EXPECT_EQ(of_metrics("interval.ms", "1000"), "");
  EXPECT_EQ(of_metrics("match", "bogus=1"), "40 Illegal client matching pattern: bogus=1");
  EXPECT_EQ(of_metrics("match", "client_id=["), "40 Illegal client matching pattern: client_id=[");
  EXPECT_EQ(of_metrics("match", "client_id=a.*,client_software_name=x"), "");
  EXPECT_EQ(of_metrics("metrics", "org.a,org.b"), "");
}

TEST(ResourceConfig, ValuesComeFromTheResourceOrTheBroker) {
  const auto shown = [](ConfigResourceType type, std::string_view name, const ConfigMap* own) {
    const auto keys = resource_config_keys(type);
    const auto key =
        std::ranges::find_if(keys, [&](const BrokerConfigKey& k) { return k.name == name; });
    const EffectiveConfig config = effective_resource_config(type, *key, own, {});
    std::string text = config.value + " " + std::to_string(static_cast<int>(config.source));
    for (const auto& synonym : config.synonyms)
      text += " " + std::to_string(static_cast<int>(synonym.source)) + ":" + synonym.name + "=" +
              synonym.value;
    return text;
  };
  const ConfigMap own{{"consumer.session.timeout.ms", "50000"}, {"interval.ms", "1000"}};
  EXPECT_EQ(
      shown(ConfigResourceType::kGroup, "consumer.session.timeout.ms", &own),
      "50000 8 8:consumer.session.timeout.ms=50000 5:group.consumer.session.timeout.ms=45000");
  EXPECT_EQ(shown(ConfigResourceType::kGroup, "consumer.session.timeout.ms", nullptr),
            "45000 5 5:group.consumer.session.timeout.ms=45000");
  EXPECT_EQ(shown(ConfigResourceType::kGroup, "share.isolation.level", nullptr),
            "read_uncommitted 5 5:share.isolation.level=read_uncommitted");
  EXPECT_EQ(shown(ConfigResourceType::kClientMetrics, "interval.ms", &own),
            "1000 7 7:interval.ms=1000");
  EXPECT_EQ(shown(ConfigResourceType::kClientMetrics, "interval.ms", nullptr), "300000 5");
}

}  // namespace
}  // namespace semel::cluster
