#include "cli/consume_command.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/client_options.h"
#include "cli/dump_printer.h"
#include "cli/help.h"
#include "cli/receiving.h"
#include "cli/topic_command.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel consume orders                      everything up to the present end\n"
    "  semel consume orders --follow             and whatever comes, until Ctrl-C\n"
    "  semel consume orders -p 0 --offset 40 -n 1\n"
    "  semel consume orders --since 1750000000000 -o json\n"
    "  semel consume payments --read-committed\n";

struct Options : TopicOptions {
  std::optional<int32_t> partition;
  std::optional<int64_t> offset;
  std::optional<int64_t> since;
  std::optional<uint64_t> records_max;
  bool follows = false;
  bool only_new = false;
  bool is_read_committed = false;
  bool with_keys = false;
};

/// Text that is not UTF-8 is told in hexadecimal digits under another name.
void put_text(nlohmann::ordered_json& json, const std::string& name,
              const std::optional<bytes::ByteSpan>& bytes) {
  if (!bytes) {
    json[name] = nullptr;
    return;
  }
  nlohmann::ordered_json text = std::string(bytes::as_text(*bytes));
  try {
    static_cast<void>(text.dump());
    json[name] = std::move(text);
  } catch (const nlohmann::json::exception&) {
    std::string hex;
    for (const std::byte b : *bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(b));
    json[name + "_hex"] = hex;
  }
}

std::string to_json(const client::ConsumedRecord& consumed) {
  const record::RecordView& record = consumed.record;
  nlohmann::ordered_json json{{"partition", consumed.partition},
                              {"offset", record.offset.value},
                              {"timestamp", record.timestamp}};
  put_text(json, "key", record.key);
  put_text(json, "value", record.value);
  auto headers = record.headers();
  for (auto header = headers.next(); header; header = headers.next()) {
    nlohmann::ordered_json one{{"key", std::string(header->key)}};
    put_text(one, "value", header->value);
    json["headers"].push_back(std::move(one));
  }
  return json_text(json) + "\n";
}

std::string to_text(const client::ConsumedRecord& consumed, bool with_keys) {
  const record::RecordView& record = consumed.record;
  const auto text = [](const std::optional<bytes::ByteSpan>& bytes) {
    return bytes ? bytes::as_text(*bytes) : std::string_view("null");
  };
  if (with_keys) return fmt::format("{}\t{}\n", text(record.key), text(record.value));
  return fmt::format("{}\n", text(record.value));
}

Result<client::ConsumerConfig> make_config(const Options& options, rt::Runtime& runtime,
                                           Output& output) {
  Settings base{{"client.id", "semel-consume"}, {"allow.auto.create.topics", "false"}};
  if (options.is_read_committed) put_setting(base, "isolation.level", "read_committed");
  SEMEL_TRY(const Settings settings, options.read_settings(std::move(base), *runtime.disk));
  return take_config(client::ConsumerConfig::from(settings), "consume", output);
}

Result<void> consume(const Options& options, rt::Runtime& runtime, Output& output) {
  SEMEL_TRY(auto config, make_config(options, runtime, output));
  ReceivePlan plan;
  plan.topics = {options.topic};
  plan.partition = options.partition;
  plan.offset = options.offset;
  plan.time =
      options.since.value_or(options.only_new ? client::kLatestOffset : client::kEarliestOffset);
  plan.records_max = options.records_max;
  plan.until_end = !options.follows && !options.only_new;
  SEMEL_TRY(auto session, ClientSession::open(true));
  const bool is_json = options.is_json();
  std::string text;
  const auto end = receive(
      *session, std::move(config), plan,
      [&](const client::ConsumedRecord& record) {
        text += is_json ? to_json(record) : to_text(record, options.with_keys);
      },
      [&] {
        if (text.empty()) return;
        output.out(std::exchange(text, {}));
        std::fflush(stdout);
      });
  if (!end) return fail(end.error());
  return {};
}

}  // namespace

int run_consume_command(std::span<const std::string> words, rt::Runtime& runtime, Output& output) {
  Options options;
  CLI::App app("Print the records of a topic.", "semel consume");
  app.footer(kExamples);
  put_examples_first(app);
  options.add_to(app, {"which", "consumer", "text or json"});
  app.add_option("--partition,-p", options.partition, "only this one")->check(whole_number(0));
  auto* offset = app.add_option("--offset", options.offset, "begin there")->check(whole_number(0));
  auto* since = app.add_option("--since", options.since, "begin at this time, in ms since 1970");
  auto* fresh = app.add_flag("--new", options.only_new, "only what comes from now on");
  since->excludes(offset);
  fresh->excludes(offset);
  fresh->excludes(since);
  app.add_option("--max,-n", options.records_max, "stop after so many records");
  app.add_flag("--follow,-f", options.follows, "go on at the end");
  app.add_flag("--read-committed", options.is_read_committed,
               "leave out what transactions did not commit");
  app.add_flag("--keys", options.with_keys, "print keys too, before a tab");
  if (const auto code = parse_command_line(app, words, output)) return *code;
  const auto done = consume(options, runtime, output);
  if (done) return kOk;
  output.err(
      fmt::format("semel consume: {} ({})\n", done.error().context, error_name(done.error().code)));
  return exit_code_of(done.error());
}

}  // namespace semel::cli
