#include "cli/commands.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/audit_command.h"
#include "cli/completion.h"
#include "cli/config_command.h"
#include "cli/consume_command.h"
#include "cli/dump_command.h"
#include "cli/dump_log_command.h"
#include "cli/kafka_console_consumer.h"
#include "cli/kafka_console_producer.h"
#include "cli/kafka_producer_perf.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_verifiable_producer.h"
#include "cli/lab_command.h"
#include "cli/perf_command.h"
#include "cli/produce_command.h"
#include "cli/producers_command.h"
#include "cli/storage.h"
#include "cli/topic_command.h"

namespace semel::cli {
namespace {

using Words = std::span<const std::string>;

constexpr Command kSemelCommands[] = {
    {"serve", "run a broker",
     [](Words words, CommandContext& context) {
       return context.serve(plan_serve(words, *context.runtime.disk, context.output));
     }},
    {"topic", "create, list, describe, delete topics",
     [](Words words, CommandContext& context) {
       return run_topic_command(words, context.connect, context.output);
     }},
    {"produce", "send lines of standard input as records, each stored once",
     [](Words words, CommandContext& context) {
       StandardInput lines;
       return run_produce_command(words, context.runtime, lines, context.output);
     }},
    {"consume", "print the records of a topic",
     [](Words words, CommandContext& context) {
       return run_consume_command(words, context.runtime, context.output);
     }},
    {"producers", "show what became of producers' batches: duplicates, refusals",
     [](Words words, CommandContext& context) {
       return run_producers_command(words, context.connect, context.output);
     }},
    {"config", "show and change settings of topics and brokers",
     [](Words words, CommandContext& context) {
       return run_config_command(words, context.connect, context.output);
     }},
    {"dump", "decode any file of a data directory, semel's or Kafka's",
     [](Words words, CommandContext& context) {
       return run_dump_command(words, context.paths, context.output);
     }},
    {"audit", "find records stored twice, lost or damaged in a data directory",
     [](Words words, CommandContext& context) {
       return run_audit_command(words, context.paths, context.output);
     }},
    {"perf", "measure how fast records are stored and read, and how long each takes",
     [](Words words, CommandContext& context) {
       return run_perf_command(words, context.runtime, context.output);
     }},
    {"lab", "see duplicates appear and vanish: acknowledgements are lost on purpose",
     [](Words words, CommandContext& context) {
       return run_lab_command(words, context.paths, context.output);
     }},
    {"completion", "print shell completion for bash, zsh or fish", &run_completion_command},
    {"version", "print the version",
     [](Words, CommandContext& context) {
       context.output.out("semel 0.1.0\n");
       return int{kOk};
     }},
};

KafkaCall kafka_call(Words words, const CommandContext& context) {
  return {words,         context.paths,           context.connect,
          context.style, *context.runtime.random, context.output};
}

constexpr Command kKafkaCommands[] = {
    {"kafka-broker-api-versions.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_api_versions(kafka_call(words, context));
     }},
    {"kafka-configs.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_configs(kafka_call(words, context));
     }},
    {"kafka-console-consumer.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_console_consumer(words, context.runtime, context.output);
     }},
    {"kafka-console-producer.sh", "",
     [](Words words, CommandContext& context) {
       StandardInput lines;
       return run_kafka_console_producer(words, context.runtime,
                                         context.style == DumpStyle::kKafka26,
                                         {lines, StandardInput::is_terminal()}, context.output);
     }},
    {"kafka-delete-records.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_delete_records(kafka_call(words, context));
     }},
    {"kafka-dump-log.sh", "",
     [](Words words, CommandContext& context) {
       return run_dump_log(words, context.paths, context.style, context.output);
     }},
    {"kafka-get-offsets.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_get_offsets(kafka_call(words, context));
     }},
    {"kafka-log-dirs.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_log_dirs(kafka_call(words, context));
     }},
    {"kafka-producer-perf-test.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_producer_perf(words, context.runtime, context.output);
     }},
    {"kafka-server-start.sh", "",
     [](Words words, CommandContext& context) {
       return context.serve(plan_kafka_server_start(words, *context.runtime.disk, context.output));
     }},
    {"kafka-storage.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_storage(words, context.runtime, context.output);
     }},
    {"kafka-topics.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_topics(kafka_call(words, context));
     }},
    {"kafka-verifiable-producer.sh", "",
     [](Words words, CommandContext& context) {
       return run_kafka_verifiable_producer(words, context.runtime, context.output);
     }},
};

const Command* find(std::span<const Command> commands, std::string_view name) {
  const auto at = std::ranges::find(commands, name, &Command::name);
  return at == commands.end() ? nullptr : &*at;
}

/// Takes `--as-version 2.6` out of a look-alike's words.
DumpStyle take_style(std::vector<std::string>& words, DumpStyle style) {
  const auto at = std::ranges::find(words, "--as-version");
  if (at == words.end() || at + 1 == words.end()) return style;
  const bool is_26 = (at + 1)->starts_with("2.6");
  words.erase(at, at + 2);
  return is_26 ? DumpStyle::kKafka26 : DumpStyle::kKafka43;
}

int run_kafka(const Command& command, Words words, CommandContext& context) {
  std::vector<std::string> own(words.begin(), words.end());
  context.style = take_style(own, context.style);
  return command.run(own, context);
}

std::string help() {
  std::string text =
      "semel: an event log that speaks Kafka's protocol and stores each record once.\n"
      "\n"
      "Examples:\n"
      "  semel serve --data d                       run a broker on localhost:9092\n"
      "  semel topic create orders --partitions 3   create a topic\n"
      "  semel dump d/broker/orders-0/*.snapshot    look into a file of a data directory\n"
      "  semel audit d                              is every record there once?\n"
      "\n"
      "Commands:\n";
  size_t width = 0;
  for (const Command& command : kSemelCommands) width = std::max(width, command.name.size());
  for (const Command& command : kSemelCommands)
    text += fmt::format("  {:<{}}  {}\n", command.name, width, command.about);
  text +=
      "\n`semel COMMAND --help` says more. The same program answers, with Kafka's options and "
      "text, to\n";
  std::string line;
  for (const Command& command : kKafkaCommands) {
    const bool is_last = &command == std::end(kKafkaCommands) - 1;
    const std::string word = fmt::format("{}{}", command.name, is_last ? "." : ", ");
    if (line.size() + word.size() > 100) {
      line.back() = '\n';
      text += std::exchange(line, "");
    }
    line += word;
  }
  return text + line + "\n";
}

}  // namespace

std::span<const Command> semel_commands() { return kSemelCommands; }
std::span<const Command> kafka_commands() { return kKafkaCommands; }

int run_program(std::string_view name, std::span<const std::string> words,
                CommandContext& context) {
  if (const Command* command = find(kKafkaCommands, name))
    return run_kafka(*command, words, context);
  if (words.empty() || words.front() == "--help" || words.front() == "-h" ||
      words.front() == "help") {
    context.output.out(help());
    return words.empty() ? kUsage : kOk;
  }
  std::string_view word = words.front();
  if (word == "--version") word = "version";
  if (const Command* command = find(kSemelCommands, word))
    return command->run(words.subspan(1), context);
  if (const Command* command = find(kKafkaCommands, word))
    return run_kafka(*command, words.subspan(1), context);
  context.output.err(fmt::format("semel: no command {}; see semel --help\n", word));
  return kUsage;
}

}  // namespace semel::cli
