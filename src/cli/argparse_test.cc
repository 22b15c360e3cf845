#include "cli/argparse.h"

#include <gmock/gmock.h>

#include "cli/kafka_producer_perf.h"
#include "cli/kafka_verifiable_producer.h"
#include "rt/linux/linux_runtime.h"

namespace semel::cli {
namespace {

using testing::EndsWith;
using testing::StartsWith;
using Kind = ArgparseOption::Kind;

constexpr ArgparseOption kOptions[] = {{"--topic", Kind::kText, true},
                                       {"--count", Kind::kLong},
                                       {"--props", Kind::kMany},
                                       {"--acks", Kind::kInteger, false, "", false, "0,1,-1"},
                                       {"--size", Kind::kInteger, false, "payload", true},
                                       {"--file", Kind::kText, false, "payload"}};

std::string refusal(std::vector<std::string> words) {
  const auto parsed = ArgparseArguments::parse(kOptions, words);
  return parsed ? "" : parsed.error().context;
}

TEST(Argparse, ReadsWords) {
  const std::vector<std::string> words{"--topic=t", "--count", "-5",     "--props",
                                       "a=b",       "c=d",     "--size", "7"};
  const auto parsed = ArgparseArguments::parse(kOptions, words);
  ASSERT_TRUE(parsed) << parsed.error().context;
  EXPECT_EQ(parsed->text("--topic"), "t");
  EXPECT_EQ(parsed->number("--count", 0), -5);
  EXPECT_THAT(parsed->values("--props"), testing::ElementsAre("a=b", "c=d"));
  EXPECT_EQ(parsed->number("--acks", -1), -1);
}

TEST(Argparse, RefusesInItsWords) {
  EXPECT_EQ(refusal({"--size", "1"}), "argument --topic is required");
  EXPECT_EQ(refusal({"--topic"}), "argument --topic: expected one argument");
  EXPECT_EQ(refusal({"--topic", "t", "--count", "x"}),
            "argument --count: could not convert 'x' to Long (For input string: \"x\")");
  EXPECT_EQ(refusal({"--topic", "t", "--size", "1", "--file", "f"}),
            "argument --file: not allowed with argument --size");
  EXPECT_EQ(refusal({"--topic", "t"}), "one of the arguments --size --file is required");
  EXPECT_EQ(refusal({"--topic", "t", "--size", "1", "--acks", "7"}),
            "argument --acks: invalid choice: '7' (choose from {0,1,-1})");
}

// Lines as Kafka 4.3.1's tools printed them.
TEST(Argparse, FillsLinesAsArgparse4jDoes) {
  EXPECT_EQ(
      argparse_error("kafka-producer-perf-test", "--record-size should be greater than zero."),
      "kafka-producer-perf-test:  error:  --record-size  should  be  greater  than\nzero.\n");
  EXPECT_EQ(
      argparse_error(
          "kafka-producer-perf-test",
          "one of the arguments --record-size --payload-file --payload-monotonic is required"),
      "kafka-producer-perf-test: error:  one  of  the  arguments  --record-size --\n"
      "payload-file --payload-monotonic is required\n");
  EXPECT_EQ(argparse_error("verifiable-producer",
                           "argument --acks: invalid choice: '7' (choose from {0,1,-1})"),
            "verifiable-producer: error: argument  --acks:  invalid  choice: '7' (choose\nfrom "
            "{0,1,-1})\n");
  EXPECT_EQ(
      argparse_error(
          "kafka-producer-perf-test",
          "argument --num-records: could not convert 'abc' to Long (For input string: \"abc\")"),
      "kafka-producer-perf-test: error: argument --num-records:  could not convert\n"
      "'abc' to Long (For input string: \"abc\")\n");
}

TEST(MeasuringProducers, RefuseBehindTheirUsage) {
  auto os = std::move(*rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1}));
  CapturedOutput output;
  EXPECT_EQ(run_kafka_producer_perf(std::vector<std::string>{"--topic", "t", "--num-records", "5"},
                                    os->runtime(), output),
            1);
  EXPECT_THAT(output.stderr_text, StartsWith("usage: kafka-producer-perf-test\n"));
  EXPECT_THAT(output.stderr_text,
              EndsWith("kafka-producer-perf-test: error: argument --throughput is required\n"));
  output = {};
  EXPECT_EQ(run_kafka_verifiable_producer(std::vector<std::string>{"--topic", "t"}, os->runtime(),
                                          output),
            1);
  EXPECT_THAT(output.stderr_text, EndsWith("verifiable-producer: error:  one  of  the  arguments  "
                                           "--bootstrap-server is\nrequired\n"));
}

TEST(MeasuringProducers, TellWhenNoBrokerIsThere) {
  auto os = std::move(*rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1}));
  CapturedOutput output;
  const std::vector<std::string> words{"--bootstrap-server",
                                       "127.0.0.1:1",
                                       "--topic",
                                       "t",
                                       "--num-records",
                                       "1",
                                       "--record-size",
                                       "5",
                                       "--throughput",
                                       "-1",
                                       "--command-property",
                                       "max.block.ms=100"};
  EXPECT_EQ(run_kafka_producer_perf(words, os->runtime(), output), 1);
  EXPECT_THAT(output.stderr_text,
              StartsWith("org.apache.kafka.common.errors.TimeoutException: Topic t not present"));
}

}  // namespace
}  // namespace semel::cli
