#include "cli/kafka_console_consumer.h"

#include <charconv>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "cli/client_settings.h"
#include "cli/kafka_console_usage.h"
#include "cli/kafka_options.h"
#include "cli/message_formatter.h"
#include "cli/receiving.h"

namespace semel::cli {
namespace {

constexpr const char* kAbout =
    "This tool helps to read data from Kafka topics and outputs it to standard output.";

constexpr KafkaOption kOptions[] = {{"bootstrap-server", true},
                                    {"command-config", true},
                                    {"command-property", true},
                                    {"consumer-property", true},
                                    {"consumer.config", true},
                                    {"enable-systest-events"},
                                    {"formatter", true},
                                    {"formatter-config", true},
                                    {"formatter-property", true},
                                    {"from-beginning"},
                                    {"group", true},
                                    {"help"},
                                    {"include", true},
                                    {"isolation-level", true},
                                    {"key-deserializer", true},
                                    {"max-messages", true},
                                    {"offset", true},
                                    {"partition", true},
                                    {"property", true},
                                    {"skip-message-on-error"},
                                    {"timeout-ms", true},
                                    {"topic", true},
                                    {"value-deserializer", true},
                                    {"version"}};

/// New and old name of an option; 4.3.1 refuses both together and warns of the old one.
struct Renamed {
  std::string_view name;
  std::string_view old_name;
};
constexpr Renamed kRenamed[] = {{"command-property", "consumer-property"},
                                {"command-config", "consumer.config"},
                                {"formatter-property", "property"}};

class Command {
 public:
  Command(KafkaArguments arguments, rt::Runtime& runtime, Output& output)
      : arguments_(std::move(arguments)), runtime_(runtime), output_(output) {}

  int run() {
    if (arguments_.has("help")) return usage(kAbout);
    if (arguments_.has("version")) {
      output_.out("4.3.1\n");
      return 0;
    }
    ReceivePlan plan;
    const auto problem = check_arguments(plan);
    if (!problem) return fail_with(problem.error());
    if (*problem) return usage(**problem);
    Settings settings;
    if (const auto made = make_settings(settings); !made) return fail_with(made.error());
    auto config = client::ConsumerConfig::from(settings);
    if (!config) {
      output_.err(java_text(config.error()) + "\n");
      return 1;
    }
    auto formatter = make_formatter();
    if (!formatter) return fail_with(formatter.error());
    return consume(std::move(*config), plan, *formatter);
  }

 private:
  int usage(std::string_view why) {
    output_.err(fmt::format("{}\n{}", why, kConsoleConsumerUsage));
    return 1;
  }
  int fail_with(const Error& error) {
    output_.err(error.context + "\n");
    return 1;
  }

  template <class Int>
  Result<std::optional<Int>> number(std::string_view name) const {
    if (!arguments_.has(name)) return std::nullopt;
    const std::string text = arguments_.last(name);
    Int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("Cannot parse argument '{}' of option {}", text, name));
    return value;
  }

  /// The refusal that stands before the usage text, if there is one.
  Result<std::optional<std::string>> check_arguments(ReceivePlan& plan) {
    if (arguments_.has("topic") == arguments_.has("include"))
      return "Exactly one of the following arguments is required: [topic], [include]";
    for (const auto& [name, old_name] : kRenamed)
      if (arguments_.has(name) && arguments_.has(old_name))
        return fmt::format("Options --{} and --{} cannot be specified together.", old_name, name);
    if (arguments_.has("topic")) plan.topics.push_back(arguments_.last("topic"));
    SEMEL_TRY(plan.partition, number<int32_t>("partition"));
    if (arguments_.has("partition") && !arguments_.has("topic"))
      return "The topic is required when partition is specified.";
    SEMEL_TRY(const auto records_max, number<int32_t>("max-messages"));
    SEMEL_TRY(const auto idle_max, number<int64_t>("timeout-ms"));
    if (records_max && *records_max >= 0) plan.records_max = static_cast<uint64_t>(*records_max);
    if (idle_max && *idle_max >= 0) plan.idle_max = client::Milliseconds{*idle_max};
    if (auto why = check_offset(plan)) return why;
    if (arguments_.has("group") && arguments_.has("partition"))
      return "Options group and partition cannot be specified together.";
    for (const auto& [name, old_name] : kRenamed)
      if (arguments_.has(old_name))
        output_.out(
            fmt::format("Option --{} is deprecated and will be removed in a future version. Use "
                        "--{} instead.\n",
                        old_name, name));
    if (arguments_.has("group"))
      return fail(ErrorCode::kUnsupportedVersion,
                  "semel's console consumer does not join groups; leave --group out to read every "
                  "partition");
    return std::nullopt;
  }

  std::optional<std::string> check_offset(ReceivePlan& plan) {
    const bool has_offset = arguments_.has("offset");
    if (arguments_.has("from-beginning") && has_offset)
      return "Options from-beginning and offset cannot be specified together.";
    if (has_offset && !arguments_.has("partition"))
      return "The partition is required when offset is specified.";
    plan.time = arguments_.has("from-beginning") ? client::kEarliestOffset : client::kLatestOffset;
    if (!has_offset) return std::nullopt;
    std::string text = arguments_.last("offset");
    std::string lower = text;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower == "earliest") plan.time = client::kEarliestOffset;
    if (lower == "earliest" || lower == "latest") return std::nullopt;
    int64_t offset = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (error != std::errc{} || end != text.data() + text.size() || offset < 0)
      return fmt::format(
          "The provided offset value '{}' is incorrect. Valid values are 'earliest', 'latest', or "
          "a "
          "non-negative long.",
          text);
    plan.offset = offset;
    return std::nullopt;
  }

  Result<void> make_settings(Settings& settings) {
    const std::string file =
        arguments_.last(arguments_.has("command-config") ? "command-config" : "consumer.config");
    if (!file.empty()) {
      const auto read = add_settings_file(settings, *runtime_.disk, file);
      if (!read && read.error().cause == Cause::kNotFound)
        return fail(ErrorCode::kInvalidConfig, "java.nio.file.NoSuchFileException: " + file);
      if (!read) return fail(read.error());
    }
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("consumer-property")));
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("command-property")));
    put_setting(settings, "bootstrap.servers", arguments_.last("bootstrap-server"));
    if (!has_setting(settings, "client.id")) put_setting(settings, "client.id", "console-consumer");
    put_setting(settings, "isolation.level",
                arguments_.has("isolation-level") ? arguments_.last("isolation-level")
                                                  : "read_uncommitted");
    return {};
  }

  Result<MessageFormatter> make_formatter() {
    Settings settings;
    if (arguments_.has("formatter-config"))
      SEMEL_CHECK(add_settings_file(settings, *runtime_.disk, arguments_.last("formatter-config")));
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("property")));
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("formatter-property")));
    return MessageFormatter(settings);
  }

  int consume(client::ConsumerConfig config, ReceivePlan plan, const MessageFormatter& formatter) {
    auto session = ClientSession::open(true);
    if (!session) return fail_with(session.error());
    if (arguments_.has("include")) {
      auto topics = topics_matching(**session, config.connection, arguments_.last("include"));
      if (!topics) return fail_with(topics.error());
      plan.topics = std::move(*topics);
    }
    uint64_t count = 0;
    std::string text;
    const auto end = receive(
        **session, std::move(config), plan,
        [&](const client::ConsumedRecord& record) {
          ++count;
          formatter.format(record, text);
        },
        [&] {
          if (text.empty()) return;
          output_.out(std::exchange(text, {}));
          std::fflush(stdout);
        });
    if (!end || *end == ReceiveEnd::kIdle) {
      const int64_t ms = runtime_.clock->unix_ms();
      output_.err(
          fmt::format("[{:%Y-%m-%d %H:%M:%S},{:03}] ERROR Error processing message, terminating "
                      "consumer process:  "
                      "(org.apache.kafka.tools.consumer.ConsoleConsumer)\n{}\n",
                      fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000,
                      end ? std::string("org.apache.kafka.common.errors.TimeoutException")
                          : java_text(end.error())));
    }
    output_.err(fmt::format("Processed a total of {} messages\n", count));
    return end ? 0 : 1;
  }

  KafkaArguments arguments_;
  rt::Runtime& runtime_;
  Output& output_;
};

}  // namespace

int run_kafka_console_consumer(std::span<const std::string> words, rt::Runtime& runtime,
                               Output& output) {
  if (words.empty()) {
    output.err(fmt::format("{}\n{}", kAbout, kConsoleConsumerUsage));
    return 1;
  }
  auto parsed = KafkaArguments::parse(kOptions, words);
  if (!parsed) {
    output.err(fmt::format("{}\n{}", parsed.error().context, kConsoleConsumerUsage));
    return 1;
  }
  return Command(std::move(*parsed), runtime, output).run();
}

}  // namespace semel::cli
