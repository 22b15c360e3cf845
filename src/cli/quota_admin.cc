#include "cli/quota_admin.h"

#include "cli/cluster_admin.h"
#include "gen/alter_client_quotas.h"
#include "gen/alter_user_scram_credentials.h"
#include "gen/describe_client_quotas.h"
#include "gen/describe_user_scram_credentials.h"

namespace semel::cli {

Result<std::vector<QuotaRow>> QuotaAdmin::describe(const std::vector<QuotaComponent>& components) {
  gen::DescribeClientQuotasRequest request;
  request.strict = true;
  for (const QuotaComponent& component : components) {
    auto& wanted = request.components.append();
    wanted.entity_type = component.type;
    wanted.match_type = static_cast<int8_t>(component.match);
    if (component.match == QuotaComponent::Match::kName)
      wanted.match = component.name;
    else
      wanted.match = std::nullopt;
  }
  SEMEL_TRY(const auto response, call_api<gen::DescribeClientQuotasResponse>(caller_, request));
  if (response.error_code != 0)
    return fail(broker_error(response.error_code, response.error_message));
  std::vector<QuotaRow> rows;
  for (const auto& entry : response.entries) {
    QuotaRow& row = rows.emplace_back();
    for (const auto& part : entry.entity) row.entity[part.entity_type] = part.entity_name;
    for (const auto& value : entry.values) row.values.emplace_back(value.key, value.value);
  }
  return rows;
}

Result<void> QuotaAdmin::alter(const QuotaEntity& entity, const std::vector<QuotaChange>& changes) {
  gen::AlterClientQuotasRequest request;
  auto& entry = request.entries.append();
  for (const auto& [type, name] : entity) {
    auto& part = entry.entity.append();
    part.entity_type = type;
    part.entity_name = name;
  }
  for (const QuotaChange& change : changes) {
    auto& op = entry.ops.append();
    op.key = change.name;
    op.value = change.value.value_or(0);
    op.remove = !change.value;
  }
  SEMEL_TRY(const auto response, call_api<gen::AlterClientQuotasResponse>(caller_, request));
  for (const auto& result : response.entries)
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
  return {};
}

Result<std::vector<ScramUser>> QuotaAdmin::describe_scram(const std::vector<std::string>& names) {
  gen::DescribeUserScramCredentialsRequest request;
  if (names.empty()) request.users.set_null();
  for (const std::string& name : names) request.users.append().name = name;
  SEMEL_TRY(const auto response,
            call_api<gen::DescribeUserScramCredentialsResponse>(caller_, request));
  if (response.error_code != 0)
    return fail(broker_error(response.error_code, response.error_message));
  std::vector<ScramUser> users;
  for (const auto& result : response.results) {
    if (static_cast<ErrorCode>(result.error_code) == ErrorCode::kResourceNotFound) continue;
    ScramUser& user = users.emplace_back();
    user.name = result.user;
    if (result.error_code != 0) user.error = broker_error(result.error_code, result.error_message);
    for (const auto& info : result.credential_infos)
      user.credentials.emplace_back(info.mechanism, info.iterations);
  }
  return users;
}

Result<void> QuotaAdmin::alter_scram(const std::string& user,
                                     const std::vector<ScramChange>& changes) {
  gen::AlterUserScramCredentialsRequest request;
  for (const ScramChange& change : changes) {
    if (!change.salt) {
      auto& removed = request.deletions.append();
      removed.name = user;
      removed.mechanism = change.mechanism->number;
      continue;
    }
    auto& made = request.upsertions.append();
    made.name = user;
    made.mechanism = change.mechanism->number;
    made.iterations = change.iterations;
    made.salt = bytes::Buffer::copy_of(std::as_bytes(std::span(*change.salt)));
    made.salted_password = bytes::Buffer::copy_of(std::as_bytes(std::span(change.salted_password)));
  }
  SEMEL_TRY(const auto response,
            call_api<gen::AlterUserScramCredentialsResponse>(caller_, request));
  for (const auto& result : response.results)
    if (result.error_code != 0) return fail(broker_error(result.error_code, result.error_message));
  return {};
}

}  // namespace semel::cli
