// kafka-configs.sh for what DescribeConfigs and IncrementalAlterConfigs know
#include <algorithm>

#include <fmt/format.h>

#include "cli/kafka_configs.h"
#include "cli/topic_admin.h"

namespace semel::cli {
namespace {

struct Kind {
  std::string_view type;
  ConfigResource resource;
  ConfigSource source;  // of settings that were made; kUnknown: all are shown
};
constexpr Kind kKinds[] = {
    {"topics", ConfigResource::kTopic, ConfigSource::kTopic},
    {"brokers", ConfigResource::kBroker, ConfigSource::kBroker},
    {"broker-loggers", ConfigResource::kBrokerLogger, ConfigSource::kUnknown},
    {"client-metrics", ConfigResource::kClientMetrics, ConfigSource::kClientMetrics},
    {"groups", ConfigResource::kGroup, ConfigSource::kGroup}};

class ResourceConfigs {
 public:
  explicit ResourceConfigs(const ConfigsRequest& request)
      : request_(request),
        call_(request.call),
        kind_(*std::ranges::find(kKinds, request.type(), &Kind::type)) {}

  Result<void> describe() {
    SEMEL_CHECK(connect());
    if (request_.names.empty()) {
      SEMEL_TRY(const auto names, existing_names());
      for (const std::string& name : names) SEMEL_CHECK(describe_one(name));
      return is_of_brokers() ? describe_one("") : Result<void>{};
    }
    const std::string& name = request_.names.front();
    if (!name.empty() && !request_.is_all() && !call_.is_26()) {
      SEMEL_TRY(const auto names, existing_names());
      if (std::ranges::find(names, name) == names.end()) {
        call_.output.out(fmt::format("The {} '{}' doesn't exist and doesn't have dynamic config.\n",
                                     request_.singular(), name));
        return {};
      }
    }
    return describe_one(name);
  }

  Result<void> alter() {
    std::vector<ConfigChange> changes;
    for (const auto& [name, value] : request_.added) changes.push_back({name, value});
    for (const std::string& name : request_.removed) changes.push_back({name, std::nullopt});
    SEMEL_CHECK(connect());
    const std::string& name = request_.names.front();
    SEMEL_CHECK(check_removed(name));
    SEMEL_CHECK(check_loggers(name, changes));
    SEMEL_TRY(ApiCaller * caller, caller_of(name));
    return ClusterAdmin(*caller).alter_configs(kind_.resource, name, changes);
  }

 private:
  bool is_of_brokers() const {
    return kind_.resource == ConfigResource::kBroker ||
           kind_.resource == ConfigResource::kBrokerLogger;
  }

  Result<void> connect() {
    SEMEL_TRY(caller_, kafka_connect(call_, request_.arguments));
    return {};
  }

  Result<std::vector<ClusterNode>> nodes() {
    return ClusterAdmin(*caller_).nodes(request_.is_at_controller());
  }

  /// A broker answers for itself only.
  Result<ApiCaller*> caller_of(const std::string& name) {
    if (!is_of_brokers() || name.empty()) return caller_.get();
    SEMEL_TRY(const auto found, nodes());
    for (const ClusterNode& node : found) {
      if (found.size() == 1 || std::to_string(node.id) != name) continue;
      SEMEL_TRY(own_, kafka_connect(call_, request_.arguments, node));
      return own_.get();
    }
    return caller_.get();
  }

  Result<std::vector<std::string>> existing_names() {
    const bool asks_brokers = !is_of_brokers() && kind_.resource != ConfigResource::kGroup;
    if (asks_brokers && request_.is_at_controller()) return wrong_endpoint();
    ClusterAdmin admin(*caller_);
    switch (kind_.resource) {
      case ConfigResource::kTopic:
        return TopicAdmin(*caller_).list(true);
      case ConfigResource::kClientMetrics:
        return named("LIST_CONFIG_RESOURCES", admin.list_config_resources(kind_.resource));
      case ConfigResource::kGroup:
        return group_names();
      default:
        break;
    }
    SEMEL_TRY(const auto found, nodes());
    std::vector<std::string> names;
    for (const ClusterNode& node : found) names.push_back(std::to_string(node.id));
    return names;
  }

  /// Groups that exist, and those that have settings.
  Result<std::vector<std::string>> group_names() {
    if (request_.is_at_controller())
      return fail(ErrorCode::kUnknownServerError, "Failed to find brokers to send ListGroups",
                  Cause::kRefused);
    SEMEL_TRY(const auto found, nodes());
    std::vector<std::string> names;
    for (const ClusterNode& node : found) {
      std::unique_ptr<ApiCaller> own;
      if (found.size() > 1) {
        SEMEL_TRY(own, kafka_connect(call_, request_.arguments, node));
      }
      auto groups = named("LIST_GROUPS", ClusterAdmin(own ? *own : *caller_).list_groups());
      if (!groups)
        return fail(groups.error().code,
                    fmt::format("Error listing groups on {}: {}", kafka_node_text(call_, node),
                                groups.error().context));
      names.insert(names.end(), groups->begin(), groups->end());
    }
    SEMEL_TRY(auto with_settings,
              named("LIST_CONFIG_RESOURCES",
                    ClusterAdmin(*caller_).list_config_resources(kind_.resource)));
    names.insert(names.end(), with_settings.begin(), with_settings.end());
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  Result<ConfigEntries> describe_configs(ApiCaller& caller, const std::string& name) const {
    return named("DESCRIBE_CONFIGS", ClusterAdmin(caller).describe_configs(kind_.resource, name));
  }

  template <class T>
  Result<T> named(std::string_view api, Result<T> result) const {
    if (!result && result.error().code == ErrorCode::kUnsupportedVersion)
      return kafka_unsupported(call_, api);
    return result;
  }

  Result<void> describe_one(const std::string& name) {
    call_.output.out(
        name.empty()
            ? fmt::format("Default configs for {} in the cluster are:\n", request_.type())
            : fmt::format("{} configs for {} {} are:\n", request_.is_all() ? "All" : "Dynamic",
                          request_.singular(), name));
    SEMEL_TRY(ApiCaller * caller, caller_of(name));
    SEMEL_TRY(auto entries, describe_configs(*caller, name));
    const bool is_broker_default = kind_.resource == ConfigResource::kBroker && name.empty();
    const auto wanted = is_broker_default ? ConfigSource::kDefaultBroker : kind_.source;
    for (const size_t i : order_of(entries)) {
      const auto& entry = entries[i];
      const bool is_shown = request_.is_all() || wanted == ConfigSource::kUnknown ||
                            entry.config_source == static_cast<int8_t>(wanted);
      if (!is_shown) continue;
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

  /// 2.6.0 looks first whether the settings to remove are there.
  Result<void> check_removed(const std::string& name) {
    if (!call_.is_26() || kind_.resource == ConfigResource::kBrokerLogger) return {};
    SEMEL_TRY(ApiCaller * caller, caller_of(name));
    SEMEL_TRY(const auto entries, describe_configs(*caller, name));
    std::vector<std::string> missing;
    for (const std::string& one : request_.removed) {
      const bool is_there = std::ranges::any_of(entries, [&](const auto& entry) {
        return entry.name == one && entry.config_source >= 1 && entry.config_source <= 3;
      });
      if (!is_there) missing.push_back(one);
    }
    if (missing.empty()) return {};
    return configs_refusal(fmt::format("Invalid config(s): {}", fmt::join(missing, ",")));
  }

  Result<void> check_loggers(const std::string& name, const std::vector<ConfigChange>& changes) {
    if (kind_.resource != ConfigResource::kBrokerLogger) return {};
    SEMEL_TRY(ApiCaller * caller, caller_of(name));
    SEMEL_TRY(const auto entries, describe_configs(*caller, name));
    std::vector<std::string> missing[2];  // to be removed, to be set
    for (const ConfigChange& change : changes)
      if (std::ranges::none_of(entries, [&](const auto& e) { return e.name == change.name; }))
        missing[change.value ? 1 : 0].push_back(change.name);
    missing[0].insert(missing[0].end(), missing[1].begin(), missing[1].end());
    if (missing[0].empty()) return {};
    return configs_refusal(fmt::format("Invalid broker logger(s): {}", fmt::join(missing[0], ",")));
  }

  const ConfigsRequest& request_;
  const KafkaCall& call_;
  const Kind& kind_;
  std::unique_ptr<ApiCaller> caller_;
  std::unique_ptr<ApiCaller> own_;  // to the broker that is asked about
};

}  // namespace

Result<void> describe_resources(const ConfigsRequest& request) {
  return ResourceConfigs(request).describe();
}
Result<void> alter_resources(const ConfigsRequest& request) {
  return ResourceConfigs(request).alter();
}

}  // namespace semel::cli
