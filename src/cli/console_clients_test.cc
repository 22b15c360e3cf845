#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/kafka_console_consumer.h"
#include "cli/kafka_console_producer.h"
#include "cli/line_reader.h"
#include "cli/message_formatter.h"
#include "cli/produce_command.h"
#include "rt/linux/linux_runtime.h"

namespace semel::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Lines final : public LineSource {
 public:
  explicit Lines(std::vector<std::string> lines = {}) : lines_(std::move(lines)) {}
  bool read(std::vector<std::string>& into) override {
    into.insert(into.end(), lines_.begin(), lines_.end());
    return !std::exchange(lines_, {}).empty();
  }

 private:
  std::vector<std::string> lines_;
};

class ConsoleClients : public testing::Test {
 protected:
  std::unique_ptr<rt::LinuxRuntime> os =
      std::move(*rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1}));
  CapturedOutput output;
  std::string folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "semel-console-XXXXXX").string();
    return std::string(::mkdtemp(name.data()));
  }();
  ~ConsoleClients() override { std::filesystem::remove_all(folder); }

  int produce(std::vector<std::string> words, bool is_26 = false,
              std::vector<std::string> typed = {}) {
    Lines lines(std::move(typed));
    return run_kafka_console_producer(words, os->runtime(), is_26, {lines, false}, output);
  }
};

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t start = 0;
  for (size_t end = text.find(separator); end != std::string::npos;
       end = text.find(separator, start)) {
    parts.push_back(text.substr(start, end - start));
    start = end + separator.size();
  }
  parts.push_back(text.substr(start));
  return parts;
}

TEST_F(ConsoleClients, SettingsAreThoseOfKafkasTool) {
  for (const bool is_26 : {false, true}) {
    std::ifstream table(fmt::format("{}/src/cli/testdata/console_producer_{}.txt", SEMEL_SOURCE_DIR,
                                    is_26 ? "26" : "43"));
    std::ofstream file(folder + "/f.props");
    int rows = 0;
    std::string words;
    for (std::string line; std::getline(table, line);) {
      if (line.starts_with("#   ")) file << line.substr(4) << std::endl;
      if (line.starts_with('#')) continue;
      if (!line.starts_with("   => ")) {
        words = line;
        continue;
      }
      auto arguments = split(words, " ");
      for (std::string& word : arguments)
        if (word == "f.props") word = folder + "/f.props";
      const auto settings = console_producer_settings(arguments, *os->runtime().disk, is_26);
      ASSERT_TRUE(settings) << words << ": " << settings.error().context;
      std::vector<std::string> pairs;
      for (const auto& [key, value] : *settings) pairs.push_back(key + "=" + value);
      const std::string told = line.substr(std::string("   => {").size());
      EXPECT_THAT(pairs,
                  testing::UnorderedElementsAreArray(split(told.substr(0, told.size() - 1), ", ")))
          << words;
      ++rows;
    }
    EXPECT_EQ(rows, 10);
  }
}

TEST_F(ConsoleClients, TheTrapOfKafka26) {
  std::ofstream(folder + "/producer.config")
      << "enable.idempotence=true\nmax.in.flight.requests.per.connection=5\nretries=5\n";
  const std::vector<std::string> words{
      "--bootstrap-server",       "localhost:1", "--topic", "t", "--producer.config",
      folder + "/producer.config"};
  EXPECT_EQ(produce(words, true, {"exactly once0"}), 1);
  EXPECT_EQ(output.stdout_text, "");
  EXPECT_EQ(output.stderr_text,
            "org.apache.kafka.common.config.ConfigException: Must set acks to all in order to use "
            "the idempotent "
            "producer. Otherwise we cannot guarantee idempotence.\n");
  output = {};
  EXPECT_EQ(produce(words, false), 0) << "from 3.0 on the tool's own default is all";
}

TEST_F(ConsoleClients, RefusalsStandBeforeTheUsageText) {
  const std::pair<std::vector<std::string>, std::string> refusals[] = {
      {{"--foo"}, "foo is not a recognized option\nOption  "},
      {{"--bootstrap-server", "localhost:1"}, "Missing required argument \"[topic]\"\nOption  "},
      {{"--topic", "t", "--bootstrap-server", "localhost"},
       "Please provide valid host:port like host1:9091,host2:9092\n\nOption  "},
      {{"--topic", "t", "--bootstrap-server", "h:1", "--property", "a=b", "--reader-property",
        "c=d"},
       "Options --reader-property and --property cannot be specified together.\nOption  "}};
  for (const auto& [words, text] : refusals) {
    output = {};
    EXPECT_EQ(produce(words), 1);
    EXPECT_THAT(output.stderr_text, StartsWith(text));
  }
}

TEST_F(ConsoleClients, ARecordThatCannotBeSentIsLoggedAndTheExitCodeIsZeroAsInKafka) {
  EXPECT_EQ(produce({"--bootstrap-server", "127.0.0.1:1", "--topic", "t", "--max-block-ms", "100"},
                    false, {"hi"}),
            0);
  EXPECT_THAT(
      output.stderr_text,
      HasSubstr(
          "ERROR Error when sending message to topic t with key: null, value: 2 bytes with error: "
          "(org.apache.kafka.clients.producer.internals.ErrorLoggingCallback)\n"
          "org.apache.kafka.common.errors.TimeoutException: Topic t not present in metadata after "
          "100 ms.\n"));
}

TEST_F(ConsoleClients, SemelProduceTellsWhatFailed) {
  Lines lines({"hi"});
  EXPECT_EQ(run_produce_command(
                std::vector<std::string>{"t", "-b", "127.0.0.1:1", "--set", "max.block.ms=100"},
                os->runtime(), lines, output),
            kUnreachable);
  EXPECT_THAT(output.stderr_text,
              HasSubstr("1 of 1 records failed; the first: Topic t not present"));
}

TEST_F(ConsoleClients, TheConsumerRefusesAsKafkas) {
  const auto consume = [&](std::vector<std::string> words) {
    output = {};
    return run_kafka_console_consumer(words, os->runtime(), output);
  };
  EXPECT_EQ(consume({"--bootstrap-server", "h:1", "--topic", "t", "--offset", "3"}), 1);
  EXPECT_THAT(output.stderr_text,
              StartsWith("The partition is required when offset is specified.\n"));
  EXPECT_EQ(
      consume({"--bootstrap-server", "h:1", "--topic", "t", "--partition", "0", "--offset", "-3"}),
      1);
  EXPECT_THAT(output.stderr_text, StartsWith("The provided offset value '-3' is incorrect."));
  EXPECT_EQ(consume({"--bootstrap-server", "h:1", "--topic", "t", "--group", "g"}), 1);
  EXPECT_THAT(output.stderr_text, HasSubstr("leave --group out"));
}

LineRecord parse(const Settings& settings, std::string_view line) {
  auto parser = LineParser::make(settings, false);
  EXPECT_TRUE(parser);
  auto record = parser->parse(line);
  EXPECT_TRUE(record) << record.error().context;
  return std::move(*record);
}

TEST(LineParser, KeysHeadersAndNulls) {
  const LineRecord plain = parse({}, "a\tb");
  EXPECT_EQ(plain.key, std::nullopt);
  EXPECT_EQ(plain.value, "a\tb");
  const LineRecord keyed = parse({{"parse.key", "true"}, {"key.separator", ":"}}, "k:v:w");
  EXPECT_EQ(keyed.key, "k");
  EXPECT_EQ(keyed.value, "v:w");
  const LineRecord full =
      parse({{"parse.key", "true"}, {"parse.headers", "true"}, {"null.marker", "NULL"}},
            "h1:v1,h2:NULL\tNULL\tNULL");
  EXPECT_EQ(full.key, std::nullopt);
  EXPECT_EQ(full.value, std::nullopt);
  ASSERT_EQ(full.headers.size(), 2u);
  EXPECT_EQ(full.headers[0], (std::pair<std::string, std::optional<std::string>>("h1", "v1")));
  EXPECT_EQ(full.headers[1].second, std::nullopt);
}

TEST(LineParser, RefusesInKafkasWords) {
  auto parser = LineParser::make({{"parse.key", "true"}}, false);
  EXPECT_EQ(parser->parse("hi").error().context, "No key separator found on line number 1: 'hi'");
  EXPECT_EQ(parser->parse("ho").error().context, "No key separator found on line number 2: 'ho'");
  EXPECT_EQ(LineParser::make({{"headers.separator", ":"}}, false).error().context,
            "headers.separator and headers.key.separator may not be equal");
  EXPECT_EQ(parse({{"parse.key", "true"}, {"ignore.error", "true"}}, "hi").value, "hi");
}

TEST(MessageFormatter, PrintsFieldsInKafkasOrder) {
  record::RecordView record;
  record.offset = Offset{5};
  record.timestamp = 17;
  record.key = bytes::as_bytes("k");
  const client::ConsumedRecord consumed{"t", 2, record, record::TimestampType::kCreateTime,
                                        LeaderEpoch{3}};
  std::string text;
  MessageFormatter({}).format(consumed, text);
  EXPECT_EQ(text, "null\n");
  text.clear();
  MessageFormatter({{"print.timestamp", "true"},
                    {"print.key", "TRUE"},
                    {"print.offset", "true"},
                    {"print.epoch", "true"},
                    {"print.partition", "true"},
                    {"print.headers", "true"},
                    {"key.separator", "|"},
                    {"null.literal", "-"}})
      .format(consumed, text);
  EXPECT_EQ(text, "CreateTime:17|Partition:2|Offset:5|Epoch:NOT_PRESENT|NO_HEADERS|k|-\n");
}

}  // namespace
}  // namespace semel::cli
