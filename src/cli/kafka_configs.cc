// kafka-configs.sh, for topics and brokers
#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "broker/properties.h"
#include "cli/kafka_tools.h"
#include "cli/kafka_usage.h"
#include "cli/topic_admin.h"
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

using Changes = std::vector<ConfigChange>;

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

class ConfigsCommand {
 public:
  ConfigsCommand(const KafkaCall& call, const KafkaArguments& arguments)
      : call_(call), arguments_(arguments) {
    types_ = arguments.values("entity-type");
    names_ = arguments.values("entity-name");
    if (arguments.has("entity-default")) names_.emplace_back();
    for (const EntityFlag& flag : kFlags) {
      if (!arguments.has(flag.option)) continue;
      types_.emplace_back(flag.type);
      names_.push_back(flag.is_default ? "" : arguments.values(flag.option).back());
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
    return is_handled() ? act() : 1;
  }

 private:
  std::string type() const { return types_.front(); }
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
    if (type() == "brokers" && has_name()) {
      const std::string& id = names_.front();
      int32_t value = 0;
      const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), value);
      if (error != std::errc{} || end != id.data() + id.size())
        return fmt::format(
            "The entity name for brokers must be a valid integer broker id, but it is: {}", id);
    }
    if (!arguments_.has("describe")) return std::nullopt;
    if (type() == "broker-loggers" && !has_name())
      return sentence("An entity name must be specified with --describe of broker-loggers");
    if (call_.is_26() || type() != "topics") return std::nullopt;
    if (arguments_.has("entity-default"))
      return "--entity-default must not be specified with --describe of topics";
    for (const std::string& name : names_)
      if (const auto good = cluster::check_topic_name(name); !good) return good.error().context;
    return std::nullopt;
  }

  std::optional<std::string> refused_change() const {
    const bool takes_default =
        type() != "topics" && type() != "broker-loggers" && type() != "groups";
    if (!has_name() && takes_default && !has_default())
      return call_.is_26()
                 ? "an entity-name or default entity must be specified with --alter of users, "
                   "clients or brokers"
                 : "An entity-name or default entity must be specified with --alter of users, "
                   "clients, brokers or ips";
    if (!has_name() && !takes_default)
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

  /// What stays with Kafka's own tool is said plainly.
  bool is_handled() {
    if (type() == "topics" || type() == "brokers") {
      if (!arguments_.has("bootstrap-controller") && arguments_.has("bootstrap-server"))
        return true;
      call_.output.err("semel's kafka-configs.sh speaks to brokers; use --bootstrap-server\n");
      return false;
    }
    call_.output.err(fmt::format(
        "semel's kafka-configs.sh knows topics and brokers, not {}; run Apache Kafka's tool\n",
        type()));
    return false;
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
    if (error.cause == Cause::kNotFound) {
      call_.output.err("java.nio.file.NoSuchFileException: " + error.context + "\n");
      return 1;
    }
    const std::string text = fmt::format("{}: {}", java_exception_of(error.code), error.context);
    call_.output.err(
        fmt::format("java.util.concurrent.ExecutionException: {}\nCaused by: {}\n", text, text));
    return 1;
  }

  Result<void> connect() {
    SEMEL_TRY(caller_, call_.connect(arguments_.values("bootstrap-server").back()));
    return {};
  }
  ConfigResource resource() const {
    return type() == "topics" ? ConfigResource::kTopic : ConfigResource::kBroker;
  }

  // --- describe ---------------------------------------------------------------------------------

  Result<void> describe() {
    SEMEL_CHECK(connect());
    ClusterAdmin admin(*caller_);
    const bool is_all = arguments_.has("all");
    SEMEL_TRY(const auto existing, existing_names(admin));
    if (!names_.empty()) {
      const std::string& name = names_.front();
      const bool is_there = name.empty() || std::ranges::find(existing, name) != existing.end();
      if (!is_there && !is_all && !call_.is_26()) {
        call_.output.out(fmt::format("The {} '{}' doesn't exist and doesn't have dynamic config.\n",
                                     singular(), name));
        return {};
      }
      return describe_one(admin, name);
    }
    for (const std::string& name : existing) SEMEL_CHECK(describe_one(admin, name));
    return type() == "brokers" ? describe_one(admin, "") : Result<void>{};
  }

  std::string singular() const { return type().substr(0, type().size() - 1); }

  Result<std::vector<std::string>> existing_names(ClusterAdmin& admin) {
    if (type() == "topics") return TopicAdmin(*caller_).list(true);
    SEMEL_TRY(const auto nodes, admin.nodes());
    std::vector<std::string> names;
    for (const ClusterNode& node : nodes) names.push_back(std::to_string(node.id));
    return names;
  }

  Result<void> describe_one(ClusterAdmin& admin, const std::string& name) {
    const bool is_all = arguments_.has("all");
    call_.output.out(name.empty()
                         ? fmt::format("Default configs for {} in the cluster are:\n", type())
                         : fmt::format("{} configs for {} {} are:\n", is_all ? "All" : "Dynamic",
                                       singular(), name));
    SEMEL_TRY(auto entries, admin.describe_configs(resource(), name));
    const auto wanted = type() == "topics" ? ConfigSource::kTopic
                        : name.empty()     ? ConfigSource::kDefaultBroker
                                           : ConfigSource::kBroker;
    for (const size_t i : order_of(entries)) {
      const auto& entry = entries[i];
      if (!is_all && entry.config_source != static_cast<int8_t>(wanted)) continue;
      std::string synonyms;
      for (const auto& synonym : entry.synonyms)
        synonyms += fmt::format("{}{}:{}={}", synonyms.empty() ? "" : ", ",
                                config_source_name(synonym.source), synonym.name,
                                synonym.value.value_or("null"));
      call_.output.out(fmt::format("  {}={} sensitive={} synonyms={{{}}}\n", entry.name,
                                   entry.value.value_or("null"), entry.is_sensitive, synonyms));
    }
    return {};
  }

  /// By name; 2.6.0 leaves the order to Java's HashMap.
  std::vector<size_t> order_of(const ConfigEntries& entries) const {
    std::vector<std::string> names;
    for (const auto& entry : entries) names.push_back(entry.name);
    if (call_.is_26()) return java_map_order(names);
    std::vector<size_t> order(names.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](size_t i) { return names[i]; });
    return order;
  }

  // --- alter ------------------------------------------------------------------------------------

  Result<Changes> added() {
    if (arguments_.has("add-config-file")) {
      const std::string& path = arguments_.values("add-config-file").back();
      const auto text = rt::read_file(call_.paths.disk, call_.paths.absolute(path), kFileMax);
      if (!text) return fail(ErrorCode::kUnknownServerError, path, Cause::kNotFound);
      SEMEL_TRY(const auto settings, broker::parse_properties(text->text(), path));
      Changes changes;
      for (const auto& setting : settings) changes.push_back({setting.key, setting.value});
      return changes;
    }
    Changes changes;
    if (!arguments_.has("add-config")) return changes;
    for (const std::string& pair : split_pairs(arguments_.values("add-config").back())) {
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
      std::erase_if(changes, [&](const ConfigChange& change) { return change.name == name; });
      changes.push_back({name, value});
    }
    return changes;
  }

  std::vector<std::string> removed() const {
    std::vector<std::string> names;
    if (!arguments_.has("delete-config")) return names;
    for (const std::string& name : split_text(arguments_.values("delete-config").back(), ','))
      if (!trimmed(name).empty()) names.push_back(trimmed(name));
    return names;
  }

  /// 2.6.0 looks first whether the settings to remove are there.
  Result<void> check_removed(ClusterAdmin& admin, const std::string& name,
                             const std::vector<std::string>& wanted) {
    if (!call_.is_26()) return {};
    SEMEL_TRY(const auto entries, admin.describe_configs(resource(), name));
    std::string missing;
    for (const std::string& one : wanted) {
      const bool is_there = std::ranges::any_of(entries, [&](const auto& entry) {
        return entry.name == one && entry.config_source >= 1 && entry.config_source <= 3;
      });
      if (!is_there) missing += (missing.empty() ? "" : ",") + one;
    }
    if (missing.empty()) return {};
    return fail(ErrorCode::kNone, "Invalid config(s): " + missing);
  }

  Result<void> alter() {
    SEMEL_TRY(auto changes, added());
    const auto names = removed();
    SEMEL_CHECK(connect());
    ClusterAdmin admin(*caller_);
    const std::string& name = names_.front();
    SEMEL_CHECK(check_removed(admin, name, names));
    for (const std::string& one : names) changes.push_back({one, std::nullopt});
    SEMEL_CHECK(admin.alter_configs(resource(), name, changes));
    call_.output.out(name.empty()
                         ? fmt::format("Completed updating default config for {} in the "
                                       "cluster.\n",
                                       type())
                         : fmt::format("Completed updating config for {} {}.\n", singular(), name));
    return {};
  }

  const KafkaCall& call_;
  const KafkaArguments& arguments_;
  std::vector<std::string> types_;
  std::vector<std::string> names_;  // "" = the default of all
  std::unique_ptr<ApiCaller> caller_;
};

}  // namespace

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
