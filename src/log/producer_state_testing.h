// A partition in memory for the tests of duplicate detection: stored batches, a ProducerState
// before them, and the whole way of a batch from check() to settle().
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/assert.h"
#include "log/duplicate_lookup.h"
#include "log/producer_sidecar.h"
#include "log/producer_state.h"
#include "record/batch_builder.h"
#include "record/batch_iterator.h"

namespace semel::log::testing {

struct Sent {
  int64_t producer_id = 0;
  int16_t epoch = 0;
  int32_t base_sequence = 0;
  int32_t records = 1;
  int64_t timestamp_ms = 1000;
  std::string content = "v";
  bool is_transactional = false;
  bytes::CodecId codec = bytes::CodecId::kNone;
};

inline std::vector<std::byte> batch_bytes(const Sent& sent, Offset base = Offset{0},
                                          std::optional<int64_t> log_append_time = {}) {
  record::BatchBuilder builder;
  record::BatchOptions options;
  options.codec = sent.codec;
  options.base_offset = base;
  options.leader_epoch = LeaderEpoch{0};
  options.producer_id = ProducerId{sent.producer_id};
  options.producer_epoch = ProducerEpoch{sent.epoch};
  options.base_sequence = Sequence{sent.base_sequence};
  options.is_transactional = sent.is_transactional;
  options.log_append_time = log_append_time;
  builder.start(options);
  for (int32_t i = 0; i < sent.records; ++i) {
    const std::string value = sent.content + "-" + std::to_string(i);
    record::RecordInput record;
    record.timestamp = sent.timestamp_ms;
    record.value = bytes::as_bytes(value);
    builder.append(record);
  }
  bytes::Compressor compressor;
  const auto batch = builder.finish(compressor);
  SEMEL_ASSERT(batch.has_value());
  return {batch->begin(), batch->end()};
}

inline BatchIdentity identity_of(const record::BatchView& view) {
  BatchIdentity identity;
  identity.producer_id = view.producer_id();
  identity.epoch = view.producer_epoch();
  identity.base_sequence = view.base_sequence();
  identity.last_offset_delta = view.last_offset_delta();
  identity.crc = view.crc();
  identity.is_transactional = view.is_transactional();
  return identity;
}

inline StoredBatch stored_of(const record::BatchView& view) {
  return {view.base_offset(), view.last_offset(), view.max_timestamp()};
}

/// The log: whole batches by their base offset.
class StoredLog : public BatchSource {
 public:
  std::map<int64_t, std::vector<std::byte>> batches;
  Offset start{0};
  Offset end{0};

  Result<bytes::Buffer> read(Offset from, uint64_t bytes_max) override {
    if (from < start) return fail(ErrorCode::kOffsetOutOfRange);
    std::vector<std::byte> out;
    for (auto at = holder_of(from); at != batches.end(); ++at) {
      if (!out.empty() && out.size() + at->second.size() > bytes_max) break;
      out.insert(out.end(), at->second.begin(), at->second.end());
    }
    return bytes::Buffer::take(std::move(out));
  }
  Result<Offset> offset_before(Offset to, uint64_t bytes) override {
    auto at = batches.lower_bound(to.value);
    uint64_t seen = 0;
    while (at != batches.begin() && seen < bytes) seen += (--at)->second.size();
    return at == batches.begin() ? start : Offset{at->first};
  }
  void delete_below(Offset offset) {
    start = std::max(start, offset);
    while (!batches.empty()) {
      const record::BatchView first(batches.begin()->second);
      if (first.last_offset() >= start) return;
      batches.erase(batches.begin());
    }
  }
  void truncate(Offset offset) {
    batches.erase(batches.lower_bound(offset.value), batches.end());
    end = batches.empty() ? std::max(start, Offset{0})
                          : record::BatchView(batches.rbegin()->second).next_offset();
  }

 private:
  std::map<int64_t, std::vector<std::byte>>::iterator holder_of(Offset from) {
    auto at = batches.upper_bound(from.value);
    if (at != batches.begin()) {
      const auto before = std::prev(at);
      if (record::BatchView(before->second).last_offset() >= from) return before;
    }
    return at;
  }
};

struct Answer {
  ErrorCode code = ErrorCode::kNone;
  Reason reason = Reason::kInOrder;
  bool is_appended = false;
  Offset base_offset = kNoOffset;
  int64_t timestamp_ms = -1;  // −1 for a first send on a CreateTime topic
  std::string text;
};

class TestPartition {
 public:
  explicit TestPartition(const ProducerStateConfig& config = {}) : config_(config), state(config) {}

  Answer send(const Sent& sent) {
    const bytes::Buffer received = bytes::Buffer::take(batch_bytes(sent));
    const BatchIdentity identity = identity_of(record::BatchView(received.span()));
    Decision decision = state.check(identity, {log.start, leadership_is_proven});
    if (decision.verdict == Verdict::kAppend) return append(sent, identity, decision);
    if (decision.verdict == Verdict::kCompare || decision.verdict == Verdict::kLookUp) {
      const auto found = decision.verdict == Verdict::kCompare
                             ? compare_with_stored(log, identity, received, decision.last_offset)
                             : look_up(log, identity, received,
                                       {decision.first_offset, decision.last_offset}, lookup_bytes);
      SEMEL_ASSERT(found.has_value());
      decision = state.settle(identity, decision, *found);
    }
    Answer answer{code_of(decision.reason),   decision.reason, false, kNoOffset, -1,
                  explain(decision, identity)};
    if (decision.verdict == Verdict::kDuplicate) {
      answer.base_offset = decision.first_offset;
      answer.timestamp_ms = decision.timestamp_ms;
    }
    return answer;
  }

  /// Empties the state and fills it as a start would: snapshot and sidecar as given, then a replay.
  void restart(bool with_snapshot, bool with_sidecar) {
    const auto snapshot =
        decode_producer_snapshot(encode_producer_snapshot(state.snapshot()).span());
    SEMEL_ASSERT(snapshot.has_value());
    Sidecar sidecar;
    sidecar.tie.end_offset = log.end;
    sidecar.producers = state.views();
    const auto decoded = decode_sidecar(encode_sidecar(sidecar).span());
    SEMEL_ASSERT(decoded.has_value());
    state = ProducerState(config_);
    if (with_snapshot)
      state.load(*snapshot,
                 with_sidecar ? std::span(decoded->producers) : std::span<ProducerView>{}, now_ms);
    else
      replay(log.start, log.end);
  }

  void replay(Offset from, Offset to) {
    for (const auto& [base, batch] : log.batches) {
      const record::BatchView view(batch);
      if (view.last_offset() >= from && base < to.value)
        state.replay(identity_of(view), stored_of(view), now_ms);
    }
  }

 private:
  Answer append(const Sent& sent, const BatchIdentity& identity, const Decision& decision) {
    std::optional<int64_t> append_time;
    if (is_log_append_time) append_time = now_ms;
    std::vector<std::byte> batch = batch_bytes(sent, log.end, append_time);
    const StoredBatch stored = stored_of(record::BatchView(batch));
    log.batches.emplace(stored.first_offset.value, std::move(batch));
    log.end = stored.last_offset + 1;
    state.applied(identity, decision, stored, now_ms);
    return {ErrorCode::kNone,
            decision.reason,
            true,
            stored.first_offset,
            is_log_append_time ? now_ms : -1,
            {}};
  }

  ProducerStateConfig config_;

 public:
  ProducerState state;
  StoredLog log;
  int64_t now_ms = 1'000'000'000'000;
  uint64_t lookup_bytes = uint64_t{64} << 20;
  bool is_log_append_time = false;
  bool leadership_is_proven = true;
};

}  // namespace semel::log::testing
