#include "bench/load_options.h"

#include <algorithm>
#include <charconv>
#include <variant>
#include <vector>

#include <fmt/format.h>

namespace semel::bench {
namespace {

struct Option {
  std::string_view name;
  std::variant<int32_t*, int64_t*, double*, uint16_t*, bool*, std::string*> target;
};

std::vector<Option> options_of(LoadOptions& o) {
  return {{"--port", &o.port},
          {"--topic", &o.topic},
          {"--partitions", &o.partitions},
          {"--connections", &o.connections},
          {"--in-flight", &o.in_flight},
          {"--acks", &o.acks},
          {"--idempotent", &o.is_idempotent},
          {"--batch-bytes", &o.batch_bytes},
          {"--record-bytes", &o.record_bytes},
          {"--requests", &o.requests},
          {"--warm-up", &o.warm_up},
          {"--rate", &o.rate},
          {"--producers", &o.producers},
          {"--consumers", &o.consumers},
          {"--passes", &o.passes},
          {"--fetch-bytes", &o.fetch_bytes},
          {"--pid", &o.pid}};
}

bool set(bool* target, std::string_view text) {
  *target = text == "1" || text == "true";
  return *target || text == "0" || text == "false";
}
bool set(std::string* target, std::string_view text) {
  *target = text;
  return !text.empty();
}
template <class Number>
bool set(Number* target, std::string_view text) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *target);
  return error == std::errc() && end == text.data() + text.size();
}

Result<void> check(const LoadOptions& o) {
  const auto wrong = [](std::string why) {
    return fail(ErrorCode::kInvalidConfig, std::move(why));
  };
  if (o.partitions < 1 || o.connections < 1 || o.in_flight < 1 || o.consumers < 1 || o.passes < 1)
    return wrong("partitions, connections, in flight, consumers and passes are at least 1");
  if (o.requests < 1 || o.warm_up < 0) return wrong("there must be requests to measure");
  if (o.acks < -1 || o.acks > 1) return wrong("--acks is -1, 0 or 1");
  if (o.record_bytes < 0 || o.record_bytes > 1 << 20 || o.batch_bytes > 1 << 26)
    return wrong("a record has 0 … 1 MiB, a batch at most 64 MiB");
  if (o.is_idempotent && (o.producers > 0 || o.acks != -1))
    return wrong("--idempotent needs --acks -1 and excludes --producers");
  if (o.mode == LoadMode::kFanOut && (o.partitions != 1 || o.connections != 1 || o.rate <= 0))
    return wrong("fan-out has one partition, one producing connection, and a --rate");
  return {};
}

}  // namespace

Result<LoadOptions> parse_load_options(int argc, char** argv) {
  LoadOptions options;
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "produce")
    options.mode = LoadMode::kProduce;
  else if (mode == "fetch")
    options.mode = LoadMode::kFetch;
  else if (mode == "fanout")
    options.mode = LoadMode::kFanOut;
  else
    return fail(ErrorCode::kInvalidConfig, fmt::format("no mode '{}'", mode));
  const std::vector<Option> known = options_of(options);
  for (int i = 2; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const auto option = std::ranges::find(known, name, &Option::name);
    if (option == known.end())
      return fail(ErrorCode::kInvalidConfig, fmt::format("no option {}", name));
    if (i + 1 == argc)
      return fail(ErrorCode::kInvalidConfig, fmt::format("{} needs a value", name));
    const std::string_view text = argv[i + 1];
    if (!std::visit([&](auto* target) { return set(target, text); }, option->target))
      return fail(ErrorCode::kInvalidConfig, fmt::format("{} cannot be '{}'", name, text));
  }
  SEMEL_CHECK(check(options));
  return options;
}

const char* load_usage() {
  return "usage: semel_load produce|fetch|fanout [--name value]...\n"
         "  semel_load produce --port 9092 --topic t --connections 64 --in-flight 5 --requests "
         "100000\n"
         "  semel_load produce --topic t --rate 1000 --record-bytes 1024 --requests 5000\n"
         "  semel_load fetch   --topic t --connections 4 --passes 8\n"
         "  semel_load fanout  --topic t --batch-bytes 16384 --rate 4096 --consumers 3 --requests "
         "20000\n"
         "more: --partitions --acks -1|0|1 --idempotent 1 --warm-up --producers --fetch-bytes "
         "--pid\n"
         "The topic must exist. Prints one line of JSON; exits 1 if an answer carried an error.\n";
}

}  // namespace semel::bench
