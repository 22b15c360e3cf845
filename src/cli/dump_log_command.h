// kafka-dump-log.sh: options, texts and exit codes of Kafka 4.3.1, or of 2.6.0.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/dump_decoders.h"
#include "cli/dump_file.h"
#include "cli/output.h"

namespace semel::cli {

extern const char* const kDumpLogUsage;

/// Returns the exit code. `--as-version 2.6` (or 2.6.0) among the arguments changes the style.
int run_dump_log(std::span<const std::string> arguments, const DumpPaths& paths, DumpStyle style,
                 Output& output);

// --- inside the command -------------------------------------------------------------------------

struct DumpLogOptions {
  std::string files;
  DumpDecoding decoding;
  bool prints_data = false;
  bool is_deep = false;
  bool verifies_only = false;
  bool checks_sanity_only = false;
  bool skips_metadata = false;
  std::string max_message_size = "5242880";
  std::string max_bytes = "2147483647";
};

/// Pairs of numbers found wrong, per file (absolute name), in the order of finding.
class DumpFindings {
 public:
  using Pairs = std::vector<std::pair<int64_t, int64_t>>;
  Pairs& of(const std::string& file);
  /// In the order in which Java's HashMap gives the files.
  std::vector<std::pair<std::string, Pairs>> ordered() const;

 private:
  std::vector<std::pair<std::string, Pairs>> found_;
};

/// One run of the tool.
class DumpLogRun {
 public:
  DumpLogRun(const DumpLogOptions& options, const DumpPaths& paths, Output& output)
      : options_(options), paths_(paths), output_(output) {}
  ~DumpLogRun() { flush(); }
  DumpLogRun(const DumpLogRun&) = delete;
  DumpLogRun& operator=(const DumpLogRun&) = delete;

  Thrown<void> dump(const std::string& path);
  void print_findings();
  void print_exception(const JavaException& exception);

 private:
  Thrown<void> dump_segment(const std::string& path, std::string_view name);
  Thrown<void> dump_batch(const record::BatchView& batch, const std::string& path,
                          int64_t& last_offset);
  Thrown<void> dump_legacy_batch(const record::BatchView& batch, const std::string& path,
                                 int64_t& last_offset);
  void note_offset(const std::string& path, int64_t offset, int64_t& last_offset);
  Thrown<void> print_record(const record::BatchView& batch, const record::RecordView& record,
                            std::string_view legacy_checksum);
  void print_batch(const record::BatchView& batch, uint64_t position);
  std::unexpected<JavaException> stop_in_line(const std::string& text,
                                              const JavaException& exception);
  Thrown<void> dump_index(const std::string& path);
  /// The index, and the bytes of the log that may be read per entry.
  Thrown<void> dump_index_entries(const std::string& path,
                                  std::pair<bytes::ByteSpan, int32_t> index_and_slice,
                                  DumpFile& log);
  Thrown<void> dump_time_index(const std::string& path);
  Thrown<void> check_time_index(const std::string& path, bytes::ByteSpan index);
  /// `indexes`: time index, offset index.
  Thrown<void> dump_time_entries(const std::string& path,
                                 std::pair<bytes::ByteSpan, bytes::ByteSpan> indexes,
                                 DumpFile& log);
  Thrown<std::optional<std::pair<int64_t, int64_t>>> find_time_entry(DumpFile& log,
                                                                     uint64_t position,
                                                                     int64_t offset);
  std::string_view corrupt_index_class() const;
  Thrown<void> dump_transaction_index(const std::string& path);
  Thrown<void> dump_snapshot(const std::string& path);
  void print_lists(std::string_view title, std::string_view line, const DumpFindings& findings);

  Thrown<DumpFile> open(const std::string& path) { return DumpFile::open(paths_, path, path); }
  Thrown<DumpFile> open_beside(const std::string& path, std::string_view suffix);
  bool is_26() const { return options_.decoding.style == DumpStyle::kKafka26; }
  void line(std::string_view text);
  void error_line(std::string_view text) { output_.err(std::string(text) + "\n"); }
  void flush();

  const DumpLogOptions& options_;
  const DumpPaths& paths_;
  Output& output_;
  std::string pending_;
  record::RecordScratch scratch_;
  DumpFindings index_mismatches_;
  DumpFindings gaps_;
  DumpFindings time_mismatches_;
  DumpFindings times_out_of_order_;
  DumpFindings offsets_not_found_;
};

/// Offset in a file name: the digits before the first '.'.
int64_t dump_base_offset(std::string_view path);
std::string_view dump_file_name(std::string_view path);
/// An int option; the exception is joptsimple's.
Thrown<int32_t> dump_integer(const std::string& text, std::string_view option);

}  // namespace semel::cli
