#include "broker/config.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/text.h"
#include "broker/config_table.h"
#include "cluster/config_schema.h"

namespace semel::broker {
namespace {

std::unexpected<Error> refuse(const Setting& setting, std::string_view why,
                              std::string_view advice) {
  return fail(ErrorCode::kInvalidConfig, fmt::format("{}: {}={} {}; {}", setting.origin,
                                                     setting.key, setting.value, why, advice));
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

using cluster::BrokerConfigKey;
using cluster::ConfigType;

std::string range_text(const BrokerConfigKey& key) {
  if (key.highest >= std::numeric_limits<int32_t>::max())
    return fmt::format("give a whole number of at least {}", key.lowest);
  return fmt::format("give a whole number from {} to {}", key.lowest, key.highest);
}

Result<void> check_choice(const BrokerConfigKey& key, const Setting& setting) {
  const auto allowed = split_list(key.values, ',');
  const auto values = key.type == ConfigType::kList ? split_list(setting.value, ',')
                                                    : std::vector<std::string>{setting.value};
  for (const std::string& value : values)
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      return refuse(setting, "is none of the values it can have",
                    fmt::format("use {}", fmt::join(allowed, ", ")));
  return {};
}

Result<void> check_type(const BrokerConfigKey& key, const Setting& setting) {
  switch (key.type) {
    case ConfigType::kBoolean: {
      const std::string value = lower(setting.value);
      if (value != "true" && value != "false")
        return refuse(setting, "is neither true nor false", "write true or false");
      return {};
    }
    case ConfigType::kShort:
    case ConfigType::kInt:
    case ConfigType::kLong: {
      const auto value = parse_number<int64_t>(setting.value);
      if (!value) return refuse(setting, "is not a whole number", range_text(key));
      if (*value < key.lowest || *value > key.highest)
        return refuse(setting, "is outside its range", range_text(key));
      return {};
    }
    case ConfigType::kDouble:
      if (!parse_number<double>(setting.value))
        return refuse(setting, "is not a number", "give a decimal number such as 0.5");
      return {};
    default:
      return key.values == nullptr ? Result<void>{} : check_choice(key, setting);
  }
}

/// Settings that other parts of Kafka's file may carry and that no broker key covers.
bool is_foreign(std::string_view key) {
  return key.starts_with("listener.name.") || key.starts_with("confluent.") ||
         key.starts_with("zookeeper.");
}

/// Keys of Kafka's authorizers and protocols that its own broker table does not list.
bool protects_access(std::string_view key) {
  return key == "super.users" || key == "allow.everyone.if.no.acl.found" ||
         key.starts_with("authorizer.") || key.starts_with("ssl.") || key.starts_with("sasl.");
}

Result<void> check_known(Config& config, const Setting& setting) {
  const ConfigKey* key = find_config_key(setting.key);
  if (key == nullptr) {
    if (protects_access(setting.key) && !setting.value.empty())
      return refuse(setting, "protects access, and this version of semel would not enforce it",
                    "remove it only if open access is what you want");
    if (setting.key.starts_with("listener.name."))
      return refuse(setting, "sets up a protected listener, which this version does not serve",
                    "remove it, or keep this listener on Kafka");
    const std::string_view near = nearest_config_key(setting.key);
    const std::string hint = near.empty() || is_foreign(setting.key)
                                 ? std::string{}
                                 : fmt::format("; did you mean {}?", near);
    config.warnings.push_back(
        fmt::format("{}: unknown setting {} is ignored{}", setting.origin, setting.key, hint));
    return {};
  }
  if (key->effect == Effect::kProtects && !setting.value.empty())
    return refuse(setting, "protects access, and this version of semel would not enforce it",
                  "remove it only if open access is what you want");
  SEMEL_CHECK(check_type(*cluster::find_broker_config(setting.key), setting));
  if (key->effect == Effect::kIgnored)
    config.warnings.push_back(
        fmt::format("{}: semel does not act on {}", setting.origin, setting.key));
  return {};
}

struct RawListener {
  std::string name;
  rt::Address address;
};

Result<RawListener> parse_listener(const Setting& setting, const std::string& text) {
  const std::string_view advice = "write NAME://HOST:PORT, for example PLAINTEXT://localhost:9092";
  const size_t scheme = text.find("://");
  if (scheme == std::string::npos || scheme == 0)
    return refuse(setting, fmt::format("has a listener without a name ({})", text), advice);
  const std::string rest = text.substr(scheme + 3);
  if (rest.rfind(':') == std::string::npos)
    return refuse(setting, fmt::format("has a listener without a port ({})", text), advice);
  auto address = rt::Address::from_text(rest);
  if (!address)
    return refuse(setting,
                  fmt::format("has a port outside 0 … 65535, or an IPv6 address without brackets "
                              "({})",
                              text),
                  advice);
  return RawListener{text.substr(0, scheme), std::move(*address)};
}

Result<std::vector<RawListener>> parse_listeners(const Setting& setting) {
  std::vector<RawListener> listeners;
  for (const std::string& text : split_list(setting.value, ',')) {
    SEMEL_TRY(RawListener listener, parse_listener(setting, text));
    for (const RawListener& other : listeners)
      if (other.name == listener.name)
        return refuse(setting, fmt::format("names the listener {} twice", listener.name),
                      "give each listener a name of its own");
    listeners.push_back(std::move(listener));
  }
  if (listeners.empty())
    return refuse(setting, "names no listener", "write for example PLAINTEXT://localhost:9092");
  return listeners;
}

/// The security protocol of a listener's name by listener.security.protocol.map.
Result<std::string> protocol_of(const Config& config, const std::string& name) {
  for (const std::string& pair : split_list(config.text("listener.security.protocol.map"), ',')) {
    const size_t colon = pair.find(':');
    if (colon != std::string::npos && pair.substr(0, colon) == name) return pair.substr(colon + 1);
  }
  const auto controllers = split_list(config.text("controller.listener.names"), ',');
  const bool is_controller =
      std::find(controllers.begin(), controllers.end(), name) != controllers.end();
  if (is_controller && !config.given.contains("listener.security.protocol.map"))
    return std::string("PLAINTEXT");
  return fail(ErrorCode::kInvalidConfig,
              fmt::format("listeners: {} has no security protocol; add {}:PLAINTEXT to "
                          "listener.security.protocol.map",
                          name, name));
}

class Resolver {
 public:
  Resolver(Config& config, const ConfigSources& sources) : config_(config), sources_(sources) {}

  Result<void> resolve() {
    SEMEL_CHECK(resolve_roles());
    SEMEL_CHECK(resolve_node_id());
    SEMEL_CHECK(resolve_directories());
    SEMEL_CHECK(resolve_listeners());
    return check_relations();
  }

 private:
  Result<void> resolve_roles() {
    const auto roles = split_list(config_.text("process.roles"), ',');
    const auto has = [&](std::string_view role) {
      return std::find(roles.begin(), roles.end(), role) != roles.end();
    };
    if (roles.empty()) {
      config_.roles = Roles::kEmbedded;
    } else if (has("broker") && has("controller")) {
      config_.roles = Roles::kCombined;
    } else {
      config_.roles = has("broker") ? Roles::kBroker : Roles::kController;
    }
    if (config_.roles == Roles::kBroker || config_.roles == Roles::kController) {
      const Setting& setting = config_.given.at("process.roles");
      return refuse(setting, "asks for a role that this version cannot run alone",
                    "use process.roles=broker,controller, or leave it out");
    }
    return {};
  }

  Result<void> resolve_node_id() {
    const auto given = config_.first_given({"node.id", "broker.id"});
    config_.node_id_is_given = given.has_value();
    if (!given) {
      if (config_.roles == Roles::kEmbedded) return {};
      return fail(ErrorCode::kInvalidConfig,
                  "node.id is missing; with process.roles set, give the id that the directory was "
                  "formatted with, for example node.id=1");
    }
    config_.node_id = BrokerId{*parse_number<int32_t>(*given)};
    if (config_.node_id.value < 0)
      return fail(ErrorCode::kInvalidConfig,
                  "node.id: must be at least 0; give for example node.id=1");
    return {};
  }

  Result<void> resolve_directories() {
    if (!sources_.data_dir.empty()) {
      config_.data_text = sources_.data_dir;
      config_.log_dirs = {sources_.data_dir};
      config_.metadata_dir =
          config_.roles == Roles::kEmbedded ? sources_.data_dir + "/controller" : sources_.data_dir;
      if (config_.roles == Roles::kEmbedded) config_.log_dirs = {sources_.data_dir + "/broker"};
      return {};
    }
    const auto dirs = config_.first_given({"log.dirs", "log.dir"});
    if (!dirs)
      return fail(ErrorCode::kInvalidConfig,
                  "no data directory; give --data DIR, or log.dirs=DIR in the file");
    config_.log_dirs = split_list(*dirs, ',');
    config_.data_text = fmt::format("{}", fmt::join(config_.log_dirs, ","));
    if (config_.log_dirs.empty())
      return fail(ErrorCode::kInvalidConfig, "log.dirs is empty; give a directory, or --data DIR");
    if (config_.roles == Roles::kEmbedded) {
      config_.metadata_dir = config_.given.contains("metadata.log.dir")
                                 ? config_.text("metadata.log.dir")
                                 : config_.log_dirs.front() + ".controller";
    } else {
      config_.metadata_dir = config_.given.contains("metadata.log.dir")
                                 ? config_.text("metadata.log.dir")
                                 : config_.log_dirs.front();
    }
    return {};
  }

  Result<void> resolve_listeners() {
    if (!sources_.listen.empty()) {
      const Setting setting{"--listen", sources_.listen, "command line"};
      SEMEL_TRY(const RawListener raw, parse_listener(setting, "PLAINTEXT://" + sources_.listen));
      config_.listeners = {{"PLAINTEXT", raw.address, raw.address}};
      return finish_addresses();
    }
    if (!config_.given.contains("listeners")) {
      config_.listeners = {{"PLAINTEXT", {"localhost", 9092}, {"localhost", 9092}}};
      return apply_advertised();
    }
    SEMEL_TRY(const auto raw, parse_listeners(config_.given.at("listeners")));
    const auto controllers = split_list(config_.text("controller.listener.names"), ',');
    for (const RawListener& listener : raw) {
      SEMEL_TRY(const std::string protocol, protocol_of(config_, listener.name));
      if (protocol != "PLAINTEXT")
        return refuse(
            config_.given.at("listeners"),
            fmt::format("has the listener {} with protocol {}, which this version does not "
                        "serve and will not open unprotected",
                        listener.name, protocol),
            "use PLAINTEXT listeners only");
      ListenerConfig made{listener.name, listener.address, listener.address};
      if (std::find(controllers.begin(), controllers.end(), listener.name) != controllers.end()) {
        config_.controller_listener = std::move(made);
      } else {
        config_.listeners.push_back(std::move(made));
      }
    }
    if (config_.listeners.empty())
      return refuse(config_.given.at("listeners"), "has no listener for clients",
                    "add one that controller.listener.names does not name");
    return apply_advertised();
  }

  Result<void> apply_advertised() {
    if (config_.given.contains("advertised.listeners")) {
      const Setting& setting = config_.given.at("advertised.listeners");
      SEMEL_TRY(const auto advertised, parse_listeners(setting));
      for (const RawListener& listener : advertised) {
        auto at =
            std::find_if(config_.listeners.begin(), config_.listeners.end(),
                         [&](const ListenerConfig& own) { return own.name == listener.name; });
        if (config_.controller_listener && config_.controller_listener->name == listener.name) {
          config_.controller_listener->advertised = listener.address;
          continue;
        }
        if (at == config_.listeners.end())
          return refuse(setting,
                        fmt::format("advertises {}, which listeners does not have", listener.name),
                        "use the names that listeners has");
        if (listener.address.host == "0.0.0.0" || listener.address.host == "::")
          return refuse(setting, "advertises an address that no client can connect to",
                        "advertise a host name or address that clients reach");
        at->advertised = listener.address;
      }
    }
    return finish_addresses();
  }

  /// Fills in what clients are told where a listener binds to every address.
  Result<void> finish_addresses() {
    for (ListenerConfig& listener : config_.listeners) {
      const std::string& host = listener.advertised.host;
      if (host.empty() || host == "0.0.0.0" || host == "::") {
        config_.warnings.push_back(
            fmt::format("listener {} binds to every address and advertises localhost; set "
                        "advertised.listeners for "
                        "clients on other machines",
                        listener.name));
        listener.advertised.host = "localhost";
      }
    }
    return {};
  }

  Result<void> check_relations() {
    const int64_t memory = config_.number("semel.memory.bytes");
    const int64_t request = config_.number("socket.request.max.bytes");
    if (memory < request)
      return fail(
          ErrorCode::kInvalidConfig,
          fmt::format("semel.memory.bytes={} is below socket.request.max.bytes={}, so one legal "
                      "request could never be read; raise the first or lower the second",
                      memory, request));
    if (config_.number("broker.heartbeat.interval.ms") >=
        config_.number("broker.session.timeout.ms"))
      return fail(
          ErrorCode::kInvalidConfig,
          "broker.heartbeat.interval.ms must be below broker.session.timeout.ms; Kafka's defaults "
          "are 2000 and 9000");
    return {};
  }

  Config& config_;
  const ConfigSources& sources_;
};

}  // namespace

std::string Config::text(std::string_view key) const {
  const auto at = given.find(std::string(key));
  if (at != given.end()) return at->second.value;
  const BrokerConfigKey* known = cluster::find_broker_config(key);
  SEMEL_ASSERT(known != nullptr, key);
  return known->default_value == nullptr ? "" : known->default_value;
}

int64_t Config::number(std::string_view key) const {
  const auto value = parse_number<int64_t>(text(key));
  SEMEL_ASSERT(value.has_value(), key);
  return *value;
}

bool Config::flag(std::string_view key) const { return lower(text(key)) == "true"; }

std::optional<std::string> Config::first_given(std::initializer_list<std::string_view> keys) const {
  for (std::string_view key : keys)
    if (const auto at = given.find(std::string(key)); at != given.end()) return at->second.value;
  return std::nullopt;
}

Result<Config> make_config(const ConfigSources& sources) {
  Config config;
  for (const auto* list : {&sources.file, &sources.overrides})
    for (const Setting& setting : *list) config.given[setting.key] = setting;
  for (const auto& [key, setting] : config.given) SEMEL_CHECK(check_known(config, setting));
  SEMEL_CHECK(Resolver(config, sources).resolve());
  return config;
}

}  // namespace semel::broker
