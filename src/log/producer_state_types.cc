#include "log/producer_state_types.h"

#include <fmt/format.h>

namespace semel::log {

ErrorCode code_of(Reason reason) {
  switch (reason) {
    case Reason::kInOrder:
    case Reason::kNewProducer:
    case Reason::kNewEpoch:
    case Reason::kSameBytes:
    case Reason::kReencoded:
    case Reason::kMayDiffer:
    case Reason::kOlder:
      return ErrorCode::kNone;
    case Reason::kBelowLogStart:
      return ErrorCode::kDuplicateSequenceNumber;
    case Reason::kGap:
    case Reason::kPartOfRange:
    case Reason::kSequenceReused:
    case Reason::kOlderUnknown:
    case Reason::kOlderOutOfReach:
    case Reason::kEpochNotFromZero:
    case Reason::kUnknownNotFromZero:
      return ErrorCode::kOutOfOrderSequenceNumber;
    case Reason::kFenced:
      return ErrorCode::kInvalidProducerEpoch;
    case Reason::kNotTransactional:
      return ErrorCode::kInvalidTxnState;
    case Reason::kCoordinatorFenced:
      return ErrorCode::kTransactionCoordinatorFenced;
    case Reason::kUnproven:
    case Reason::kLookupBusy:
      return ErrorCode::kNotLeaderOrFollower;
    case Reason::kTableFull:
      return ErrorCode::kNotEnoughReplicas;
  }
  return ErrorCode::kUnknownServerError;
}

namespace {

std::string_view words_of(Reason reason) {
  switch (reason) {
    case Reason::kBelowLogStart:
      return "this range was stored once and has been deleted since";
    case Reason::kGap:
      return "a gap: the batches between were not stored";
    case Reason::kPartOfRange:
      return "it overlaps stored batches without being equal to one of them";
    case Reason::kSequenceReused:
      return "this range is stored with other records: the producer used the sequence twice";
    case Reason::kOlderUnknown:
      return "older than what is known of this producer, and not in the log";
    case Reason::kOlderOutOfReach:
      return "older than what is remembered, and not within the bytes that a look-up may read "
             "(semel.dedup.lookup.bytes)";
    case Reason::kEpochNotFromZero:
      return "the first batch of an epoch must have sequence 0";
    case Reason::kUnknownNotFromZero:
      return "the producer is unknown here and must begin at sequence 0";
    case Reason::kFenced:
      return "a newer epoch of this producer is known";
    case Reason::kNotTransactional:
      return "a transaction of this producer is open";
    case Reason::kCoordinatorFenced:
      return "a newer transaction coordinator is known";
    case Reason::kUnproven:
      return "leadership or recovery of the partition is not proven yet";
    case Reason::kTableFull:
      return "no room for another producer id in this partition for now";
    case Reason::kLookupBusy:
      return "old batches cannot be looked up now: too many look-ups at a time, or damage in the "
             "log";
    default:
      return {};
  }
}

}  // namespace

std::string explain(const Decision& decision, const BatchIdentity& batch) {
  const std::string_view words = words_of(decision.reason);
  if (words.empty()) return {};
  if (decision.reason == Reason::kUnproven || decision.reason == Reason::kTableFull)
    return std::string(words);
  std::string text = fmt::format("producer id {}, ", batch.producer_id.value);
  if (batch.epoch != decision.known_epoch && decision.known_epoch != kNoProducerEpoch)
    text +=
        fmt::format("epoch {} received, {} known, ", batch.epoch.value, decision.known_epoch.value);
  if (code_of(decision.reason) == ErrorCode::kOutOfOrderSequenceNumber &&
      decision.expected != kNoSequence)
    text += fmt::format("sequence {} expected, ", decision.expected.value);
  text += fmt::format("{} to {} received: {}", batch.base_sequence.value,
                      batch.last_sequence().value, words);
  return text;
}

}  // namespace semel::log
