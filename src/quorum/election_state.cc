#include "quorum/election_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace semel::quorum {
namespace {

using Json = nlohmann::json;

template <class Int>
Result<Int> take_int(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number_integer())
    return fail(ErrorCode::kCorruptMessage, fmt::format("quorum-state has no number '{}'", key));
  const auto value = at->get<int64_t>();
  if (value < std::numeric_limits<Int>::min() || value > std::numeric_limits<Int>::max())
    return fail(ErrorCode::kCorruptMessage, fmt::format("quorum-state: '{}' is out of range", key));
  return static_cast<Int>(value);
}

Result<DirectoryId> take_directory(const Json& object) {
  const auto at = object.find("votedDirectoryId");
  if (at == object.end() || !at->is_string())
    return fail(ErrorCode::kCorruptMessage, "quorum-state has no votedDirectoryId");
  const auto id = Uuid::from_text(at->get_ref<const std::string&>());
  if (!id) return fail(ErrorCode::kCorruptMessage, "quorum-state: votedDirectoryId is no id");
  return *id;
}

Result<std::vector<int32_t>> take_voters(const Json& object) {
  std::vector<int32_t> voters;
  const auto at = object.find("currentVoters");
  if (at == object.end() || at->is_null()) return voters;
  if (!at->is_array())
    return fail(ErrorCode::kCorruptMessage, "quorum-state: currentVoters is no list");
  for (const Json& voter : *at) {
    if (!voter.is_object())
      return fail(ErrorCode::kCorruptMessage, "quorum-state: a voter is no object");
    SEMEL_TRY(const int32_t id, take_int<int32_t>(voter, "voterId"));
    voters.push_back(id);
  }
  return voters;
}

}  // namespace

std::string to_text(const ElectionState& state, int data_version) {
  if (data_version == 1)
    return fmt::format(
        R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}","data_version":1}})",
        state.leader_id, state.epoch.value, state.voted_id, state.voted_directory.to_text());
  std::string voters;
  for (const int32_t id : state.current_voters)
    voters += fmt::format(R"({}{{"voterId":{}}})", voters.empty() ? "" : ",", id);
  return fmt::format(
      R"({{"clusterId":"","leaderId":{},"leaderEpoch":{},"votedId":{},"appliedOffset":0,"currentVoters":[{}],"data_version":0}})",
      state.leader_id, state.epoch.value, state.voted_id, voters);
}

Result<ElectionState> parse_election_state(std::string_view text) {
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object())
    return fail(ErrorCode::kCorruptMessage, "quorum-state is no JSON object");
  SEMEL_TRY(const auto version, take_int<int16_t>(object, "data_version"));
  if (version != 0 && version != 1)
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("quorum-state has data_version {}, known are 0 and 1", version));
  ElectionState state;
  SEMEL_TRY(state.leader_id, take_int<int32_t>(object, "leaderId"));
  SEMEL_TRY(state.epoch.value, take_int<int32_t>(object, "leaderEpoch"));
  SEMEL_TRY(state.voted_id, take_int<int32_t>(object, "votedId"));
  if (state.epoch.value < 0)
    return fail(ErrorCode::kCorruptMessage, "quorum-state: negative epoch");
  if (version == 1) {
    SEMEL_TRY(state.voted_directory, take_directory(object));
  } else {
    SEMEL_TRY(state.current_voters, take_voters(object));
  }
  return state;
}

}  // namespace semel::quorum
