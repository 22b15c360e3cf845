#include "cluster/config_decisions.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "cluster/broker_config_rules.h"
#include "cluster/resource_config.h"

namespace semel::cluster {
namespace {

constexpr size_t kValueBytesMax = 32767;

/// New values by key; nothing = back to the default.
using Changes = std::map<std::string, std::optional<std::string>>;

std::unexpected<Error> invalid_config(std::string text) {
  return fail(ErrorCode::kInvalidConfig, std::move(text));
}

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view part = list.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return parts;
}

Result<void> check_broker_resource(const MetadataImage& image, const ConfigResource& resource) {
  if (resource.name.empty()) return {};
  int32_t id = -1;
  const char* end = resource.name.data() + resource.name.size();
  const auto [at, error] = std::from_chars(resource.name.data(), end, id);
  if (error != std::errc() || at != end)
    return fail(ErrorCode::kInvalidRequest, "Unable to parse broker name as a base 10 number.");
  if (id < 0) return fail(ErrorCode::kInvalidRequest, "Invalid negative broker ID.");
  if (image.broker(BrokerId{id}) == nullptr)
    return fail(ErrorCode::kBrokerIdNotRegistered, fmt::format("No broker with id {} found.", id));
  return {};
}

Result<void> check_resource(const MetadataImage& image, const ConfigResource& resource) {
  switch (resource.type) {
    case ConfigResourceType::kTopic:
      if (resource.name.empty())
        return fail(ErrorCode::kInvalidRequest, "Default topic resources are not allowed.");
      if (image.topic(resource.name) == nullptr)
        return fail(ErrorCode::kUnknownTopicOrPartition,
                    fmt::format("The topic '{}' does not exist.", resource.name));
      return {};
    case ConfigResourceType::kBroker:
      return check_broker_resource(image, resource);
    case ConfigResourceType::kGroup:
      if (resource.name.empty())
        return fail(ErrorCode::kInvalidRequest, "Default group resources are not allowed.");
      return {};
    case ConfigResourceType::kClientMetrics:
      if (resource.name.empty())
        return fail(ErrorCode::kInvalidRequest, "Subscription name can't be empty");
      return {};
    default:
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("Unexpected resource type {}.", static_cast<int>(resource.type)));
  }
}

ConfigMap current_of(const MetadataImage& image, const ConfigResource& resource) {
  const ConfigMapPtr current = image.config(resource.type, resource.name);
  return current == nullptr ? ConfigMap{} : *current;
}

Result<void> check_broker_values(const ControllerView& view, const ConfigResource& resource,
                                 const ConfigMap& after, const Changes& changes) {
  std::set<std::string> changed;
  for (const auto& [name, value] : changes)
    if (value) changed.insert(name);
  const ConfigMapPtr own = view.image.config(ConfigResourceType::kBroker, resource.name);
  ConfigLayers effective = view.topic_layers(nullptr);
  if (!resource.name.empty()) effective.broker = own.get();
  return check_broker_config_change({after, changed, !resource.name.empty(), effective});
}

Result<void> check_values(const ControllerView& view, const ConfigResource& resource,
                          const ConfigMap& after, const Changes& changes) {
  switch (resource.type) {
    case ConfigResourceType::kTopic:
      return validate_topic_config(after);
    case ConfigResourceType::kBroker:
      return check_broker_values(view, resource, after, changes);
    default:
      return check_resource_config(resource.type, after, view.topic_layers(nullptr));
  }
}

/// Checks everything together and adds the records.
Result<void> apply_changes(const ControllerView& view, const ConfigResource& resource,
                           const Changes& changes, Records& records) {
  const ConfigMap before = current_of(view.image, resource);
  ConfigMap after = before;
  Records added;
  for (const auto& [name, value] : changes) {
    if (value && value->size() > kValueBytesMax)
      return invalid_config(
          "The configuration value cannot be added because it exceeds the maximum value size of "
          "32767 bytes.");
    const auto old = before.find(name);
    const bool is_same = value ? old != before.end() && old->second == *value : old == before.end();
    if (value)
      after[name] = *value;
    else
      after.erase(name);
    if (is_same && resource.type != ConfigResourceType::kBroker) continue;
    if (is_same && !value) continue;
    gen::ConfigRecord record;
    record.resource_type = static_cast<int8_t>(resource.type);
    record.resource_name = resource.name;
    record.name = name;
    record.value = value;
    added.push_back({std::move(record), 0});
  }
  SEMEL_CHECK(check_values(view, resource, after, changes));
  if (view.has_elr() && resource.type == ConfigResourceType::kBroker &&
      changes.contains("min.insync.replicas")) {
    if (!resource.name.empty())
      return invalid_config(
          "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    if (!changes.at("min.insync.replicas"))
      return invalid_config(
          "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
  }
  records.insert(records.end(), added.begin(), added.end());
  return {};
}

enum class Operation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

bool is_list(const ConfigResource& resource, const std::string& name) {
  if (resource.type == ConfigResourceType::kTopic) {
    const TopicConfigKey* key = find_topic_config(name);
    return key != nullptr && key->type == ConfigType::kList;
  }
  const BrokerConfigKey* key = find_broker_config(name);
  return resource.type == ConfigResourceType::kBroker && key != nullptr &&
         key->type == ConfigType::kList;
}

std::string default_of(const ConfigResource& resource, const std::string& name) {
  const char* value = nullptr;
  if (resource.type == ConfigResourceType::kTopic) {
    if (const TopicConfigKey* key = find_topic_config(name)) value = key->default_value;
  } else if (const BrokerConfigKey* key = find_broker_config(name)) {
    value = key->default_value;
  }
  return value == nullptr ? "" : value;
}

Result<std::string> edited_list(const ControllerView& view, const ConfigResource& resource,
                                const std::string& name,
                                const std::pair<Operation, std::string>& edit) {
  const bool appends = edit.first == Operation::kAppend;
  if (!is_list(resource, name) && resource.type == ConfigResourceType::kBroker)
    return invalid_config(fmt::format("Config value {} is not allowed for config key: {}",
                                      appends ? "append" : "subtract", name));
  if (!is_list(resource, name))
    return invalid_config(fmt::format("Can't {} to key {} because its type is not LIST.",
                                      appends ? "APPEND" : "SUBTRACT", name));
  const ConfigMap current = current_of(view.image, resource);
  const auto at = current.find(name);
  std::vector<std::string> parts =
      split_list(at == current.end() ? default_of(resource, name) : at->second);
  for (const std::string& part : split_list(edit.second)) {
    if (!appends)
      std::erase(parts, part);
    else if (std::ranges::find(parts, part) == parts.end())
      parts.push_back(part);
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

Result<void> alter_incrementally(
    const ControllerView& view,
    const gen::IncrementalAlterConfigsRequest::AlterConfigsResource& asked, Records& records) {
  const ConfigResource resource{static_cast<ConfigResourceType>(asked.resource_type),
                                asked.resource_name};
  // Kafka's loggers are those of its Java classes; there are none of these here.
  if (resource.type == ConfigResourceType::kBrokerLogger && !asked.configs.empty())
    return invalid_config(fmt::format("Logger {} does not exist!", asked.configs[0].name));
  SEMEL_CHECK(check_resource(view.image, resource));
  std::set<std::string> names;
  for (const auto& config : asked.configs)
    if (!names.insert(config.name).second)
      return fail(ErrorCode::kInvalidRequest, "Error due to duplicate config keys");
  Changes changes;
  for (const auto& config : asked.configs) {
    const auto operation = static_cast<Operation>(config.config_operation);
    if (operation != Operation::kDelete && !config.value)
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("Null value not supported for : {}", config.name));
    switch (operation) {
      case Operation::kSet:
        changes[config.name] = *config.value;
        break;
      case Operation::kDelete:
        changes[config.name] = std::nullopt;
        break;
      case Operation::kAppend:
      case Operation::kSubtract: {
        SEMEL_TRY(changes[config.name],
                  edited_list(view, resource, config.name, {operation, *config.value}));
        break;
      }
      default:
        return fail(ErrorCode::kInvalidRequest, fmt::format("Unknown operation type {} in {}",
                                                            config.config_operation, config.name));
    }
  }
  return apply_changes(view, resource, changes, records);
}

Result<void> alter_wholly(const ControllerView& view,
                          const gen::AlterConfigsRequest::AlterConfigsResource& asked,
                          Records& records) {
  const ConfigResource resource{static_cast<ConfigResourceType>(asked.resource_type),
                                asked.resource_name};
  SEMEL_CHECK(check_resource(view.image, resource));
  Changes changes;
  for (const auto& [name, value] : current_of(view.image, resource)) changes[name] = std::nullopt;
  for (const auto& config : asked.configs) {
    if (!config.value)
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("Null value not supported for : {}", config.name));
    changes[config.name] = *config.value;
  }
  return apply_changes(view, resource, changes, records);
}

template <class Response, class Request, class Alter>
Decision<Response> alter_all(const ControllerView& view, const Request& request, Alter alter) {
  Decision<Response> decision;
  std::map<std::pair<int8_t, std::string>, int> counts;
  for (const auto& asked : request.resources) ++counts[{asked.resource_type, asked.resource_name}];
  for (const auto& asked : request.resources) {
    int& count = counts[{asked.resource_type, asked.resource_name}];
    if (count == 0) continue;
    const auto altered = count > 1
                             ? Result<void>(fail(ErrorCode::kInvalidRequest, "Duplicate resource."))
                             : alter(view, asked, decision.records);
    count = 0;
    auto& result = decision.response.responses.append();
    result.resource_type = asked.resource_type;
    result.resource_name = asked.resource_name;
    if (altered) continue;
    result.error_code = static_cast<int16_t>(altered.error().code);
    result.error_message = altered.error().context;
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace

Decision<gen::IncrementalAlterConfigsResponse> decide_incremental_alter_configs(
    const ControllerView& view, const gen::IncrementalAlterConfigsRequest& request) {
  return alter_all<gen::IncrementalAlterConfigsResponse>(view, request, &alter_incrementally);
}

Decision<gen::AlterConfigsResponse> decide_alter_configs(const ControllerView& view,
                                                         const gen::AlterConfigsRequest& request) {
  return alter_all<gen::AlterConfigsResponse>(view, request, &alter_wholly);
}

}  // namespace semel::cluster
