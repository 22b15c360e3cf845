// kafka-broker-api-versions.sh
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "cli/kafka_client_apis.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"

namespace semel::cli {
namespace {

constexpr KafkaOption kOptions[] = {
    {"bootstrap-server", true}, {"command-config", true}, {"help"}, {"version"}};
constexpr int16_t kHighestKey = 1000;

std::string range_text(const VersionRange& range) {
  return range.min == range.max ? std::to_string(range.min)
                                : fmt::format("{} to {}", range.min, range.max);
}

/// The lines between the brackets.
std::string apis_text(ApiCaller& caller, std::span<const KnownApi> known) {
  std::map<int16_t, std::string> lines;
  for (int16_t key = 0; key < kHighestKey; ++key) {
    const VersionRange served = caller.versions(key);
    if (served.max >= served.min)
      lines[key] = fmt::format("UNKNOWN({}): {}", key, range_text(served));
  }
  for (const KnownApi& api : known) {
    const VersionRange served = caller.versions(api.key);
    const std::string name = fmt::format("{}({}): ", api.name, api.key);
    const int16_t usable = std::min(served.max, api.latest);
    if (served.max < served.min) {
      lines[api.key] = name + "UNSUPPORTED";
    } else if (usable < std::max(served.min, api.oldest)) {
      lines[api.key] = name + range_text(served) + " [usable: UNSUPPORTED]";
    } else {
      lines[api.key] = fmt::format("{}{} [usable: {}]", name, range_text(served), usable);
    }
  }
  std::string text;
  for (const auto& [key, line] : lines)
    text += fmt::format("{}\t{}", text.empty() ? "" : ",\n", line);
  return text;
}

Result<void> print(const KafkaCall& call, const KafkaArguments& arguments) {
  SEMEL_TRY(const auto caller, kafka_connect(call, arguments));
  SEMEL_TRY(const auto nodes, ClusterAdmin(*caller).nodes());
  const std::span<const KnownApi> known =
      call.is_26() ? std::span<const KnownApi>(kClientApis26) : kClientApis43;
  for (const ClusterNode& node : nodes) {
    const auto own = kafka_connect(call, arguments, node);
    if (!own) {
      call.output.out(
          fmt::format("{} -> ERROR: {}\n", kafka_node_text(call, node), own.error().context));
      continue;
    }
    call.output.out(
        fmt::format("{} -> (\n{}\n)\n", kafka_node_text(call, node), apis_text(**own, known)));
  }
  return {};
}

}  // namespace

int run_kafka_api_versions(const KafkaCall& call) {
  const auto parsed = KafkaArguments::parse(kOptions, call.words);
  if (!parsed)
    return kafka_throw(call,
                       {"joptsimple.UnrecognizedOptionException", parsed.error().context, {}});
  if (const auto code =
          kafka_help(call, *parsed, "This tool helps to retrieve broker version information.",
                     kKafkaApiVersionsUsage))
    return *code;
  if (const auto missing = kafka_missing(*parsed, {"bootstrap-server"}))
    return kafka_usage(call, *missing, kKafkaApiVersionsUsage);
  const auto done = print(call, *parsed);
  if (done) return 0;
  // This tool's client is its own, and wraps nothing.
  if (is_settings_error(done.error()) && done.error().cause == Cause::kRefused)
    return kafka_throw(
        call, {"org.apache.kafka.common.config.ConfigException", done.error().context, {}});
  return kafka_throw(call, kafka_exception_of(done.error()));
}

}  // namespace semel::cli
