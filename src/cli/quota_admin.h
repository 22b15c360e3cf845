// What kafka-configs.sh asks of a cluster about users, clients and addresses, without any text.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/api_caller.h"
#include "cli/scram_credential.h"

namespace semel::cli {

/// "user", "client-id", "ip" → whose; nothing = the default of all.
using QuotaEntity = std::map<std::string, std::optional<std::string>>;

struct QuotaComponent {
  std::string type;
  enum class Match : int8_t { kName = 0, kDefault = 1, kAny = 2 } match = Match::kAny;
  std::string name;
};

struct QuotaRow {
  QuotaEntity entity;
  std::vector<std::pair<std::string, double>> values;
};

struct QuotaChange {
  std::string name;
  std::optional<double> value;  // nothing = removed
};

struct ScramUser {
  std::string name;
  std::vector<std::pair<int8_t, int32_t>> credentials;  // mechanism, iterations
  std::optional<Error> error;
};

struct ScramChange {
  const ScramMechanism* mechanism;
  int32_t iterations = 0;
  std::optional<Digest> salt;  // nothing = the credential is removed
  Digest salted_password;
};

class QuotaAdmin {
 public:
  explicit QuotaAdmin(ApiCaller& caller) : caller_(caller) {}

  /// Entities that have exactly these components.
  Result<std::vector<QuotaRow>> describe(const std::vector<QuotaComponent>& components);
  Result<void> alter(const QuotaEntity& entity, const std::vector<QuotaChange>& changes);
  /// Without names all; unknown ones are left out.
  Result<std::vector<ScramUser>> describe_scram(const std::vector<std::string>& names);
  Result<void> alter_scram(const std::string& user, const std::vector<ScramChange>& changes);

 private:
  ApiCaller& caller_;
};

}  // namespace semel::cli
