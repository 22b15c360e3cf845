// kafka-configs.sh: the command line and its refusals
#include "cli/kafka_configs.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "broker/properties.h"
#include "cli/client_settings.h"
#include "cli/kafka_usage.h"
#include "cluster/topic_name.h"

namespace semel::cli {
namespace {

constexpr KafkaOption kOptions43[] = {{"add-config", true},
                                      {"add-config-file", true},
                                      {"all"},
                                      {"alter"},
                                      {"bootstrap-controller", true},
                                      {"bootstrap-server", true},
                                      {"broker", true},
                                      {"broker-defaults"},
                                      {"broker-logger", true},
                                      {"client", true},
                                      {"client-defaults"},
                                      {"client-metrics", true},
                                      {"command-config", true},
                                      {"delete-config", true},
                                      {"describe"},
                                      {"entity-default"},
                                      {"entity-name", true},
                                      {"entity-type", true},
                                      {"group", true},
                                      {"help"},
                                      {"ip", true},
                                      {"ip-defaults"},
                                      {"topic", true},
                                      {"user", true},
                                      {"user-defaults"},
                                      {"version"}};
constexpr KafkaOption kOptions26[] = {{"add-config", true},
                                      {"add-config-file", true},
                                      {"all"},
                                      {"alter"},
                                      {"bootstrap-server", true},
                                      {"broker", true},
                                      {"broker-defaults"},
                                      {"broker-logger", true},
                                      {"client", true},
                                      {"client-defaults"},
                                      {"command-config", true},
                                      {"delete-config", true},
                                      {"describe"},
                                      {"entity-default"},
                                      {"entity-name", true},
                                      {"entity-type", true},
                                      {"force"},
                                      {"help"},
                                      {"topic", true},
                                      {"user", true},
                                      {"user-defaults"},
                                      {"version"},
                                      {"zk-tls-config-file", true},
                                      {"zookeeper", true}};

/// Options that name an entity's type; `is_default`: the default of all of them.
struct EntityFlag {
  std::string_view option;
  std::string_view type;
  bool is_default = false;
};
constexpr EntityFlag kFlags[] = {{"topic", "topics"},
                                 {"client", "clients"},
                                 {"user", "users"},
                                 {"broker", "brokers"},
                                 {"broker-logger", "broker-loggers"},
                                 {"ip", "ips"},
                                 {"client-metrics", "client-metrics"},
                                 {"group", "groups"},
                                 {"client-defaults", "clients", true},
                                 {"user-defaults", "users", true},
                                 {"broker-defaults", "brokers", true},
                                 {"ip-defaults", "ips", true}};
constexpr std::string_view kTypes43 =
    "topics, clients, users, brokers, ips, client-metrics, groups, broker-loggers";
constexpr std::string_view kTypes26 = "topics,clients,users,brokers,broker-loggers";
constexpr uint64_t kFileMax = uint64_t{16} << 20;

using Changes = std::vector<std::pair<std::string, std::string>>;

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

/// At commas that do not stand between brackets.
std::vector<std::string> split_pairs(std::string_view text) {
  std::vector<std::string> parts(1);
  bool is_inside = false;
  for (const char c : text) {
    if (c == '[' || c == ']') is_inside = c == '[';
    if (c == ',' && !is_inside) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// An address, or a name whose labels are spelled as RFC 1123 has them; the broker looks it up.
bool may_be_host(std::string_view name) {
  if (name.find(':') != std::string_view::npos) return true;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return std::ranges::all_of(split_text(name, '.'), [&](const std::string& label) {
    return !label.empty() && std::ranges::all_of(label, is_letter);
  });
}

class ConfigsCommand {
 public:
  ConfigsCommand(const KafkaCall& call, const KafkaArguments& arguments)
      : call_(call), arguments_(arguments) {
    types_ = arguments.values("entity-type");
    names_ = general_names();
    for (const EntityFlag& flag : kFlags) {
      if (!arguments.has(flag.option)) continue;
      types_.emplace_back(flag.type);
      names_.push_back(flag.is_default ? "" : arguments.last(flag.option));
    }
  }

  int run() {
    const bool is_one = arguments_.has("alter") != arguments_.has("describe");
    const char* usage = call_.is_26() ? kKafkaConfigsUsage26 : kKafkaConfigsUsage;
    if (!is_one)
      return kafka_usage(call_, "Command must include exactly one action: --describe, --alter",
                         usage);
    for (const std::string_view other : {"add-config", "delete-config"})
      if (arguments_.has("describe") && arguments_.has(other))
        return kafka_usage(
            call_, fmt::format("Option \"[describe]\" can't be used with option \"[{}]\"", other),
            usage);
    if (const auto why = refusal()) {
      call_.output.err(*why + "\n");
      return 1;
    }
    return act();
  }

 private:
  /// In the order of the words.
  std::vector<std::string> general_names() const {
    std::vector<std::string> names;
    size_t named = 0;
    for (const std::string_view word : call_.words) {
      const std::string_view option = word.substr(0, word.find('='));
      if (option == "--entity-default") names.emplace_back();
      if (option == "--entity-name") names.push_back(arguments_.values("entity-name")[named++]);
    }
    return names;
  }

  const std::string& type() const { return types_.front(); }
  bool has_name() const {
    return std::ranges::any_of(names_, [](const std::string& name) { return !name.empty(); });
  }
  bool has_default() const {
    return std::ranges::any_of(names_, [](const std::string& name) { return name.empty(); });
  }
  /// 4.3.1 begins these sentences with a capital.
  std::string sentence(std::string text) const {
    if (call_.is_26()) text.front() = static_cast<char>(text.front() | 0x20);
    return text;
  }

  std::optional<std::string> refusal() const {
    if (auto why = refused_types()) return why;
    if (auto why = refused_names()) return why;
    return arguments_.has("alter") ? refused_change() : std::nullopt;
  }

  std::optional<std::string> refused_types() const {
    const bool has_server = arguments_.has("bootstrap-server");
    if (arguments_.has("bootstrap-controller") && has_server)
      return "Only one of --bootstrap-server or --bootstrap-controller can be specified";
    const std::set<std::string> distinct(types_.begin(), types_.end());
    if (distinct.size() < types_.size())
      return fmt::format("Duplicate entity type(s) specified: {}", types_.back());
    if (!has_server && !arguments_.has("bootstrap-controller"))
      return call_.is_26()
                 ? "One of the required --bootstrap-server or --zookeeper arguments must be "
                   "specified"
                 : "Either --bootstrap-server or --bootstrap-controller must be specified.";
    const std::string_view allowed = call_.is_26() ? kTypes26 : kTypes43;
    for (const std::string& type : types_) {
      const auto known = split_text(allowed, ',');
      if (std::ranges::none_of(known, [&](const std::string& one) { return trimmed(one) == type; }))
        return fmt::format(
            "Invalid entity type {}, the entity type must be one of {} with {}", type, allowed,
            call_.is_26() ? "the --bootstrap-server argument"
                          : "a --bootstrap-server or --bootstrap-controller argument");
    }
    if (types_.empty()) return "At least one entity type must be specified";
    if (types_.size() > 1 && distinct != std::set<std::string>{"clients", "users"})
      return "Only 'users' and 'clients' entity types may be specified together";
    return std::nullopt;
  }

  std::optional<std::string> refused_names() const {
    const bool has_general = arguments_.has("entity-name") || arguments_.has("entity-type") ||
                             arguments_.has("entity-default");
    const bool has_flag = std::ranges::any_of(
        kFlags, [&](const EntityFlag& flag) { return arguments_.has(flag.option); });
    if (has_general && has_flag)
      return "--entity-{type,name,default} should not be used in conjunction with specific entity "
             "flags";
    if (auto why = refused_spelling()) return why;
    if (!arguments_.has("describe")) return std::nullopt;
    if (!call_.is_26() && arguments_.has("entity-default") && !takes_default())
      return fmt::format("--entity-default must not be specified with --describe of {}", type());
    if (type() == "broker-loggers" && !has_name())
      return sentence("An entity name must be specified with --describe of broker-loggers");
    if (call_.is_26() || type() != "topics") return std::nullopt;
    for (const std::string& name : names_)
      if (const auto good = cluster::check_topic_name(name); !good) return good.error().context;
    return std::nullopt;
  }

  /// Names that can be no broker's or no address's.
  std::optional<std::string> refused_spelling() const {
    if (!has_name()) return std::nullopt;
    const std::string& name = names_.front();
    if (type() == "brokers" || type() == "broker-loggers") {
      int32_t value = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
      if (error != std::errc{} || end != name.data() + name.size())
        return fmt::format(
            "The entity name for {} must be a valid integer broker id, but it is: {}", type(),
            name);
    }
    if (type() == "ips" && !may_be_host(name))
      return fmt::format(
          "The entity name for ips must be a valid IP or resolvable host, but it is: {}", name);
    return std::nullopt;
  }

  /// Brokers, users, clients and ips have a default for all.
  bool takes_default() const { return type() == "brokers" || is_of_quotas(); }

  std::optional<std::string> refused_change() const {
    if (!has_name() && takes_default() && !has_default())
      return call_.is_26()
                 ? "an entity-name or default entity must be specified with --alter of users, "
                   "clients or brokers"
                 : "An entity-name or default entity must be specified with --alter of users, "
                   "clients, brokers or ips";
    if (!has_name() && !takes_default())
      return sentence(fmt::format("An entity name must be specified with --alter of {}", type()));
    const bool has_added = arguments_.has("add-config");
    const bool has_file = arguments_.has("add-config-file");
    if (has_added && has_file)
      return "Only one of --add-config or --add-config-file must be specified";
    if (!has_added && !has_file && !arguments_.has("delete-config"))
      return "At least one of --add-config, --add-config-file, or --delete-config must be "
             "specified "
             "with --alter";
    return std::nullopt;
  }

  int act() {
    const auto done = arguments_.has("alter") ? alter() : describe();
    if (done) return 0;
    const Error& error = done.error();
    if (error.code == ErrorCode::kNone) {  // an argument, told by itself
      call_.output.err(error.context + "\n");
      return 1;
    }
    std::string line;
    for (const std::string& word : call_.words) line += (line.empty() ? "" : " ") + word;
    call_.output.err(fmt::format("Error while executing config command with args '{}'\n", line));
    if (is_settings_error(error)) {
      const KafkaException thrown = kafka_exception_of(error);
      call_.output.err(
          fmt::format("{}: {}\n{}", thrown.class_name, thrown.message, thrown.caused_by()));
      return 1;
    }
    if (error.cause ==
        Cause::kRefused) {  // by the client itself, of which the cluster knows nothing
      const std::string text = "org.apache.kafka.common.KafkaException: " + error.context;
      const Error why = wrong_endpoint().error();
      call_.output.err(fmt::format(
          "java.util.concurrent.ExecutionException: {0}\nCaused by: {0}\nCaused by: {1}\n", text,
          java_text(why)));
      return 1;
    }
    const std::string text = fmt::format("{}: {}", java_exception_of(error.code), error.context);
    call_.output.err(
        fmt::format("java.util.concurrent.ExecutionException: {}\nCaused by: {}\n", text, text));
    return 1;
  }

  // --- alter ------------------------------------------------------------------------------------

  Result<Changes> added() {
    if (arguments_.has("add-config-file")) {
      const std::string path = arguments_.last("add-config-file");
      const auto text = rt::read_file(call_.paths.disk, call_.paths.absolute(path), kFileMax);
      if (!text) return fail(ErrorCode::kInvalidConfig, path, Cause::kNotFound);
      SEMEL_TRY(const auto settings, broker::parse_properties(text->text(), path));
      Changes changes;
      for (const auto& setting : settings) changes.emplace_back(setting.key, setting.value);
      return changes;
    }
    Changes changes;
    if (!arguments_.has("add-config")) return changes;
    for (const std::string& pair : split_pairs(arguments_.last("add-config"))) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos)
        return fail(
            ErrorCode::kNone,
            fmt::format("requirement failed: Invalid entity config: all configs to be added "
                        "must be in the format \"key=val\"{}",
                        call_.is_26() ? "."
                                      : " or  \"key=[val1,val2]\" to group values which "
                                        "contain commas."));
      std::string value = trimmed(pair.substr(equals + 1));
      std::erase_if(value, [](char c) { return c == '[' || c == ']'; });
      const std::string name = trimmed(pair.substr(0, equals));
      std::erase_if(changes, [&](const auto& change) { return change.first == name; });
      changes.emplace_back(name, value);
    }
    return changes;
  }

  std::vector<std::string> removed() const {
    std::vector<std::string> names;
    if (!arguments_.has("delete-config")) return names;
    for (const std::string& name : split_text(arguments_.last("delete-config"), ','))
      if (!trimmed(name).empty()) names.push_back(trimmed(name));
    return names;
  }

  bool is_of_quotas() const { return type() == "users" || type() == "clients" || type() == "ips"; }

  Result<void> describe() {
    const ConfigsRequest request{call_, arguments_, types_, names_, {}, {}};
    return is_of_quotas() ? describe_quotas(request) : describe_resources(request);
  }

  Result<void> alter() {
    SEMEL_TRY(auto changes, added());
    const ConfigsRequest request{call_, arguments_, types_, names_, std::move(changes), removed()};
    SEMEL_CHECK(is_of_quotas() ? alter_quotas(request) : alter_resources(request));
    const std::string& name = names_.front();
    call_.output.out(
        name.empty()
            ? fmt::format("Completed updating default config for {} in the cluster.\n", type())
            : fmt::format("Completed updating config for {} {}.\n", request.singular(), name));
    return {};
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
  std::vector<std::string> types_;
  std::vector<std::string> names_;  // "" = the default of all
};

}  // namespace

std::unexpected<Error> wrong_endpoint() {
  return fail(ErrorCode::kUnsupportedEndpointType,
              "This Admin API is not yet supported when communicating directly with the controller "
              "quorum.");
}

int run_kafka_configs(const KafkaCall& call) {
  const auto known = call.is_26() ? std::span<const KafkaOption>(kOptions26) : kOptions43;
  const auto parsed = KafkaArguments::parse(known, call.words);
  if (!parsed) {
    call.output.err(parsed.error().context + "\n");
    return 1;
  }
  const char* usage = call.is_26() ? kKafkaConfigsUsage26 : kKafkaConfigsUsage;
  const std::string about = fmt::format(
      "This tool helps to manipulate and describe entity config for a topic, client, user{}",
      call.is_26() ? " or broker" : ", broker, ip, client-metrics or group");
  if (const auto code = kafka_help(call, *parsed, about, usage)) return *code;
  return ConfigsCommand(call, *parsed).run();
}

}  // namespace semel::cli
