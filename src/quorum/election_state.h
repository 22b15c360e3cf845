// ElectionState: what a node must remember about elections, and the text of its file `quorum-state`
// (Kafka 4.3.1, QuorumStateData.json, versions 0 and 1). Version 0 belongs to kraft.version 0 (a
// static quorum), version 1 to kraft.version 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace semel::quorum {

struct ElectionState {
  int32_t leader_id = -1;  // −1 = unknown
  LeaderEpoch epoch{0};
  int32_t voted_id = -1;  // −1 = no vote in this epoch
  DirectoryId voted_directory;
  std::vector<int32_t> current_voters;  // version 0 only
  bool operator==(const ElectionState&) const = default;
};

/// `data_version` 0 or 1; one line of JSON without a newline, byte for byte as Kafka writes it.
std::string to_text(const ElectionState& state, int data_version);

/// Fields in any order, unknown ones ignored. kCorruptMessage if it is no JSON object, misses a
/// field of its version, or has another version.
Result<ElectionState> parse_election_state(std::string_view text);

}  // namespace semel::quorum
