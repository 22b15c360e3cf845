#include "cli/storage.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "broker/config.h"
#include "cli/argparse.h"
#include "cli/storage_features.h"
#include "cli/storage_scram.h"
#include "cluster/features.h"
#include "cluster/format.h"
#include "log/meta_properties.h"

namespace semel::cli {
namespace {

constexpr const char* kToolUsage =
    "usage: kafka-storage [-h]\n"
    "                     {info,format,version-mapping,feature-dependencies,random-uuid}\n"
    "                     ...\n";
constexpr const char* kFormatUsage =
    "usage: kafka-storage format [-h] --config CONFIG --cluster-id CLUSTER_ID\n"
    "                     [--add-scram ADD_SCRAM] [--ignore-formatted]\n"
    "                     [--release-version RELEASE_VERSION]\n"
    "                     [--feature FEATURE] [--standalone |\n"
    "                     --no-initial-controllers |\n"
    "                     --initial-controllers INITIAL_CONTROLLERS]\n";
constexpr const char* kInfoUsage = "usage: kafka-storage info [-h] --config CONFIG\n";
constexpr const char* kMappingUsage =
    "usage: kafka-storage version-mapping [-h]\n"
    "                     [--release-version RELEASE_VERSION]\n";
constexpr const char* kMappingHelp =
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --release-version RELEASE_VERSION, -r RELEASE_VERSION\n"
    "                         The release version to  use  for the corresponding\n"
    "                         feature  mapping.  The  minimum  is  3.3-IV3;  the\n"
    "                         default is 4.3-IV0\n";
constexpr const char* kDependencyUsage =
    "usage: kafka-storage feature-dependencies [-h] --feature FEATURE\n";
constexpr const char* kDependencyHelp =
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --feature FEATURE, -f FEATURE\n"
    "                         The  features  and  their   versions  to  look  up\n"
    "                         dependencies for, in  feature=version  format. For\n"
    "                         example: `metadata.version=5`.\n";
constexpr const char* kRandomUsage = "usage: kafka-storage random-uuid [-h]\n";

/// An option of argparse4j: its long and short name, and whether a value follows.
struct Word {
  std::string_view name, letter;
  bool takes_value;
};
constexpr Word kFormatWords[] = {{"--config", "-c", true},
                                 {"--cluster-id", "-t", true},
                                 {"--add-scram", "-S", true},
                                 {"--ignore-formatted", "-g", false},
                                 {"--release-version", "-r", true},
                                 {"--feature", "-f", true},
                                 {"--standalone", "-s", false},
                                 {"--no-initial-controllers", "-N", false},
                                 {"--initial-controllers", "-I", true}};
constexpr std::string_view kQuorumWords[] = {"--standalone", "--no-initial-controllers",
                                             "--initial-controllers"};
constexpr Word kMappingWords[] = {{"--release-version", "-r", true}};
constexpr Word kDependencyWords[] = {{"--feature", "-f", true}};
constexpr Word kInfoWords[] = {{"--config", "-c", true}};

using Given = std::multimap<std::string_view, std::string>;

/// Error: argparse4j's text.
Result<Given> parse(std::span<const std::string> arguments, std::span<const Word> words) {
  Given given;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto at = std::find_if(words.begin(), words.end(), [&](const Word& word) {
      return arguments[i] == word.name || arguments[i] == word.letter;
    });
    if (at == words.end())
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("unrecognized arguments: '{}'", arguments[i]));
    if (at->takes_value && i + 1 == arguments.size())
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("argument {}/{}: expected one argument", at->name, at->letter));
    given.emplace(at->name, at->takes_value ? arguments[++i] : std::string{});
  }
  return given;
}

std::optional<std::string> first(const Given& given, std::string_view name) {
  const auto at = given.find(name);
  return at == given.end() ? std::nullopt : std::optional(at->second);
}

Result<broker::Config> load_config(rt::Runtime& runtime, const std::string& path) {
  SEMEL_TRY(const auto text, rt::read_file(*runtime.disk, path, 16u << 20));
  SEMEL_TRY(auto settings, broker::parse_properties(text.text(), path));
  return broker::make_config(
      {.file = std::move(settings), .overrides = {}, .data_dir = {}, .listen = {}});
}

std::vector<std::string> all_directories(const broker::Config& config) {
  std::vector<std::string> all = config.log_dirs;
  if (std::find(all.begin(), all.end(), config.metadata_dir) == all.end())
    all.push_back(config.metadata_dir);
  std::sort(all.begin(), all.end());
  return all;
}

class Storage {
 public:
  Storage(rt::Runtime& runtime, Output& output) : runtime_(runtime), output_(output) {}

  int format(std::span<const std::string> arguments) {
    const auto given = parse(arguments, kFormatWords);
    if (!given) return usage(kFormatUsage, given.error().context);
    for (const Word& word : {kFormatWords[0], kFormatWords[1]})
      if (!given->contains(word.name))
        return usage(kFormatUsage,
                     fmt::format("argument {}/{} is required", word.name, word.letter));
    std::string_view before;
    for (const auto& word : kQuorumWords) {
      if (!given->contains(word)) continue;
      if (!before.empty()) return exclude(word, before);
      before = word;
    }
    const auto done = format_as(*given);
    if (done) return 0;
    output_.err(done.error().context + "\n");
    return 1;
  }

  int info(std::span<const std::string> arguments) {
    const auto given = parse(arguments, kInfoWords);
    if (!given) return usage(kInfoUsage, given.error().context);
    if (!given->contains("--config")) return usage(kInfoUsage, "argument --config/-c is required");
    const auto config = load_config(runtime_, *first(*given, "--config"));
    if (!config) {
      output_.err(config.error().context + "\n");
      return 1;
    }
    return describe(all_directories(*config));
  }

  int mapping(std::span<const std::string> arguments) {
    if (wants_help(arguments)) return help(kMappingUsage, kMappingHelp);
    const auto given = parse(arguments, kMappingWords);
    if (!given) return usage(kMappingUsage, given.error().context);
    return print(version_mapping(first(*given, "--release-version")));
  }

  int dependencies(std::span<const std::string> arguments) {
    if (wants_help(arguments)) return help(kDependencyUsage, kDependencyHelp);
    const auto given = parse(arguments, kDependencyWords);
    if (!given) return usage(kDependencyUsage, given.error().context);
    if (given->empty()) return usage(kDependencyUsage, "argument --feature/-f is required");
    std::vector<std::string> features;
    for (const auto& [word, feature] : *given) features.push_back(feature);
    return print(feature_dependencies(features));
  }

  int random_uuid(std::span<const std::string> arguments) {
    if (!arguments.empty())
      return usage(kRandomUsage, fmt::format("unrecognized arguments: '{}'", arguments.front()));
    output_.out(runtime_.random->uuid().to_text() + "\n");
    return 0;
  }

  int exclude(std::string_view word, std::string_view other) {
    const auto named = [](std::string_view name) {
      const auto at = std::ranges::find(kFormatWords, name, &Word::name);
      return fmt::format("{}/{}", at->name, at->letter);
    };
    output_.err(
        kFormatUsage +
        argparse_error("kafka-storage", fmt::format("argument {}: not allowed with argument {}",
                                                    named(word), named(other))));
    return 1;
  }

  int usage(std::string_view text, std::string_view error) {
    output_.err(fmt::format("{}kafka-storage: error: {}\n", text, error));
    return 1;
  }

 private:
  static bool wants_help(std::span<const std::string> arguments) {
    return std::ranges::any_of(
        arguments, [](const std::string& word) { return word == "-h" || word == "--help"; });
  }
  int help(const char* usage_text, const char* rest) {
    output_.out(std::string(usage_text) + rest);
    return 0;
  }
  int print(const Result<std::string>& text) {
    if (text) {
      output_.out(*text);
      return 0;
    }
    output_.err(text.error().context + "\n");
    return 1;
  }

  Result<void> format_as(const Given& given) {
    SEMEL_TRY(const auto config, load_config(runtime_, *first(given, "--config")));
    SEMEL_TRY(cluster::FormatPlan plan, plan_of(given, config));
    SEMEL_TRY(plan.directories, directories_to_format(given, config, plan));
    if (plan.directories.empty()) {
      output_.out("All of the log directories are already formatted.\n");
      return {};
    }
    print_bootstrap(plan);
    SEMEL_CHECK(cluster::format_directories(runtime_, plan));
    const auto version = cluster::metadata_version_name(plan.features.at("metadata.version"));
    for (const std::string& directory : plan.directories) {
      const bool is_metadata = directory == plan.metadata_directory;
      const std::string_view kind = !is_metadata      ? "data directory"
                                    : plan.standalone ? "dynamic metadata voter directory"
                                                      : "metadata directory";
      output_.out(
          fmt::format("Formatting {} {} with metadata.version {}.\n", kind, directory, version));
    }
    return {};
  }

  Result<cluster::FormatPlan> plan_of(const Given& given, const broker::Config& config) {
    cluster::FormatPlan plan;
    plan.cluster_id = *first(given, "--cluster-id");
    plan.node_id = config.node_id;
    plan.metadata_directory = config.metadata_dir;
    const bool has_voters = config.given.contains("controller.quorum.voters");
    const bool is_standalone = given.contains("--standalone");
    SEMEL_CHECK(check_initial_controllers(given, config));
    const bool has_controllers = given.contains("--initial-controllers");
    if (!has_voters && !is_standalone && !has_controllers &&
        !given.contains("--no-initial-controllers"))
      return fail(
          ErrorCode::kInvalidConfig,
          "Because controller.quorum.voters is not set on this controller, you must specify one of "
          "the following: --standalone, --initial-controllers, or --no-initial-controllers.");
    if (has_voters && (is_standalone || has_controllers))
      return fail(
          ErrorCode::kInvalidConfig,
          "You cannot specify controller.quorum.voters and format the node with "
          "--initial-controllers "
          "or --standalone. If you still want to use controller.quorum.voters, please remove the "
          "--initial-controllers and --standalone flags.");
    SEMEL_TRY(plan.features, feature_levels(given));
    SEMEL_CHECK(add_scram(given, plan));
    plan.features[std::string(cluster::kKraftVersion)] = has_voters ? int16_t{0} : int16_t{1};
    if (is_standalone && config.controller_listener) {
      const auto& listener = *config.controller_listener;
      plan.standalone = std::vector<quorum::VoterEndpoint>{
          {listener.name, listener.advertised.host, listener.advertised.port}};
    }
    return plan;
  }

  Result<void> add_scram(const Given& given, cluster::FormatPlan& plan) {
    constexpr int16_t kScramLevel = 11;
    const auto [begin, end] = given.equal_range("--add-scram");
    for (auto at = begin; at != end; ++at) {
      SEMEL_TRY(auto record, parse_scram_record(at->second, *runtime_.random));
      plan.more_records.push_back({std::move(record), 0});
    }
    if (begin != end && plan.features.at("metadata.version") < kScramLevel)
      return fail(ErrorCode::kInvalidConfig,
                  "SCRAM is only supported in metadata.version 3.5-IV2 or later.");
    return {};
  }

  /// `ID@HOST:PORT:DIRECTORY_ID,…`. A node that is not among them is formatted as Kafka does it,
  /// without voters; semel has no quorum of several voters that this node could be one of.
  Result<void> check_initial_controllers(const Given& given, const broker::Config& config) {
    const auto text = first(given, "--initial-controllers");
    if (!text) return {};
    for (const std::string& voter : split_text(*text, ',')) {
      const size_t at = voter.find('@');
      if (at == std::string::npos)
        return fail(ErrorCode::kInvalidConfig, "No @ found in dynamic voter string.");
      if (voter.substr(0, at) != std::to_string(config.node_id.value)) continue;
      return fail(
          ErrorCode::kUnsupportedVersion,
          fmt::format("--initial-controllers names this node, {}, as a voter with a directory "
                      "id of its own choice: semel's controller is the only voter of its "
                      "quorum; use --standalone, or format with Apache Kafka's tool",
                      config.node_id.value));
    }
    return {};
  }

  Result<std::map<std::string, int16_t, std::less<>>> feature_levels(const Given& given) {
    auto levels = cluster::default_feature_levels();
    if (const auto release = first(given, "--release-version")) {
      SEMEL_TRY(levels["metadata.version"], metadata_version_level(*release));
    }
    const auto [begin, end] = given.equal_range("--feature");
    for (auto at = begin; at != end; ++at) SEMEL_CHECK(set_feature(at->second, levels));
    return levels;
  }

  static Result<void> set_feature(const std::string& text,
                                  std::map<std::string, int16_t, std::less<>>& levels) {
    const size_t equals = text.find('=');
    int16_t level = 0;
    const std::string_view digits =
        equals == std::string::npos ? "" : std::string_view(text).substr(equals + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), level);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
      return fail(
          ErrorCode::kInvalidConfig,
          fmt::format("Can't parse feature=level string {}: equals sign or level not found.",
                      text));
    const std::string name = text.substr(0, equals);
    const cluster::Feature* feature = cluster::find_feature(name);
    if (feature == nullptr)
      return fail(ErrorCode::kInvalidConfig, fmt::format("Unsupported feature: {}.", name));
    if (level < feature->broker.min || level > feature->broker.max)
      return fail(ErrorCode::kInvalidConfig,
                  fmt::format("{}={} is outside what semel serves ({} to {})", name, level,
                              feature->broker.min, feature->broker.max));
    levels[name] = level;
    return {};
  }

  Result<std::vector<std::string>> directories_to_format(const Given& given,
                                                         const broker::Config& config,
                                                         const cluster::FormatPlan& plan) {
    std::vector<std::string> empty;
    for (const std::string& directory : all_directories(config)) {
      SEMEL_TRY(const auto state, cluster::directory_state(*runtime_.disk, directory));
      if (state != cluster::DirectoryState::kFormatted) {
        empty.push_back(directory);
        continue;
      }
      SEMEL_TRY(const auto properties, log::read_meta_properties(*runtime_.disk, directory));
      if (!given.contains("--ignore-formatted"))
        return fail(
            ErrorCode::kInvalidConfig,
            fmt::format(
                "Log directory {} is already formatted. Use --ignore-formatted to ignore this "
                "directory and format the others.",
                directory));
      if (properties->cluster_id != plan.cluster_id)
        return fail(
            ErrorCode::kInconsistentClusterId,
            fmt::format("Invalid cluster.id in: {}/meta.properties. Expected {}, but read {}",
                        directory, plan.cluster_id, properties->cluster_id));
    }
    return empty;
  }

  void print_bootstrap(const cluster::FormatPlan& plan) {
    std::vector<std::string> records;
    for (const auto& record : cluster::bootstrap_records(plan.features, plan.more_records)) {
      if (const auto* scram = std::get_if<gen::UserScramCredentialRecord>(&record.body)) {
        records.push_back(fmt::format("ApiMessageAndVersion({} at version {})",
                                      scram_record_text(*scram), record.version));
        continue;
      }
      const auto& level = std::get<gen::FeatureLevelRecord>(record.body);
      records.push_back(fmt::format(
          "ApiMessageAndVersion(FeatureLevelRecord(name='{}', featureLevel={}) at version {})",
          level.name, level.feature_level, record.version));
    }
    output_.out(
        fmt::format("Bootstrap metadata: BootstrapMetadata(records=[{}], metadataVersionLevel={}, "
                    "source=format command)\n",
                    fmt::join(records, ", "), plan.features.at("metadata.version")));
  }

  int describe(const std::vector<std::string>& directories) {
    std::vector<std::string> found;
    std::vector<std::string> problems;
    std::string metadata;
    for (const std::string& directory : directories) {
      if (!runtime_.disk->exists(directory)) {
        problems.push_back(directory + " does not exist");
        continue;
      }
      found.push_back(directory);
      const auto properties = log::read_meta_properties(*runtime_.disk, directory);
      if (!properties || !*properties) {
        problems.push_back(directory + " is not formatted.");
        continue;
      }
      const log::MetaProperties& is = **properties;
      metadata = fmt::format(
          "Found metadata: {{cluster.id={}, {}node.id={}, version={}}}\n", is.cluster_id,
          is.directory_id ? fmt::format("directory.id={}, ", is.directory_id->to_text()) : "",
          is.node_id.value_or(BrokerId{-1}).value, is.version);
    }
    print_list("Found log director", found);
    if (!metadata.empty()) output_.out(metadata + "\n");
    print_list("Found problem", problems);
    return problems.empty() ? 0 : 1;
  }

  void print_list(std::string_view title, const std::vector<std::string>& rows) {
    if (rows.empty()) return;
    const bool is_directory = title.ends_with("director");
    const std::string_view ending =
        rows.size() == 1 ? (is_directory ? "y" : "") : (is_directory ? "ies" : "s");
    output_.out(fmt::format("{}{}:\n", title, ending));
    for (const std::string& row : rows) output_.out(fmt::format("  {}\n", row));
    output_.out("\n");
  }

  rt::Runtime& runtime_;
  Output& output_;
};

}  // namespace

int run_kafka_storage(std::span<const std::string> arguments, rt::Runtime& runtime,
                      Output& output) {
  Storage storage(runtime, output);
  if (arguments.empty()) return storage.usage(kToolUsage, "too few arguments");
  const std::string& word = arguments.front();
  const auto rest = arguments.subspan(1);
  if (word == "-h" || word == "--help") {
    output.out(std::string(kToolUsage) + "\nThe Kafka storage tool.\n");
    return 0;
  }
  if (word == "format") return storage.format(rest);
  if (word == "info") return storage.info(rest);
  if (word == "random-uuid") return storage.random_uuid(rest);
  if (word == "version-mapping") return storage.mapping(rest);
  if (word == "feature-dependencies") return storage.dependencies(rest);
  output.err(
      fmt::format("{}kafka-storage:  error:  invalid  choice:   '{}'   (choose  from  'info',\n"
                  "'format', 'version-mapping', 'feature-dependencies', 'random-uuid')\n",
                  kToolUsage, word));
  return 1;
}

}  // namespace semel::cli
