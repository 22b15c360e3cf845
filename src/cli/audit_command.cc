#include "cli/audit_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/audit_partition.h"
#include "cli/dump_printer.h"
#include "cli/help.h"
#include "log/checkpoint_file.h"
#include "log/file_names.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel audit d                               a data directory of semel's\n"
    "  semel audit /var/kafka-logs                 one of Kafka's\n"
    "  semel audit d/broker/orders-0               one partition\n"
    "  semel audit d --ignore open-transaction     transactions may still be going on\n"
    "  semel audit d -o json | jq 'select(.type == \"repeated\")'\n"
    "\n"
    "Findings: repeated, reused, overlap, missing, out-of-order, old-epoch (sequences of "
    "idempotent\n"
    "producers), open-transaction, checksum, offsets, damaged.\n"
    "Exit codes: 0 nothing found, 1 findings, 2 usage, 3 no such folder or no partition in it.\n";

constexpr std::string_view kCleanerCheckpointName = "cleaner-offset-checkpoint";
constexpr std::string_view kCompactedTopics[] = {"__consumer_offsets", "__transaction_state",
                                                 "__share_group_state"};
constexpr int kDepthMax = 3;  // …, DATA, DATA/broker, DATA/broker/orders-0

struct Options {
  std::vector<std::string> folders;
  std::string format = "text";
  std::vector<std::string> ignored;
  AuditLimits limits;
};

std::string below(const std::string& folder, std::string_view name) {
  return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", name);
}

bool has_segments(const std::vector<rt::DirectoryEntry>& entries) {
  return std::ranges::any_of(entries, [](const rt::DirectoryEntry& entry) {
    return !entry.is_directory && log::is_file_of(entry.name, log::kLogSuffix);
  });
}

/// Partition folders at or below a folder.
class Finder {
 public:
  explicit Finder(const DumpPaths& paths) : paths_(paths) {}

  /// A folder is known as a partition's by its segments: log directories may have names like
  /// kafka-logs-1 too.
  Result<void> search(const std::string& folder, int depth = 0) {
    SEMEL_TRY(const auto entries, paths_.disk.list(paths_.absolute(folder)));
    if (has_segments(entries)) {
      add(folder);
      return {};
    }
    for (const auto& entry : entries) {
      if (!entry.is_directory || depth >= kDepthMax) continue;
      const auto kind = log::parse_folder_name(entry.name).kind;
      if (kind != log::FolderKind::kPartition && kind != log::FolderKind::kOther) {
        ++passed_over_;
        continue;
      }
      const auto done = search(below(folder, entry.name), depth + 1);
      if (!done && done.error().cause != Cause::kPermission) return done;
    }
    return {};
  }

  std::vector<AuditTarget>& targets() { return targets_; }
  /// Folders of partitions that are deleted, moved or stray.
  size_t passed_over() const { return passed_over_; }

 private:
  void add(const std::string& path) {
    std::string plain = paths_.absolute(path);
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    const auto name = log::parse_folder_name(plain.substr(plain.rfind('/') + 1));
    AuditTarget target{path, false};
    if (name.kind == log::FolderKind::kPartition)
      target.is_compacted = is_compacted(rt::parent_of(plain), name.partition);
    targets_.push_back(std::move(target));
  }

  bool is_compacted(const std::string& directory, const TopicPartition& partition) {
    if (std::ranges::find(kCompactedTopics, partition.topic) != std::end(kCompactedTopics))
      return true;
    if (directory != cleaned_directory_) {
      cleaned_directory_ = directory;
      cleaned_ = log::read_offset_checkpoint(paths_.disk, below(directory, kCleanerCheckpointName))
                     .value_or(log::OffsetCheckpoint{});
    }
    const auto at = cleaned_.find(partition);
    return at != cleaned_.end() && at->second.value > 0;
  }

  const DumpPaths& paths_;
  std::vector<AuditTarget> targets_;
  size_t passed_over_ = 0;
  std::string cleaned_directory_;
  log::OffsetCheckpoint cleaned_;
};

void print_total(DumpPrinter& printer, const AuditTotals& total, size_t passed_over) {
  std::string text = fmt::format(
      "{}, {}, {}, {}, {}: {}", counted(static_cast<int64_t>(total.partitions), "partition"),
      counted(static_cast<int64_t>(total.segments), "segment"),
      fmt::format("{} batch{}", total.batches, total.batches == 1 ? "" : "es"),
      counted(static_cast<int64_t>(total.records), "record"),
      counted(static_cast<int64_t>(total.producers), "producer state"),
      total.findings == 0 ? "nothing found"
                          : counted(static_cast<int64_t>(total.findings), "finding"));
  if (total.untold > 0) text += fmt::format(", {} of them not shown", total.untold);
  if (total.forgotten > 0)
    text += fmt::format(
        "; {} producer states were too many to remember, repeats of theirs are "
        "not seen (see --producers)",
        total.forgotten);
  if (passed_over > 0)
    text += fmt::format("; {} passed over (being deleted, moved or stray)",
                        counted(static_cast<int64_t>(passed_over), "folder"));
  printer.row("total", text,
              DumpPrinter::Json{{"partitions", total.partitions},
                                {"segments", total.segments},
                                {"batches", total.batches},
                                {"records", total.records},
                                {"bytes", total.bytes},
                                {"producers", total.producers},
                                {"producersForgotten", total.forgotten},
                                {"foldersPassedOver", passed_over},
                                {"findings", total.findings},
                                {"findingsNotShown", total.untold}});
}

int audit(const DumpPaths& paths, const Options& options, Output& output) {
  Finder finder(paths);
  for (const std::string& folder : options.folders) {
    const size_t before = finder.targets().size();
    const auto done = finder.search(folder);
    if (!done || finder.targets().size() == before) {
      output.err(fmt::format("semel audit: {}\n",
                             done ? folder + ": no partition folder such as orders-0 in it"
                                  : folder + ": " + done.error().context));
      return !done && done.error().cause == Cause::kPermission ? kFailed : kNotFound;
    }
  }
  DumpPrinter printer(output, options.format == "json");
  AuditTotals total;
  bool has_failed = false;
  for (const AuditTarget& target : finder.targets()) {
    bool is_named = false;
    const auto tell = [&](const Finding& finding) {
      if (!std::exchange(is_named, true) && !printer.is_json()) printer.row("", target.path, {});
      auto json = finding_json(finding);
      json["partition"] = target.path;
      printer.row("finding", finding_text(finding), json);
    };
    const auto totals = audit_partition(paths, target, options.limits, tell);
    printer.flush();
    if (totals) {
      total += *totals;
      continue;
    }
    has_failed = true;
    output.err(fmt::format("semel audit: {}\n", totals.error().context));
  }
  print_total(printer, total, finder.passed_over());
  return total.findings > 0 || has_failed ? kFailed : kOk;
}

}  // namespace

int run_audit_command(std::span<const std::string> arguments, const DumpPaths& paths,
                      Output& output) {
  Options options;
  CLI::App app("Finds records of a data directory that were stored twice, lost or damaged.",
               "semel audit");
  app.footer(kExamples);
  put_examples_first(app);
  app.add_option("DIR", options.folders, "data directories, log directories or partition folders")
      ->required();
  app.add_option("-o,--output", options.format, "text or json (one object a line)")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--ignore", options.ignored, "a kind of finding that does not count; repeatable")
      ->allow_extra_args(false);
  app.add_option("--findings", options.limits.findings_max,
                 "findings shown per partition, others are counted")
      ->capture_default_str();
  app.add_option("--producers", options.limits.producers_max,
                 "producers remembered at a time, about 100 bytes each")
      ->check(whole_number(2))
      ->capture_default_str();
  if (const auto code = parse_command_line(app, arguments, output)) return *code;
  for (const std::string& word : options.ignored) {
    const auto kind = finding_of_word(word);
    if (!kind) {
      output.err(fmt::format(
          "semel audit: --ignore {}: no kind of finding; see semel audit --help\n", word));
      return kUsage;
    }
    options.limits.ignored.set(static_cast<size_t>(*kind));
  }
  return audit(paths, options, output);
}

}  // namespace semel::cli
