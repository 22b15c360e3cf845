// What `semel audit` finds, and how it says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace semel::cli {

enum class FindingKind : uint8_t {
  kRepeated,         // the same records under the same sequences, stored again
  kReused,           // other records under sequences that were stored before
  kOverlap,          // part of a stored range, or more than it
  kMissing,          // sequences that were skipped
  kOutOfOrder,       // sequences below the last ones, not stored before
  kOldEpoch,         // a batch of an epoch that a newer one had fenced
  kOpenTransaction,  // records of a transaction that no marker ended
  kChecksum,         // the checksum does not fit the batch
  kOffsets,          // offsets missing or going back
  kDamaged,          // bytes that are no batch, or a header that cannot be
};
inline constexpr int kFindingKinds = 10;

/// "repeated", "open-transaction", …: the word in the text, in JSON and for --ignore.
std::string_view finding_word(FindingKind kind);
std::optional<FindingKind> finding_of_word(std::string_view word);

/// Where a batch lies.
struct AuditPlace {
  std::string file;  // its name without the folder
  uint64_t position = 0;
  Offset first;
  Offset last;
};

struct Finding {
  FindingKind kind = FindingKind::kDamaged;
  AuditPlace place;
  /// One line for people, without kind and place.
  std::string text;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  /// The sequences stored here, or those that are missing.
  Sequence first_sequence;
  Sequence last_sequence;
  std::optional<AuditPlace> earlier;  // the batch stored before
  int64_t timestamp_ms = -1;          // of the batch
};

std::string finding_text(const Finding& finding);
nlohmann::ordered_json finding_json(const Finding& finding);

}  // namespace semel::cli
