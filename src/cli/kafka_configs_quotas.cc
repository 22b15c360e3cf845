// kafka-configs.sh for users, clients and ips: quotas and SCRAM credentials
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "cli/kafka_configs.h"
#include "cli/quota_admin.h"

namespace semel::cli {
namespace {

constexpr std::string_view kClientQuotas[] = {"producer_byte_rate", "consumer_byte_rate",
                                              "request_percentage", "controller_mutation_rate"};
constexpr std::string_view kIpQuota = "connection_creation_rate";

/// Types of entities: the tool's word, the protocol's, and how the tool tells them.
struct EntityType {
  std::string_view type, wire, told;
};
constexpr EntityType kEntityTypes[] = {{"users", "user", "user-principal"},
                                       {"clients", "client-id", "client-id"},
                                       {"ips", "ip", "ip"}};

template <class T>
const EntityType& entity_type(T EntityType::* field, std::string_view value) {
  return *std::ranges::find(kEntityTypes, value, field);
}

bool is_scram(std::string_view name) { return find_scram(name) != nullptr; }

class QuotaConfigs {
 public:
  explicit QuotaConfigs(const ConfigsRequest& request) : request_(request), call_(request.call) {}

  Result<void> describe() {
    SEMEL_CHECK(connect());
    SEMEL_TRY(const auto rows, quotas());
    for (const size_t i : order_of(rows)) print(rows[i]);
    const auto is_plain_user = request_.types.size() == 1 && request_.type() == "users" &&
                               std::ranges::find(request_.names, "") == request_.names.end();
    return is_plain_user && !call_.is_26() ? describe_scram() : Result<void>{};
  }

  Result<void> alter() {
    SEMEL_CHECK(check_names());
    const auto is_of_scram = [](const auto& name) { return is_scram(name); };
    const bool has_scram = std::ranges::any_of(request_.added, is_of_scram, &ConfigPair::first) ||
                           std::ranges::any_of(request_.removed, is_of_scram);
    return has_scram ? alter_scram() : alter_quotas();
  }

 private:
  using ConfigPair = std::pair<std::string, std::string>;

  Result<void> connect() {
    if (request_.is_at_controller()) return wrong_endpoint();
    SEMEL_TRY(caller_, kafka_connect(call_, request_.arguments));
    return {};
  }

  template <class T>
  Result<T> named(std::string_view api, Result<T> result) const {
    if (!result && result.error().code == ErrorCode::kUnsupportedVersion)
      return kafka_unsupported(call_, api);
    return result;
  }

  bool is_quota(std::string_view name) const {
    const size_t known = call_.is_26() ? 3 : std::size(kClientQuotas);
    const auto end = std::begin(kClientQuotas) + known;
    return std::find(std::begin(kClientQuotas), end, name) != end;
  }

  // --- describe ---------------------------------------------------------------------------------

  Result<std::vector<QuotaRow>> quotas() {
    if (request_.names.size() > request_.types.size())
      return configs_refusal("More entity names specified than entity types");
    std::vector<QuotaComponent> components;
    for (size_t i = 0; i < request_.types.size(); ++i) {
      QuotaComponent& component = components.emplace_back();
      component.type = entity_type(&EntityType::type, request_.types[i]).wire;
      if (i >= request_.names.size()) continue;
      component.name = request_.names[i];
      component.match =
          component.name.empty() ? QuotaComponent::Match::kDefault : QuotaComponent::Match::kName;
    }
    return named("DESCRIBE_CLIENT_QUOTAS", QuotaAdmin(*caller_).describe(components));
  }

  /// Java's: entities and values come out of HashMaps that were made for their number.
  static std::vector<size_t> order_of(const std::vector<QuotaRow>& rows) {
    std::vector<int32_t> hashes;
    for (const QuotaRow& row : rows) {
      uint32_t hash = 31;
      for (const auto& [type, name] : row.entity)
        hash += static_cast<uint32_t>(java_hash(type)) ^
                (name ? static_cast<uint32_t>(java_hash(*name)) : 0u);
      hashes.push_back(static_cast<int32_t>(hash));
    }
    return java_hash_order(hashes, java_table_size(rows.size()));
  }

  void print(const QuotaRow& row) {
    std::string whose;
    for (const EntityType& type : kEntityTypes) {
      const auto part = row.entity.find(std::string(type.wire));
      if (part == row.entity.end()) continue;
      whose += fmt::format("{}{}", whose.empty() ? "" : ", ",
                           part->second ? fmt::format("{} '{}'", type.told, *part->second)
                                        : fmt::format("the default {}", type.told));
    }
    std::vector<int32_t> hashes;
    for (const auto& [name, value] : row.values) hashes.push_back(java_hash(name));
    std::string values;
    for (const size_t i : java_hash_order(hashes, java_table_size(hashes.size())))
      values += fmt::format("{}{}={}", values.empty() ? "" : ", ", row.values[i].first,
                            java_double(row.values[i].second));
    call_.output.out(fmt::format("{} for {} are {}\n", call_.is_26() ? "Configs" : "Quota configs",
                                 whose, values));
  }

  Result<void> describe_scram() {
    SEMEL_TRY(const auto users, named("DESCRIBE_USER_SCRAM_CREDENTIALS",
                                      QuotaAdmin(*caller_).describe_scram(request_.names)));
    for (const ScramUser& user : users) {
      if (user.error) {
        const std::string name = java_exception_of(user.error->code);
        call_.output.out(fmt::format(
            "Error retrieving SCRAM credential configs for user-principal '{}': {}: {}\n",
            user.name, name.substr(name.rfind('.') + 1), user.error->context));
        continue;
      }
      std::string credentials;
      for (const auto& [number, iterations] : user.credentials) {
        const ScramMechanism* mechanism = find_scram(number);
        credentials += fmt::format("{}{}=iterations={}", credentials.empty() ? "" : ", ",
                                   mechanism == nullptr ? "UNKNOWN" : mechanism->name, iterations);
      }
      call_.output.out(fmt::format("SCRAM credential configs for user-principal '{}' are {}\n",
                                   user.name, credentials));
    }
    return {};
  }

  // --- alter ------------------------------------------------------------------------------------

  struct Unexpected {
    std::vector<std::string> added;
    std::vector<std::string> removed;
  };

  Unexpected unexpected(bool may_be_scram) const {
    const auto is_known = [&](const std::string& name) {
      if (request_.type() == "ips") return name == kIpQuota;
      return is_quota(name) || (may_be_scram && is_scram(name));
    };
    Unexpected found;
    std::vector<std::string> names;
    for (const auto& [name, value] : request_.added) names.push_back(name);
    for (const size_t i : java_map_order(names))
      if (!is_known(names[i])) found.added.push_back(names[i]);
    for (const std::string& name : request_.removed)
      if (!is_known(name)) found.removed.push_back(name);
    return found;
  }

  Result<void> check_names() const {
    if (request_.type() == "ips") {
      auto [added, removed] = unexpected(false);
      added.insert(added.end(), removed.begin(), removed.end());
      if (added.empty()) return {};
      return configs_refusal(
          fmt::format("Only connection quota configs can be added for 'ips' using "
                      "--bootstrap-server. Unexpected config names: {}",
                      fmt::join(added, ",")));
    }
    const bool is_of_client = request_.type() == "clients" || request_.types.size() == 2;
    const bool may_be_scram = !is_of_client && !call_.is_26();
    const auto [added, removed] = unexpected(may_be_scram);
    const std::string_view whose = call_.is_26()  ? std::string_view(request_.type())
                                   : is_of_client ? "clients"
                                                  : "users";
    const std::string_view what = may_be_scram ? "quota and SCRAM credential" : "quota";
    if (!added.empty())
      return configs_refusal(
          fmt::format("Only {} configs can be added for '{}' using --bootstrap-server. Unexpected "
                      "config names: Set({})",
                      what, whose, fmt::join(added, ", ")));
    if (!removed.empty())
      return configs_refusal(
          fmt::format("Only {} configs can be deleted for '{}' using --bootstrap-server. "
                      "Unexpected config names: ArrayBuffer({})",
                      what, whose, fmt::join(removed, ", ")));
    return {};
  }

  Result<void> alter_quotas() {
    if (request_.types.size() != request_.names.size())
      return configs_refusal("An entity name must be specified for every entity type");
    SEMEL_CHECK(connect());
    SEMEL_TRY(const auto rows, quotas());
    std::vector<std::string> missing;
    for (const std::string& name : request_.removed) {
      const bool is_there =
          !rows.empty() && std::ranges::any_of(rows.front().values, [&](const auto& value) {
            return value.first == name;
          });
      if (!is_there) missing.push_back(name);
    }
    if (!missing.empty())
      return configs_refusal(fmt::format("Invalid config(s): {}", fmt::join(missing, ",")));
    QuotaEntity entity;
    for (size_t i = 0; i < request_.types.size(); ++i) {
      auto& name = entity[std::string(entity_type(&EntityType::type, request_.types[i]).wire)];
      if (!request_.names[i].empty()) name = request_.names[i];
    }
    std::vector<QuotaChange> changes;
    for (const auto& [name, text] : request_.added) {
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return configs_refusal(
            fmt::format("Cannot parse quota configuration value for {}: {}", name, text));
      changes.push_back({name, value});
    }
    for (const std::string& name : request_.removed) changes.push_back({name, std::nullopt});
    return named("ALTER_CLIENT_QUOTAS", QuotaAdmin(*caller_).alter(entity, changes));
  }

  Result<void> alter_scram() {
    if (std::ranges::find(request_.names, "") != request_.names.end())
      return configs_refusal(
          "The use of --entity-default or --user-defaults is not allowed with User SCRAM "
          "Credentials using --bootstrap-server.");
    const bool has_quota =
        std::ranges::any_of(request_.added, [&](const auto& one) { return is_quota(one.first); }) ||
        std::ranges::any_of(request_.removed, [&](const auto& one) { return is_quota(one); });
    if (has_quota)
      return configs_refusal(
          "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using "
          "--bootstrap-server.");
    std::vector<ScramChange> changes;
    for (const std::string& name : request_.removed)
      changes.push_back({find_scram(name), 0, std::nullopt, {}});
    for (const auto& [name, value] : request_.added) {
      SEMEL_TRY(auto change, scram_change(*find_scram(name), value));
      changes.push_back(std::move(change));
    }
    SEMEL_CHECK(connect());
    return named("ALTER_USER_SCRAM_CREDENTIALS",
                 QuotaAdmin(*caller_).alter_scram(request_.names.front(), changes));
  }

  /// `text`: "iterations=8192,password=secret" or "password=secret".
  Result<ScramChange> scram_change(const ScramMechanism& mechanism, std::string_view text) const {
    const auto wrong = [&] {
      return configs_refusal(
          fmt::format("Invalid credential property {}={}", mechanism.enum_name, text));
    };
    ScramChange change{&mechanism, kScramIterationsMin, std::nullopt, {}};
    std::string_view rest = text;
    constexpr std::string_view kIterations = "iterations=";
    constexpr std::string_view kPassword = "password=";
    if (rest.starts_with(kIterations)) {
      rest.remove_prefix(kIterations.size());
      const size_t comma = rest.find(',');
      if (comma == std::string_view::npos) return wrong();
      const std::string_view digits = rest.substr(0, comma);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), change.iterations);
      if (error != std::errc{} || end != digits.data() + digits.size()) return wrong();
      if (change.iterations == -1) change.iterations = kScramIterationsMin;
      rest.remove_prefix(comma + 1);
    }
    if (!rest.starts_with(kPassword)) return wrong();
    rest.remove_prefix(kPassword.size());
    if (change.iterations < kScramIterationsMin)
      return configs_refusal(
          fmt::format("Iterations {} is less than the minimum {} required for {}",
                      change.iterations, kScramIterationsMin, mechanism.name));
    change.salt = random_salt(call_.random);
    // More than any broker takes: its refusal, without the work.
    if (change.iterations <= kScramIterationsMax)
      change.salted_password =
          pbkdf2(mechanism.hash, octets(rest), *change.salt, change.iterations);
    else
      change.salted_password.resize(mechanism.hash == Sha2Kind::k256 ? 32 : 64);
    return change;
  }

  const ConfigsRequest& request_;
  const KafkaCall& call_;
  std::unique_ptr<ApiCaller> caller_;
};

}  // namespace

Result<void> describe_quotas(const ConfigsRequest& request) {
  return QuotaConfigs(request).describe();
}
Result<void> alter_quotas(const ConfigsRequest& request) { return QuotaConfigs(request).alter(); }

}  // namespace semel::cli
