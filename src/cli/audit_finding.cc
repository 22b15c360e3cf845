#include "cli/audit_finding.h"

#include <array>

#include <fmt/format.h>

namespace semel::cli {
namespace {

constexpr std::array<std::string_view, kFindingKinds> kWords = {
    "repeated",  "reused",           "overlap",  "missing", "out-of-order",
    "old-epoch", "open-transaction", "checksum", "offsets", "damaged"};

nlohmann::ordered_json place_json(const AuditPlace& place) {
  nlohmann::ordered_json json{{"file", place.file}, {"position", place.position}};
  if (place.first.value >= 0) {
    json["firstOffset"] = place.first.value;
    json["lastOffset"] = place.last.value;
  }
  return json;
}

}  // namespace

std::string_view finding_word(FindingKind kind) { return kWords[static_cast<size_t>(kind)]; }

std::optional<FindingKind> finding_of_word(std::string_view word) {
  for (size_t i = 0; i < kWords.size(); ++i)
    if (kWords[i] == word) return static_cast<FindingKind>(i);
  return std::nullopt;
}

std::string finding_text(const Finding& finding) {
  std::string text = fmt::format("  {}: ", finding_word(finding.kind));
  if (finding.place.first.value >= 0)
    text += finding.place.first == finding.place.last
                ? fmt::format("offset {}: ", finding.place.first.value)
                : fmt::format("offsets {} to {}: ", finding.place.first.value,
                              finding.place.last.value);
  text += finding.text;
  if (!finding.place.file.empty())
    text += fmt::format(" ({} at byte {})", finding.place.file, finding.place.position);
  return text;
}

nlohmann::ordered_json finding_json(const Finding& finding) {
  nlohmann::ordered_json json{{"type", finding_word(finding.kind)}};
  json.update(place_json(finding.place));
  if (finding.producer_id != kNoProducerId) {
    json["producerId"] = finding.producer_id.value;
    json["producerEpoch"] = finding.epoch.value;
  }
  if (finding.first_sequence != kNoSequence) {
    json["firstSequence"] = finding.first_sequence.value;
    json["lastSequence"] = finding.last_sequence.value;
  }
  if (finding.timestamp_ms >= 0) json["timestamp"] = finding.timestamp_ms;
  if (finding.earlier) json["earlier"] = place_json(*finding.earlier);
  json["text"] = finding.text;
  return json;
}

}  // namespace semel::cli
