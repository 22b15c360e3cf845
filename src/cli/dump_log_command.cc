#include "cli/dump_log_command.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "cli/kafka_options.h"

namespace semel::cli {
namespace {

constexpr std::string_view kPurpose =
    "This tool helps to parse a log file and dump its contents to the console, useful for "
    "debugging a "
    "seemingly corrupt log segment.";
constexpr std::string_view kDecoderPackage = "org.apache.kafka.tools.api.";

constexpr KafkaOption kKnown[] = {
    {"cluster-metadata-decoder"},
    {"deep-iteration"},
    {"files", true},
    {"help"},
    {"index-sanity-check"},
    {"key-decoder-class", true},
    {"max-bytes", true},
    {"max-message-size", true},
    {"offsets-decoder"},
    {"print-data-log"},
    {"remote-log-metadata-decoder"},
    {"share-group-state-decoder"},
    {"skip-record-metadata"},
    {"transaction-log-decoder"},
    {"value-decoder-class", true},
    {"verify-index-only"},
    {"version"},
    {"as-version", true},
};

Thrown<std::string> only_value(const KafkaArguments& arguments, std::string_view name,
                               std::string_view missing) {
  const auto value = arguments.value(name);
  if (!value)
    return java_throw("joptsimple.MultipleArgumentsForOptionException: " + value.error().context);
  return value->value_or(std::string(missing));
}

Thrown<TextDecoder> text_decoder(const KafkaArguments& arguments, std::string_view option) {
  SEMEL_JAVA_TRY(std::string name, only_value(arguments, option, "StringDecoder"));
  std::string_view shortened = name;
  for (const std::string_view prefix : {kDecoderPackage, std::string_view("kafka.serializer.")})
    if (shortened.starts_with(prefix)) shortened.remove_prefix(prefix.size());
  if (shortened == "StringDecoder") return TextDecoder::kString;
  if (shortened == "IntegerDecoder") return TextDecoder::kInteger;
  if (shortened == "LongDecoder") return TextDecoder::kLong;
  return java_throw("java.lang.RuntimeException: Failed to load decoder class");
}

DumpDecoder decoder_of(const KafkaArguments& arguments) {
  if (arguments.has("offsets-decoder")) return DumpDecoder::kOffsets;
  if (arguments.has("transaction-log-decoder")) return DumpDecoder::kTransactions;
  if (arguments.has("cluster-metadata-decoder")) return DumpDecoder::kClusterMetadata;
  if (arguments.has("remote-log-metadata-decoder")) return DumpDecoder::kRemoteMetadata;
  if (arguments.has("share-group-state-decoder")) return DumpDecoder::kShareState;
  return DumpDecoder::kText;
}

Thrown<DumpLogOptions> options_of(const KafkaArguments& arguments, DumpStyle style) {
  DumpLogOptions options;
  SEMEL_JAVA_TRY(options.files, only_value(arguments, "files", ""));
  SEMEL_JAVA_TRY(options.max_bytes, only_value(arguments, "max-bytes", options.max_bytes));
  SEMEL_JAVA_TRY(options.max_message_size,
                 only_value(arguments, "max-message-size", options.max_message_size));
  options.decoding.style = style;
  options.decoding.decoder = decoder_of(arguments);
  SEMEL_JAVA_TRY(options.decoding.key, text_decoder(arguments, "key-decoder-class"));
  SEMEL_JAVA_TRY(options.decoding.value, text_decoder(arguments, "value-decoder-class"));
  options.prints_data = arguments.has("print-data-log") || arguments.has("key-decoder-class") ||
                        arguments.has("value-decoder-class") ||
                        options.decoding.decoder != DumpDecoder::kText;
  options.is_deep = options.prints_data || arguments.has("deep-iteration");
  options.verifies_only = arguments.has("verify-index-only");
  options.checks_sanity_only = arguments.has("index-sanity-check");
  options.skips_metadata = arguments.has("skip-record-metadata");
  return options;
}

int fail_with(const JavaException& exception, Output& output) {
  output.err(fmt::format("Exception in thread \"main\" {}\n", exception.text));
  return 1;
}

int usage(std::string_view reason, Output& output) {
  output.err(fmt::format("{}\n{}", reason, kDumpLogUsage));
  return 1;
}

/// String.split(","): trailing empty names are dropped.
std::vector<std::string> split_files(std::string_view files) {
  std::vector<std::string> names;
  for (size_t at = 0; at <= files.size();) {
    const size_t comma = std::min(files.find(',', at), files.size());
    names.emplace_back(files.substr(at, comma - at));
    at = comma + 1;
  }
  while (names.size() > 1 && names.back().empty()) names.pop_back();
  return names;
}

int run(const DumpLogOptions& options, const DumpPaths& paths, Output& output) {
  DumpLogRun tool(options, paths, output);
  for (const std::string& file : split_files(options.files)) {
    const auto done = tool.dump(file);
    if (done) continue;
    tool.print_exception(done.error());
    return 1;
  }
  tool.print_findings();
  return 0;
}

}  // namespace

int run_dump_log(std::span<const std::string> arguments, const DumpPaths& paths, DumpStyle style,
                 Output& output) {
  const auto parsed = KafkaArguments::parse(kKnown, arguments);
  if (!parsed) {
    const bool wants_value = parsed.error().context.ends_with("requires an argument");
    return fail_with({fmt::format("joptsimple.{}: {}",
                                  wants_value ? "OptionMissingRequiredArgumentException"
                                              : "UnrecognizedOptionException",
                                  parsed.error().context)},
                     output);
  }
  if (arguments.empty() || parsed->has("help")) return usage(kPurpose, output);
  const auto as_version = only_value(*parsed, "as-version", "");
  if (!as_version) return fail_with(as_version.error(), output);
  if (as_version->starts_with("2.6")) style = DumpStyle::kKafka26;
  if (parsed->has("version")) {
    output.out(style == DumpStyle::kKafka26 ? "2.6.0 (Commit:62abe01bee039651)\n" : "4.3.1\n");
    return 0;
  }
  if (!parsed->has("files")) return usage("Missing required argument \"[files]\"", output);
  const auto options = options_of(*parsed, style);
  return options ? run(*options, paths, output) : fail_with(options.error(), output);
}

DumpFindings::Pairs& DumpFindings::of(const std::string& file) {
  const auto at = std::ranges::find(found_, file, &std::pair<std::string, Pairs>::first);
  if (at != found_.end()) return at->second;
  return found_.emplace_back(file, Pairs{}).second;
}

std::vector<std::pair<std::string, DumpFindings::Pairs>> DumpFindings::ordered() const {
  std::vector<std::string> names;
  for (const auto& [name, pairs] : found_) names.push_back(name);
  std::vector<std::pair<std::string, Pairs>> all;
  for (const size_t index : java_map_order(names)) all.push_back(found_[index]);
  return all;
}

std::string_view dump_file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

int64_t dump_base_offset(std::string_view path) {
  const std::string_view name = dump_file_name(path);
  int64_t offset = 0;
  std::from_chars(name.data(), name.data() + name.size(), offset);
  return offset;
}

Thrown<int32_t> dump_integer(const std::string& text, std::string_view option) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return java_throw(
        fmt::format("joptsimple.OptionArgumentConversionException: Cannot parse argument '{}' "
                    "of option {}",
                    text, option));
  return value;
}

void DumpLogRun::line(std::string_view text) {
  pending_ += text;
  pending_ += '\n';
  if (pending_.size() > 1 << 16) flush();
}

void DumpLogRun::flush() {
  if (!pending_.empty()) output_.out(pending_);
  pending_.clear();
}

void DumpLogRun::print_exception(const JavaException& exception) {
  flush();
  fail_with(exception, output_);
}

Thrown<DumpFile> DumpLogRun::open_beside(const std::string& path, std::string_view suffix) {
  const std::string absolute = paths_.absolute(path);
  const size_t name_at = absolute.rfind('/') + 1;
  const std::string beside = absolute.substr(0, absolute.find('.', name_at)) + std::string(suffix);
  return DumpFile::open(paths_, beside, beside);
}

Thrown<void> DumpLogRun::dump(const std::string& path) {
  line("Dumping " + path);
  const std::string_view name = dump_file_name(path);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos && is_26())
    return java_throw(fmt::format(
        "java.lang.StringIndexOutOfBoundsException: begin -1, end {0}, length {0}", name.size()));
  const std::string_view suffix =
      dot == std::string_view::npos ? std::string_view{} : name.substr(dot);
  if (suffix == ".log" || (suffix == ".checkpoint" && !is_26())) return dump_segment(path, name);
  if (suffix == ".index") return dump_index(path);
  if (suffix == ".timeindex") return dump_time_index(path);
  if (suffix == ".snapshot") return dump_snapshot(path);
  if (suffix == ".txnindex") return dump_transaction_index(path);
  flush();
  error_line("Ignoring unknown file " + path);
  return {};
}

void DumpLogRun::print_findings() {
  flush();
  for (auto [file, pairs] : index_mismatches_.ordered()) {
    error_line("Mismatches in :" + file);
    std::ranges::reverse(pairs);
    for (const auto& [index, log] : pairs)
      error_line(fmt::format("  Index offset: {}, log offset: {}", index, log));
  }
  print_lists("Found timestamp mismatch in :", "  Index timestamp: {}, log timestamp: {}",
              time_mismatches_);
  print_lists("Found out of order timestamp in :",
              "  Index timestamp: {}, Previously indexed timestamp: {}", times_out_of_order_);
  print_lists(is_26() ? "The following indexed offsets are not found in the log."
                      : "The following indexed offsets are not found in :",
              "Indexed offset: {}, found log offset: {}", offsets_not_found_);
  print_lists("Non-consecutive offsets in ", "  {} is followed by {}", gaps_);
}

void DumpLogRun::print_lists(std::string_view title, std::string_view line,
                             const DumpFindings& findings) {
  for (auto [file, pairs] : findings.ordered()) {
    error_line(title.ends_with('.') ? std::string(title) : std::string(title) + file);
    if (is_26()) std::ranges::reverse(pairs);
    for (const auto& [first, second] : pairs)
      error_line(fmt::format(fmt::runtime(line), first, second));
  }
}

}  // namespace semel::cli
