#include "cli/kafka_tools.h"

#include <fmt/format.h>

#include "rt/network.h"

namespace semel::cli {

int kafka_usage(const KafkaCall& call, std::string_view why, const char* usage) {
  call.output.err(fmt::format("{}\n{}", why, usage));
  return 1;
}

Result<std::unique_ptr<ApiCaller>> kafka_connect(const KafkaCall& call,
                                                 const KafkaArguments& arguments) {
  const std::string servers =
      arguments.last("bootstrap-server") + arguments.last("bootstrap-controller");
  return call.connect({servers, arguments.last("command-config")});
}

LeaderCalls kafka_leader_calls(const KafkaCall& call, const KafkaArguments& arguments,
                               ApiCaller& any) {
  return {any, [&](const std::string& server) {
            return call.connect({server, arguments.last("command-config")});
          }};
}

bool is_settings_error(const Error& error) {
  return error.code == ErrorCode::kInvalidConfig &&
         (error.cause == Cause::kNotFound || error.cause == Cause::kRefused);
}

KafkaException kafka_exception_of(const Error& error) {
  const std::string config_exception = "org.apache.kafka.common.config.ConfigException";
  if (!is_settings_error(error)) return {java_exception_of(error.code), error.context, {}};
  if (error.cause == Cause::kNotFound)
    return {"java.nio.file.NoSuchFileException", error.context, {}};
  // What the client finds while it is built is wrapped; what its settings' check finds is not.
  const bool is_late = error.context.starts_with("Invalid url in bootstrap.servers") ||
                       error.context.starts_with("Invalid port in bootstrap.servers") ||
                       error.context.starts_with("No resolvable bootstrap urls");
  if (!is_late) return {config_exception, error.context, {}};
  return {"org.apache.kafka.common.KafkaException", "Failed to create new KafkaAdminClient",
          config_exception + ": " + error.context};
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
                       arguments.last("command-config")});
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

int kafka_throw(const KafkaCall& call, const KafkaException& thrown) {
  if (call.is_26()) {
    call.output.err(fmt::format("Exception in thread \"main\" {}: {}\n{}", thrown.class_name,
                                thrown.message, thrown.caused_by()));
  } else {
    call.output.err(
        fmt::format("{0}\n{1}: {0}\n{2}\n", thrown.message, thrown.class_name, thrown.caused_by()));
  }
  return 1;
}

}  // namespace semel::cli
