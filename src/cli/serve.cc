#include "cli/serve.h"

#include <fmt/format.h>

#include "cli/help.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel serve --data /var/lib/semel\n"
    "  semel serve --data d --listen 127.0.0.1:9092 --set semel.flush=os\n"
    "  semel serve /etc/kafka/server.properties\n"
    "An empty directory is formatted. TERM stops the broker in order; a second TERM at once.\n";

struct Words {
  std::string file;
  std::vector<std::string> overrides;
  std::string data_dir;
  std::string listen;
};

Result<broker::Setting> split_override(const std::string& text, std::string_view origin) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} {}: no key=value; write for example {} log.retention.ms=60000",
                            origin, text, origin));
  return broker::Setting{text.substr(0, equals), text.substr(equals + 1), std::string(origin)};
}

Result<broker::Config> load(const Words& words, std::string_view override_word, rt::Disk& disk) {
  broker::ConfigSources sources;
  sources.data_dir = words.data_dir;
  sources.listen = words.listen;
  if (!words.file.empty()) {
    const auto text = rt::read_file(disk, words.file, 16u << 20);
    if (!text)
      return fail(ErrorCode::kInvalidConfig,
                  fmt::format("{} cannot be read: {}", words.file, text.error().context));
    SEMEL_TRY(sources.file, broker::parse_properties(text->text(), words.file));
  }
  for (const std::string& text : words.overrides) {
    SEMEL_TRY(auto setting, split_override(text, override_word));
    sources.overrides.push_back(std::move(setting));
  }
  return broker::make_config(sources);
}

ServePlan finish(const Words& words, std::string_view override_word, rt::Disk& disk,
                 Output& output) {
  auto config = load(words, override_word, disk);
  if (config) return std::move(*config);
  output.err(fmt::format("semel: {}\n", config.error().context));
  return ExitCode::kUsage;
}

}  // namespace

ServePlan plan_serve(std::span<const std::string> arguments, rt::Disk& disk, Output& output) {
  Words words;
  CLI::App app("Run a broker.", "semel serve");
  app.footer(kExamples);
  put_examples_first(app);
  app.add_option("file", words.file, "Kafka's server.properties");
  app.add_option("--data", words.data_dir, "data directory; formatted if it is empty");
  app.add_option("--listen", words.listen,
                 "HOST:PORT for clients; localhost:9092 unless told otherwise");
  app.add_option("--set", words.overrides, "key=value, stronger than the file; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  if (const auto code = parse_command_line(app, arguments, output))
    return static_cast<ExitCode>(*code);
  return finish(words, "--set", disk, output);
}

ServePlan plan_kafka_server_start(std::span<const std::string> arguments, rt::Disk& disk,
                                  Output& output) {
  constexpr const char* kText =
      "USAGE: kafka-server-start.sh [-daemon] server.properties [--override property=value]*\n";
  Words words;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "-daemon" && i == 0) continue;
    if (word == "--override" && i + 1 < arguments.size() && !words.file.empty()) {
      words.overrides.push_back(arguments[++i]);
    } else if (words.file.empty() && !word.starts_with("--")) {
      words.file = word;
    } else {
      output.err(kText);
      return ExitCode::kFailed;
    }
  }
  if (words.file.empty()) {
    output.err(kText);
    return ExitCode::kFailed;
  }
  auto plan = finish(words, "--override", disk, output);
  if (std::holds_alternative<ExitCode>(plan)) return ExitCode::kFailed;
  return plan;
}

}  // namespace semel::cli
