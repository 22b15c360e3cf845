#include "cli/produce_command.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/client_options.h"
#include "cli/dump_printer.h"
#include "cli/help.h"
#include "cli/sending.h"
#include "cli/topic_command.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  echo hello | semel produce orders\n"
    "  semel produce orders --key-separator : < pairs.txt\n"
    "  semel produce orders -o json < lines.txt\n"
    "  semel produce orders --set acks=1 --set enable.idempotence=false < lines.txt\n";

struct Options : TopicOptions {
  std::string key_separator;
  int32_t partition = -1;
};

/// Counts what became of the records, and tells about each in JSON.
class Tally {
 public:
  Tally(const Options& options, Output& output) : options_(options), output_(output) {}

  void on_delivery(const client::Delivery& delivery) {
    if (delivery.fate == client::Fate::kStored) {
      ++stored_;
    } else {
      ++failed_;
      if (!first_failure_) first_failure_ = delivery.error;
    }
    if (!options_.is_json()) return;
    nlohmann::ordered_json json{{"line", delivery.tag}, {"partition", delivery.partition}};
    if (delivery.offset != kNoOffset) json["offset"] = delivery.offset.value;
    if (delivery.fate == client::Fate::kStored) {
      json["timestamp"] = delivery.timestamp;
    } else {
      json["error"] = error_name(delivery.error.code);
      json["message"] = delivery.error.context;
      json["may_be_stored"] = delivery.fate == client::Fate::kMaybeStored;
    }
    output_.out(json_text(json) + "\n");
  }

  int finish() const {
    if (!first_failure_) {
      if (!options_.is_json())
        output_.err(fmt::format("{} record{} stored in {}\n", stored_, stored_ == 1 ? "" : "s",
                                options_.topic));
      return kOk;
    }
    output_.err(fmt::format("semel produce: {} of {} records failed; the first: {} ({})\n", failed_,
                            stored_ + failed_, first_failure_->context,
                            error_name(first_failure_->code)));
    return exit_code_of(*first_failure_);
  }
  bool has_failed() const { return first_failure_.has_value(); }

 private:
  const Options& options_;
  Output& output_;
  uint64_t stored_ = 0;
  uint64_t failed_ = 0;
  std::optional<Error> first_failure_;
};

Result<client::ProducerConfig> make_config(const Options& options, rt::Runtime& runtime,
                                           Output& output) {
  SEMEL_TRY(const Settings settings,
            options.read_settings({{"client.id", "semel-produce"}}, *runtime.disk));
  return take_config(client::ProducerConfig::from(settings), "produce", output);
}

Result<int> produce(const Options& options, client::ProducerConfig config, LineSource& source,
                    Output& output) {
  Settings reading;
  if (!options.key_separator.empty())
    reading = {{"parse.key", "true"}, {"key.separator", options.key_separator}};
  SEMEL_TRY(auto parser, LineParser::make(reading, false));
  SEMEL_TRY(auto session, ClientSession::open());
  Tally tally(options, output);
  std::optional<Error> unreadable;
  {
    Sending sending(*session, std::move(config),
                    [&](const client::Delivery& delivery) { tally.on_delivery(delivery); });
    uint64_t line_number = 0;
    std::vector<std::string> lines;
    while (!unreadable && source.read(lines)) {
      std::vector<OutgoingRecord> records;
      for (const std::string& line : lines) {
        auto record = parser.parse(line);
        ++line_number;
        if (!record) {
          unreadable = record.error();
          break;
        }
        records.push_back({options.topic, std::move(*record), options.partition, line_number});
      }
      sending.send(records);
      lines.clear();
    }
  }
  const int code = tally.finish();
  if (unreadable) return fail(*unreadable);
  return code;
}

}  // namespace

int run_produce_command(std::span<const std::string> words, rt::Runtime& runtime, LineSource& lines,
                        Output& output) {
  Options options;
  CLI::App app("Send lines of standard input as records, each stored once.", "semel produce");
  app.footer(kExamples);
  put_examples_first(app);
  options.add_to(app, {"where to", "producer", "text or json: one line per record"});
  app.add_option("--key-separator,-k", options.key_separator, "what stands between key and value");
  app.add_option("--partition,-p", options.partition, "send everything there")
      ->check(whole_number(0));
  if (const auto code = parse_command_line(app, words, output)) return *code;
  auto config = make_config(options, runtime, output);
  if (config) {
    const auto code = produce(options, std::move(*config), lines, output);
    if (code) return *code;
    config = fail(code.error());
  }
  output.err(fmt::format("semel produce: {}\n", config.error().context));
  return exit_code_of(config.error());
}

}  // namespace semel::cli
