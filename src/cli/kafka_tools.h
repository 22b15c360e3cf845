// Kafka's tools for an operator under their own names: options, texts and exit codes of
// Kafka 4.3.1, or of 2.6.0.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cluster_admin.h"
#include "cli/dump_file.h"
#include "cli/dump_java.h"
#include "cli/kafka_errors.h"
#include "cli/kafka_options.h"
#include "cli/leader_calls.h"
#include "cli/output.h"
#include "rt/random.h"

namespace semel::cli {

/// How a tool was called.
struct KafkaCall {
  std::span<const std::string> words;
  const DumpPaths& paths;
  const Connect& connect;
  DumpStyle style;
  rt::Random& random;
  Output& output;

  bool is_26() const { return style == DumpStyle::kKafka26; }
};

int run_kafka_topics(const KafkaCall& call);
int run_kafka_configs(const KafkaCall& call);
/// Kafka 2.6.0 has no such tool of this name; the text is 4.3.1's.
int run_kafka_get_offsets(const KafkaCall& call);
int run_kafka_delete_records(const KafkaCall& call);
int run_kafka_log_dirs(const KafkaCall& call);
int run_kafka_api_versions(const KafkaCall& call);

// --- shared by them -----------------------------------------------------------------------------

/// The help behind one sentence, on standard error, and exit code 1.
int kafka_usage(const KafkaCall& call, std::string_view why, const char* usage);
/// To `node`, or to what --bootstrap-server names, with the settings of --command-config.
Result<std::unique_ptr<ApiCaller>> kafka_connect(const KafkaCall& call,
                                                 const KafkaArguments& arguments);
Result<std::unique_ptr<ApiCaller>> kafka_connect(const KafkaCall& call,
                                                 const KafkaArguments& arguments,
                                                 const ClusterNode& node);
/// Of the leaders in the cluster of `any`, with the same settings.
LeaderCalls kafka_leader_calls(const KafkaCall& call, const KafkaArguments& arguments,
                               ApiCaller& any);
/// True for what kafka_connect() refuses about the settings, which Kafka's tools tell in another
/// way than errors of the cluster.
bool is_settings_error(const Error& error);
/// How Kafka's tools end with `error`.
struct KafkaException {
  std::string class_name;
  std::string message;
  std::string cause;  // class and message behind "Caused by"; "" = none

  /// "Caused by: CAUSE\n", or nothing.
  std::string caused_by() const { return cause.empty() ? "" : "Caused by: " + cause + "\n"; }
};
KafkaException kafka_exception_of(const Error& error);
/// "127.0.0.1:9092 (id: 1 rack: null isFenced: false)"
std::string kafka_node_text(const KafkaCall& call, const ClusterNode& node);
/// Error of an API that the other side does not serve; `api` as Java's ApiKeys has it.
std::unexpected<Error> kafka_unsupported(const KafkaCall& call, std::string_view api);
/// What --help and --version print; nothing if neither was given. `about` stands above the help.
std::optional<int> kafka_help(const KafkaCall& call, const KafkaArguments& arguments,
                              std::string_view about, const char* usage);
/// The first of `names` that is missing, as the sentence above the help.
std::optional<std::string> kafka_missing(const KafkaArguments& arguments,
                                         std::initializer_list<std::string_view> names);
/// A tool that ends with an exception: `class_name: message` as 4.3.1's tools print it behind the
/// message, or as the JVM does for 2.6.0's. Exit code 1.
int kafka_throw(const KafkaCall& call, const KafkaException& thrown);

}  // namespace semel::cli
