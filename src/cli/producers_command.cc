#include "cli/producers_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/client_options.h"
#include "cli/cluster_admin.h"
#include "cli/dump_printer.h"
#include "cli/help.h"
#include "cli/leader_calls.h"
#include "cli/topic_admin.h"
#include "cli/topic_command.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel producers list                    every producer of every partition\n"
    "  semel producers list orders --troubled  only those with duplicates or refusals\n"
    "  semel producers show 1000               one producer, wherever it wrote\n"
    "  semel producers why 1000                why its batches were suppressed or refused\n"
    "  semel producers list -o json\n";

struct Options : ClientOptions {
  std::vector<std::string> topics;
  int64_t producer_id = -1;
  bool with_internal = false;
  bool only_troubled = false;
};

std::string batches(uint64_t count) {
  return fmt::format("{} batch{}", count, count == 1 ? "" : "es");
}
std::string records(uint64_t count) { return counted(static_cast<int64_t>(count), "record"); }

uint64_t refusals(const log::ProducerCounters& counters) {
  return counters.gaps + counters.sequences_reused + counters.below_log_start + counters.fenced;
}

bool is_troubled(const ProducerRow& row) {
  return row.counters && (row.counters->duplicates > 0 || refusals(*row.counters) > 0);
}

DumpPrinter::Json to_json(const ProducerRow& row) {
  DumpPrinter::Json json{{"topic", row.partition.topic},
                         {"partition", row.partition.partition.value},
                         {"producerId", row.producer_id},
                         {"producerEpoch", row.epoch},
                         {"lastSequence", row.last_sequence},
                         {"lastTimestamp", row.last_timestamp},
                         {"coordinatorEpoch", row.coordinator_epoch},
                         {"transactionStart", row.txn_start}};
  if (!row.counters) return json;
  const log::ProducerCounters& counters = *row.counters;
  json["lastAppend"] = row.last_append_ms;
  json["counters"] = json_of(counters);
  return json;
}

std::string head_of(const ProducerRow& row) {
  return fmt::format("{}  producer {} epoch {}", row.partition.to_text(), row.producer_id,
                     row.epoch);
}

std::string line_of(const ProducerRow& row) {
  std::string text = head_of(row);
  text += row.last_sequence < 0 ? "  no sequence"
                                : fmt::format("  last sequence {}", row.last_sequence);
  text += "  " + time_text(row.last_timestamp);
  if (row.txn_start >= 0) text += fmt::format("  transaction since offset {}", row.txn_start);
  if (!row.counters) return text;
  const log::ProducerCounters& counters = *row.counters;
  if (counters.duplicates > 0)
    text += fmt::format("  {} suppressed as duplicates", batches(counters.duplicates));
  if (refusals(counters) > 0) text += fmt::format("  {} refused", batches(refusals(counters)));
  return text;
}

/// What happened to a producer's batches, one sentence each.
std::vector<std::string> reasons(const log::ProducerCounters& counters) {
  std::vector<std::string> lines;
  if (counters.duplicates > 0)
    lines.push_back(fmt::format(
        "{} ({}) came again and {} not stored again: the acknowledgement was lost or late, the "
        "producer retried, and got the offsets of the first time. Nothing to do.",
        batches(counters.duplicates), records(counters.duplicate_records),
        counters.duplicates == 1 ? "was" : "were"));
  if (counters.reencoded > 0)
    lines.push_back(fmt::format(
        "{} of them had other bytes but the same records: the client encodes each retry anew, as "
        "kafkajs does.",
        counters.reencoded));
  if (counters.below_log_start > 0)
    lines.push_back(fmt::format(
        "{} answered with 46 DUPLICATE_SEQUENCE_NUMBER: stored once and since deleted by retention "
        "or DeleteRecords. The client takes that as delivered.",
        batches(counters.below_log_start)));
  if (counters.gaps > 0)
    lines.push_back(fmt::format(
        "{} refused with 45 OUT_OF_ORDER_SEQUENCE_NUMBER: sequences before them never arrived, or "
        "they cover stored sequences in part. Look for batches that the client gave up on "
        "(delivery.timeout.ms) and for two clients with one producer id.",
        batches(counters.gaps)));
  if (counters.sequences_reused > 0)
    lines.push_back(fmt::format(
        "{} refused with 45 OUT_OF_ORDER_SEQUENCE_NUMBER: other records under sequences that are "
        "stored. The client re-used sequences; update it, or let it ask for a new producer id.",
        batches(counters.sequences_reused)));
  if (counters.fenced > 0)
    lines.push_back(fmt::format(
        "{} refused with 47 INVALID_PRODUCER_EPOCH: an older epoch. Another instance with the same "
        "transactional.id took over, or the producer began anew; the old instance must end.",
        batches(counters.fenced)));
  if (counters.epoch_bumps > 0)
    lines.push_back(fmt::format("It began a newer epoch {} time{}.", counters.epoch_bumps,
                                counters.epoch_bumps == 1 ? "" : "s"));
  if (lines.empty()) lines.push_back("Nothing of it was suppressed or refused.");
  return lines;
}

void print_list(const std::vector<ProducerRow>& rows, DumpPrinter& printer) {
  for (const ProducerRow& row : rows) printer.row("producer", line_of(row), to_json(row));
}

void print_show(const std::vector<ProducerRow>& rows, DumpPrinter& printer) {
  for (const ProducerRow& row : rows) {
    std::string text = line_of(row);
    if (row.counters) {
      const log::ProducerCounters& counters = *row.counters;
      text += fmt::format(
          "\n  last append {}\n  duplicates {} ({}), re-encoded {}, below log start {}, gaps {}, "
          "sequences re-used {}, epoch bumps {}, fenced {}",
          time_text(row.last_append_ms), counters.duplicates, records(counters.duplicate_records),
          counters.reencoded, counters.below_log_start, counters.gaps, counters.sequences_reused,
          counters.epoch_bumps, counters.fenced);
    }
    printer.row("producer", text, to_json(row));
  }
}

void print_why(const std::vector<ProducerRow>& rows, DumpPrinter& printer) {
  for (const ProducerRow& row : rows) {
    auto json = to_json(row);
    std::string text = head_of(row) + ":";
    const auto lines = row.counters ? reasons(*row.counters)
                                    : std::vector<std::string>{
                                          "The broker keeps no counters; only "
                                          "semel does."};
    for (const std::string& line : lines) text += "\n  " + line;
    json["reasons"] = lines;
    printer.row("producer", text, json);
  }
}

Result<std::vector<TopicPartition>> partitions_of(ApiCaller& caller, const Options& options) {
  TopicAdmin topics(caller);
  auto names = options.topics;
  if (names.empty()) {
    SEMEL_TRY(names, topics.list(options.with_internal));
  }
  std::vector<TopicPartition> partitions;
  if (names.empty()) return partitions;
  const auto described = topics.partitions(names);
  if (!described) return fail(about_topic(described.error(), described.error().context));
  for (const TopicInfo& topic : *described)
    for (const PartitionInfo& partition : topic.partitions)
      partitions.push_back({topic.name, PartitionIndex{partition.partition}});
  return partitions;
}

using Print = void (*)(const std::vector<ProducerRow>&, DumpPrinter&);

/// Of all leaders, by partition, then id.
Result<ClusterAdmin::Producers> find_producers(LeaderCalls& leaders,
                                               const std::vector<TopicPartition>& partitions) {
  ClusterAdmin::Producers all;
  const auto ask = [&](ApiCaller& leader, const auto& own) -> Result<LeaderCalls::Codes> {
    SEMEL_TRY(auto found, ClusterAdmin(leader).producers(own));
    std::ranges::move(found.rows, std::back_inserter(all.rows));
    std::ranges::move(found.failures, std::back_inserter(all.failures));
    LeaderCalls::Codes codes;
    for (const TopicPartition& partition : own) codes[partition] = ErrorCode::kNone;
    return codes;
  };
  SEMEL_TRY(const auto failures,
            leaders.ask({"describeProducers", "DESCRIBE_PRODUCERS", false}, partitions, ask));
  for (const auto& [partition, why] : failures) all.failures.push_back({partition, why});
  std::ranges::sort(all.failures, {}, &PartitionFailure::partition);
  std::ranges::sort(all.rows, [](const ProducerRow& a, const ProducerRow& b) {
    return std::tie(a.partition, a.producer_id) < std::tie(b.partition, b.producer_id);
  });
  return all;
}

Result<int> run(ApiCaller& caller, LeaderCalls leaders, const Options& options, Print print,
                Output& output) {
  SEMEL_TRY(const auto partitions, partitions_of(caller, options));
  SEMEL_TRY(auto found, find_producers(leaders, partitions));
  for (const auto& [partition, error] : found.failures)
    output.err(fmt::format("semel producers: {}: {} ({})\n", partition.to_text(), error.context,
                           error_name(error.code)));
  if (options.producer_id >= 0)
    std::erase_if(found.rows,
                  [&](const ProducerRow& row) { return row.producer_id != options.producer_id; });
  if (options.only_troubled)
    std::erase_if(found.rows, [](const ProducerRow& row) { return !is_troubled(row); });
  DumpPrinter printer(output, options.is_json());
  print(found.rows, printer);
  if (options.producer_id >= 0 && found.rows.empty()) {
    output.err(
        fmt::format("semel producers: no partition knows producer {}; it wrote nothing, or "
                    "nothing within producer.id.expiration.ms\n",
                    options.producer_id));
    return kNotFound;
  }
  return found.failures.empty() ? kOk : kFailed;
}

}  // namespace

int run_producers_command(std::span<const std::string> arguments, const Connect& connect,
                          Output& output) {
  Options options;
  Print print = nullptr;
  CLI::App app("Shows what became of producers' batches.", "semel producers");
  app.footer(kExamples);
  put_examples_first(app);
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, Print how) {
    CLI::App* command = app.add_subcommand(name, about);
    options.add_to(*command, "client", "text or json (one object a line)");
    command->add_flag("--internal", options.with_internal, "internal topics too");
    command->callback([&print, how] { print = how; });
    return command;
  };
  CLI::App* list = add("list", "producers of partitions", &print_list);
  list->add_option("topic", options.topics, "topics; all without any");
  list->add_flag("--troubled", options.only_troubled, "only with duplicates or refusals");
  for (CLI::App* command : {add("show", "one producer in all partitions", &print_show),
                            add("why", "why batches were suppressed or refused", &print_why)})
    command->add_option("producer-id", options.producer_id, "its number")
        ->required()
        ->check(whole_number(0));
  if (const auto code = parse_command_line(app, arguments, output)) return *code;
  auto caller = connect(options.cluster);
  if (!caller) {
    output.err(fmt::format("semel producers: {}\n", connect_failure(caller.error())));
    return exit_code_of(caller.error());
  }
  LeaderCalls leaders(**caller, [&](const std::string& server) {
    return connect({server, options.cluster.settings_file});
  });
  const auto code = run(**caller, std::move(leaders), options, print, output);
  if (code) return *code;
  output.err(fmt::format("semel producers: {} ({})\n", code.error().context,
                         error_name(code.error().code)));
  return exit_code_of(code.error());
}

}  // namespace semel::cli
