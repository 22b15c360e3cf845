#include "cli/kafka_console_producer.h"

#include <charconv>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "cli/kafka_console_usage.h"
#include "cli/kafka_options.h"
#include "cli/sending.h"

namespace semel::cli {
namespace {

constexpr KafkaOption kOptions[] = {{"batch-size", true},
                                    {"bootstrap-server", true},
                                    {"command-config", true},
                                    {"command-property", true},
                                    {"compression-codec", true, false, true},
                                    {"help"},
                                    {"line-reader", true},
                                    {"max-block-ms", true},
                                    {"max-memory-bytes", true},
                                    {"max-partition-memory-bytes", true},
                                    {"message-send-max-retries", true},
                                    {"metadata-expiry-ms", true},
                                    {"producer-property", true},
                                    {"producer.config", true},
                                    {"property", true},
                                    {"reader-config", true},
                                    {"reader-property", true},
                                    {"request-required-acks", true},
                                    {"request-timeout-ms", true},
                                    {"retry-backoff-ms", true},
                                    {"socket-buffer-size", true},
                                    {"sync"},
                                    {"timeout", true},
                                    {"topic", true},
                                    {"version"}};

constexpr KafkaOption kOptions26[] = {{"batch-size", true},
                                      {"bootstrap-server", true},
                                      {"broker-list", true},
                                      {"compression-codec", true, false, true},
                                      {"help"},
                                      {"line-reader", true},
                                      {"max-block-ms", true},
                                      {"max-memory-bytes", true},
                                      {"max-partition-memory-bytes", true},
                                      {"message-send-max-retries", true},
                                      {"metadata-expiry-ms", true},
                                      {"producer-property", true},
                                      {"producer.config", true},
                                      {"property", true},
                                      {"request-required-acks", true},
                                      {"request-timeout-ms", true},
                                      {"retry-backoff-ms", true},
                                      {"socket-buffer-size", true},
                                      {"sync"},
                                      {"timeout", true},
                                      {"topic", true},
                                      {"version"}};

/// An option that stands for a setting, with the tool's own default; in the order of the tool.
struct Merged {
  std::string_view option;
  std::string_view setting;
  std::string_view otherwise;
  bool is_number = true;
  bool is_in_26 = true;
};

constexpr Merged kMerged[] = {{"timeout", "linger.ms", "1000"},
                              {"request-required-acks", "acks", "-1", false},
                              {"request-timeout-ms", "request.timeout.ms", "1500"},
                              {"message-send-max-retries", "retries", "3"},
                              {"retry-backoff-ms", "retry.backoff.ms", "100"},
                              {"socket-buffer-size", "send.buffer.bytes", "102400"},
                              {"max-memory-bytes", "buffer.memory", "33554432"},
                              {"batch-size", "batch.size", "16384", true, false},
                              {"max-partition-memory-bytes", "batch.size", "16384"},
                              {"metadata-expiry-ms", "metadata.max.age.ms", "300000"},
                              {"max-block-ms", "max.block.ms", "60000"}};

/// New and old name of an option of 4.3.1.
struct Renamed {
  std::string_view name;
  std::string_view old_name;
};
constexpr Renamed kRenamed[] = {{"command-config", "producer.config"},
                                {"command-property", "producer-property"},
                                {"reader-property", "property"}};

/// What the words of a command line come to, as settings of the producer.
class SettingsOf {
 public:
  SettingsOf(const KafkaArguments& arguments, rt::Disk& disk, bool is_26)
      : arguments_(arguments), disk_(disk), is_26_(is_26) {}

  Result<Settings> make() const {
    Settings settings;
    const bool has_new = !is_26_ && arguments_.has("command-config");
    const std::string file = arguments_.last(has_new ? "command-config" : "producer.config");
    if (!file.empty()) {
      const auto read = add_settings_file(settings, disk_, file);
      if (!read && read.error().cause == Cause::kNotFound)
        return fail(ErrorCode::kInvalidConfig, "java.nio.file.NoSuchFileException: " + file);
      if (!read) return fail(read.error());
    }
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("producer-property")));
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("command-property")));
    put_setting(settings, "bootstrap.servers", servers());
    const bool is_compressed = arguments_.has("compression-codec");
    const std::string codec = arguments_.last("compression-codec");
    put_setting(settings, "compression.type",
                !is_compressed  ? "none"
                : codec.empty() ? "gzip"
                                : codec);
    if (!has_setting(settings, "client.id")) put_setting(settings, "client.id", "console-producer");
    put_setting(settings, "key.serializer",
                "org.apache.kafka.common.serialization.ByteArraySerializer");
    put_setting(settings, "value.serializer",
                "org.apache.kafka.common.serialization.ByteArraySerializer");
    for (const Merged& merged : kMerged) SEMEL_CHECK(merge(settings, merged));
    return settings;
  }

  /// An explicit option beats the file, the file beats the tool's default.
  Result<void> merge(Settings& settings, const Merged& merged) const {
    const bool is_given = arguments_.has(merged.option);
    const std::string value = arguments_.last(merged.option);
    if (is_given && merged.is_number) {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc{} || end != value.data() + value.size())
        return fail(ErrorCode::kInvalidRequest,
                    fmt::format("Cannot parse argument '{}' of option {}", value, merged.option));
    }
    if (is_26_ && !merged.is_in_26) return {};
    if (!is_given && has_setting(settings, merged.setting)) return {};
    const bool is_acks_of_26 = is_26_ && merged.setting == "acks";
    put_setting(settings, std::string(merged.setting),
                is_given        ? value
                : is_acks_of_26 ? "1"
                                : std::string(merged.otherwise));
    return {};
  }

  std::string servers() const {
    return is_26_ && !arguments_.has("bootstrap-server") ? arguments_.last("broker-list")
                                                         : arguments_.last("bootstrap-server");
  }

 private:
  /// The last value of an option that was given; "" if there is none.

  const KafkaArguments& arguments_;
  rt::Disk& disk_;
  bool is_26_;
};

class Command {
 public:
  Command(KafkaArguments arguments, rt::Runtime& runtime, bool is_26, ConsoleInput input,
          Output& output)
      : arguments_(std::move(arguments)),
        runtime_(runtime),
        is_26_(is_26),
        input_(input),
        output_(output) {}

  int run() {
    if (arguments_.has("help"))
      return usage("This tool helps to read data from standard input and publish it to Kafka.");
    if (arguments_.has("version")) {
      output_.out(is_26_ ? "2.6.0 (Commit:62abe01bee039651)\n" : "4.3.1\n");
      return 0;
    }
    if (const auto why = check_arguments()) return usage(*why);
    auto settings = SettingsOf(arguments_, *runtime_.disk, is_26_).make();
    if (!settings) return fail_with(settings.error());
    auto parser = make_parser();
    if (!parser) return fail_with(parser.error());
    const auto version = is_26_ ? client::KafkaVersion::k26 : client::KafkaVersion::k43;
    auto config = client::ProducerConfig::from(*settings, version);
    if (!config) {
      output_.err(java_text(config.error()) + "\n");
      return 1;
    }
    for (const std::string& warning : config->warnings)
      log("WARN", warning, "org.apache.kafka.clients.producer.ProducerConfig");
    auto session = ClientSession::open();
    if (!session) return fail_with(session.error());
    return pump(**session, std::move(*config), *parser);
  }

 private:
  int usage(std::string_view why) {
    output_.err(
        fmt::format("{}\n{}", why, is_26_ ? kConsoleProducerUsage26 : kConsoleProducerUsage));
    return 1;
  }
  int fail_with(const Error& error) {
    output_.err(error.context + "\n");
    return 1;
  }

  /// The last value of an option that was given; "" if there is none.

  std::string servers() const { return SettingsOf(arguments_, *runtime_.disk, is_26_).servers(); }

  std::optional<std::string> check_arguments() {
    if (is_26_ && servers().empty()) return "Missing required option(s) [bootstrap-server]";
    if (!arguments_.has("topic")) return "Missing required argument \"[topic]\"";
    if (!is_26_) {
      for (const auto& [name, old_name] : kRenamed)
        if (arguments_.has(name) && arguments_.has(old_name))
          return fmt::format("Options --{} and --{} cannot be specified together.", name, old_name);
      for (const std::string_view old_name : {"producer-property", "producer.config", "property"})
        warn_old(old_name);
      if (arguments_.has("max-partition-memory-bytes"))
        output_.out(
            "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache "
            "Kafka 5.0. "
            "Use --batch-size instead.\n");
      if (servers().empty()) return "Error while validating the bootstrap address\n";
    }
    std::string_view rest = last_servers_ = servers();
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(','));
      if (!rt::Address::from_text(word))
        return fmt::format("Please provide valid host:port like host1:9091,host2:9092\n{}",
                           is_26_ ? " " : "");
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    return std::nullopt;
  }

  void warn_old(std::string_view old_name) {
    if (!arguments_.has(old_name)) return;
    for (const auto& [name, other] : kRenamed)
      if (other == old_name)
        output_.out(
            fmt::format("Warning: --{} is deprecated and will be removed in a future version. Use "
                        "--{} instead.\n",
                        old_name, name));
  }

  Result<LineParser> make_parser() {
    Settings settings;
    if (arguments_.has("reader-config"))
      SEMEL_CHECK(add_settings_file(settings, *runtime_.disk, arguments_.last("reader-config")));
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("property")));
    SEMEL_CHECK(add_settings_words(settings, arguments_.values("reader-property")));
    return LineParser::make(settings, is_26_);
  }

  /// A line as Kafka's tools log it.
  void log(std::string_view level, std::string_view text, std::string_view logger) {
    const int64_t ms = runtime_.clock->unix_ms();
    const auto time = fmt::gmtime(static_cast<std::time_t>(ms / 1000));
    output_.err(fmt::format("[{:%Y-%m-%d %H:%M:%S},{:03}] {} {} ({})\n", time, ms % 1000, level,
                            text, logger));
  }

  void on_delivery(const client::Delivery& delivery) {
    if (delivery.fate == client::Fate::kStored) return;
    const Sizes sizes = sizes_of(delivery.tag);
    const auto text = [](int64_t size) {
      return size < 0 ? std::string("null") : fmt::format("{} bytes", size);
    };
    log("ERROR",
        fmt::format("Error when sending message to topic {} with key: {}, value: {} with error:",
                    delivery.topic, text(sizes.key), text(sizes.value)),
        "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback");
    output_.err(java_text(delivery.error) + "\n");
    first_error_ = first_error_.value_or(delivery.error);
  }

  /// The sizes of key and value travel in a record's tag; −1 = null.
  struct Sizes {
    int64_t key;
    int64_t value;
  };
  static uint64_t tag_of(const LineRecord& record) {
    const uint64_t key = record.key ? record.key->size() + 1 : 0;
    const uint64_t value = record.value ? record.value->size() + 1 : 0;
    return key << 32 | value;
  }
  static Sizes sizes_of(uint64_t tag) {
    return {static_cast<int64_t>(tag >> 32) - 1, static_cast<int64_t>(tag & 0xffffffff) - 1};
  }

  int pump(ClientSession& session, client::ProducerConfig config, LineParser& parser) {
    const bool is_sync = arguments_.has("sync");
    const std::string topic = arguments_.last("topic");
    Sending sending(session, std::move(config),
                    [this](const client::Delivery& delivery) { on_delivery(delivery); });
    const bool has_prompt = is_26_ || input_.is_terminal;
    if (has_prompt) prompt();
    std::vector<std::string> lines;
    std::vector<OutgoingRecord> records;
    while (input_.lines.read(lines)) {
      for (const std::string& line : lines) {
        auto record = parser.parse(line);
        if (!record) {
          sending.send(records);
          output_.err("org.apache.kafka.common.KafkaException: " + record.error().context + "\n");
          return 1;
        }
        const uint64_t tag = tag_of(*record);
        records.push_back({topic, std::move(*record), -1, tag});
        if (has_prompt) prompt();
        if (!is_sync) continue;
        sending.send(records);
        records.clear();
        sending.flush();
        if (first_error_) return 1;
      }
      sending.send(records);
      records.clear();
      lines.clear();
    }
    return 0;
  }

  void prompt() {
    output_.out(">");
    std::fflush(stdout);
  }

  KafkaArguments arguments_;
  rt::Runtime& runtime_;
  bool is_26_;
  ConsoleInput input_;
  Output& output_;
  std::string last_servers_;
  std::optional<Error> first_error_;
};

Result<KafkaArguments> parse(std::span<const std::string> words, bool is_26) {
  return is_26 ? KafkaArguments::parse(kOptions26, words) : KafkaArguments::parse(kOptions, words);
}

}  // namespace

Result<Settings> console_producer_settings(std::span<const std::string> words, rt::Disk& disk,
                                           bool is_26) {
  SEMEL_TRY(const auto arguments, parse(words, is_26));
  return SettingsOf(arguments, disk, is_26).make();
}

int run_kafka_console_producer(std::span<const std::string> words, rt::Runtime& runtime, bool is_26,
                               ConsoleInput input, Output& output) {
  const char* const usage = is_26 ? kConsoleProducerUsage26 : kConsoleProducerUsage;
  if (words.empty() && !is_26) {
    output.err(fmt::format(
        "This tool helps to read data from standard input and publish it to Kafka.\n{}", usage));
    return 1;
  }
  auto parsed =
      is_26 ? KafkaArguments::parse(kOptions26, words) : KafkaArguments::parse(kOptions, words);
  if (!parsed) {
    output.err(fmt::format("{}\n{}", parsed.error().context, usage));
    return 1;
  }
  return Command(std::move(*parsed), runtime, is_26, input, output).run();
}

}  // namespace semel::cli
