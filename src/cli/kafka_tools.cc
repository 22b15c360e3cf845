#include "cli/kafka_tools.h"

#include <fmt/format.h>

#include "rt/network.h"

namespace semel::cli {

int kafka_usage(const KafkaCall& call, std::string_view why, const char* usage) {
  call.output.err(fmt::format("{}\n{}", why, usage));
  return 1;
}

namespace {

std::string last_of(const KafkaArguments& arguments, std::string_view name) {
  const auto& values = arguments.values(name);
  return values.empty() ? "" : values.back();
}

}  // namespace

Result<std::unique_ptr<ApiCaller>> kafka_connect(const KafkaCall& call,
                                                 const KafkaArguments& arguments) {
  const std::string servers =
      last_of(arguments, "bootstrap-server") + last_of(arguments, "bootstrap-controller");
  return call.connect({servers, last_of(arguments, "command-config")});
}

bool is_settings_error(const Error& error) {
  return error.code == ErrorCode::kInvalidConfig &&
         (error.cause == Cause::kNotFound || error.cause == Cause::kRefused);
}

std::string kafka_exception_of(const Error& error) {
  if (!is_settings_error(error)) return java_exception_of(error.code);
  return error.cause == Cause::kNotFound ? "java.nio.file.NoSuchFileException"
                                         : "org.apache.kafka.common.config.ConfigException";
}

std::string kafka_node_text(const KafkaCall& call, const ClusterNode& node) {
  return fmt::format("{}:{} (id: {} rack: {}{})", node.host, node.port, node.id,
                     node.rack.value_or("null"),
                     call.is_26() ? "" : fmt::format(" isFenced: {}", node.is_fenced));
}

std::unexpected<Error> kafka_unsupported(const KafkaCall& call, std::string_view api) {
  return fail(ErrorCode::kUnsupportedVersion,
              fmt::format("The {} does not support {}", call.is_26() ? "broker" : "node", api));
}

Result<std::unique_ptr<ApiCaller>> kafka_connect(const KafkaCall& call,
                                                 const KafkaArguments& arguments,
                                                 const ClusterNode& node) {
  return call.connect({rt::Address{node.host, static_cast<uint16_t>(node.port)}.to_text(),
                       last_of(arguments, "command-config")});
}

std::optional<int> kafka_help(const KafkaCall& call, const KafkaArguments& arguments,
                              std::string_view about, const char* usage) {
  if (call.words.empty() || arguments.has("help")) return kafka_usage(call, about, usage);
  if (!arguments.has("version")) return std::nullopt;
  call.output.out(call.is_26() ? "2.6.0 (Commit:62abe01bee039651)\n" : "4.3.1\n");
  return 0;
}

std::optional<std::string> kafka_missing(const KafkaArguments& arguments,
                                         std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (!arguments.has(name)) return fmt::format("Missing required argument \"[{}]\"", name);
  return std::nullopt;
}

int kafka_throw(const KafkaCall& call, std::string_view class_name, std::string_view message,
                std::string_view cause) {
  const std::string caused = cause.empty() ? "" : fmt::format("Caused by: {}\n", cause);
  if (call.is_26()) {
    call.output.err(
        fmt::format("Exception in thread \"main\" {}: {}\n{}", class_name, message, caused));
  } else {
    call.output.err(fmt::format("{}\n{}: {}\n{}\n", message, class_name, message, caused));
  }
  return 1;
}

std::string java_message(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOffsetOutOfRange:
      return "The requested offset is not within the range of offsets maintained by the server.";
    case ErrorCode::kUnknownTopicOrPartition:
      return "This server does not host this topic-partition.";
    case ErrorCode::kNotLeaderOrFollower:
      return "For requests intended only for the leader, this error indicates that the broker is "
             "not the current leader. For requests intended for any replica, this error indicates "
             "that the broker is not a replica of the topic partition.";
    case ErrorCode::kUnsupportedVersion:
      return "The version of API is not supported.";
    case ErrorCode::kTopicAuthorizationFailed:
      return "Topic authorization failed.";
    case ErrorCode::kClusterAuthorizationFailed:
      return "Cluster authorization failed.";
    case ErrorCode::kPolicyViolation:
      return "Request parameters do not satisfy the configured policy.";
    case ErrorCode::kKafkaStorageError:
      return "Disk error when trying to access log file on the disk.";
    case ErrorCode::kRequestTimedOut:
      return "The request timed out.";
    default:
      return std::string(error_name(code));
  }
}

}  // namespace semel::cli
