#include "cli/kafka_options.h"

#include <gtest/gtest.h>

namespace semel::cli {
namespace {

constexpr KafkaOption kKnown[] = {{"create"}, {"topic", true}, {"partitions", true, true}};

Result<KafkaArguments> parse(std::vector<std::string> words) {
  return KafkaArguments::parse(kKnown, words);
}

TEST(KafkaArguments, ReadsBothForms) {
  const auto parsed = parse({"--create", "--topic", "a", "--partitions=3", "left"});
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->has("create"));
  EXPECT_EQ(parsed->value("topic")->value(), "a");
  EXPECT_EQ(parsed->value("partitions")->value(), "3");
  EXPECT_EQ(parsed->rest(), std::vector<std::string>{"left"});
  EXPECT_FALSE(parsed->value("nothing")->has_value());
}

TEST(KafkaArguments, SaysWhatJoptsimpleSays) {
  EXPECT_EQ(parse({"--bogus"}).error().context, "bogus is not a recognized option");
  EXPECT_EQ(parse({"--topic"}).error().context, "Option topic requires an argument");
  EXPECT_EQ(parse({"--topic", "--create"}).error().context, "Option topic requires an argument");
  EXPECT_EQ(parse({"--partitions", "x"}).error().context,
            "Cannot parse argument 'x' of option partitions");
  const auto twice = parse({"--topic", "a", "--topic", "b"});
  EXPECT_EQ(twice->value("topic").error().context,
            "Found multiple arguments for option topic, but you asked for only one");
  EXPECT_TRUE(parse({"--partitions", "-1"}).has_value());
}

}  // namespace
}  // namespace semel::cli
