// ProducerState against a model that keeps the full history: random producers, re-sends, restarts,
// truncations, retention and expiry. What must hold: a range that is stored is never stored again,
// and a range that is not stored is never called stored.
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "log/producer_state_testing.h"

namespace semel::log {
namespace {

using testing::Answer;
using testing::Sent;
using testing::TestPartition;

struct Entry {
  Sent sent;
  Offset first_offset;
  Offset last_offset;
  int64_t appended_ms;
};

struct Producer {
  bool is_known = false;
  std::vector<Entry> history;  // everything ever stored and not truncated, all epochs
  size_t known_from = 0;       // history before this belongs to a time that was forgotten
  int64_t last_append_ms = 0;
};

struct Snapshot {
  Offset end;
  std::vector<ProducerSnapshotEntry> entries;
  std::vector<ProducerView> views;
};

class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed), partition_(config(seed)) {}

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const uint32_t choice = below(100);
      if (choice < 60)
        send_next();
      else if (choice < 88)
        send_something();
      else if (choice < 91)
        delete_some();
      else if (choice < 94)
        take_snapshot();
      else if (choice < 96)
        restart();
      else if (choice < 98)
        truncate();
      else
        pass_time();
    }
  }

 private:
  static ProducerStateConfig config(uint32_t seed) {
    ProducerStateConfig config;
    config.window_batches = static_cast<uint16_t>(1 + seed % 9);
    config.expiration_ms = 100'000;
    config.hash_seed = seed;
    return config;
  }
  uint32_t below(uint32_t bound) {
    return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_);
  }
  Offset some_offset() {
    const int64_t span = partition_.log.end - partition_.log.start;
    return partition_.log.start + static_cast<int64_t>(below(static_cast<uint32_t>(span / 2 + 1)));
  }
  const Entry* newest(const Producer& producer) const {
    return producer.is_known && producer.history.size() > producer.known_from
               ? &producer.history.back()
               : nullptr;
  }

  void send_next() {
    const int64_t id = below(6);
    Producer& producer = producers_[id];
    Sent sent{.producer_id = id};
    sent.records = 1 + static_cast<int32_t>(below(4));
    sent.content = "c" + std::to_string(++contents_);
    if (const Entry* last = newest(producer)) {
      sent.epoch = last->sent.epoch;
      sent.base_sequence = Sequence{last->sent.base_sequence}.plus(last->sent.records).value;
      if (below(20) == 0) {
        ++sent.epoch;
        sent.base_sequence = 0;
      }
    } else {
      sent.epoch = producer.history.empty() ? int16_t{0} : producer.history.back().sent.epoch;
      sent.base_sequence = below(2) == 0 ? 0 : 0x7fffffff - static_cast<int32_t>(below(30));
    }
    check(sent);
  }

  void send_something() {
    Producer& producer = producers_[below(6)];
    if (producer.history.empty()) return;
    const auto size = static_cast<uint32_t>(producer.history.size());
    Sent sent = producer.history[size - 1 - below(std::min(size, 1 + below(30)))].sent;
    switch (below(8)) {
      case 0:
        sent.content = "x" + std::to_string(++contents_);
        break;
      case 1:
        sent.records += 1;
        break;
      case 2:
        sent.base_sequence =
            Sequence{sent.base_sequence}.plus(1 + static_cast<int32_t>(below(3))).value;
        break;
      case 3:
        sent.codec = bytes::CodecId::kLz4;
        break;
      case 4:
        sent.epoch = static_cast<int16_t>(sent.epoch + 1);
        break;
      default:
        break;
    }
    check(sent);
  }

  /// As Kafka, a snapshot lies at the base of what is left when older data is deleted.
  void delete_some() {
    const Offset wanted = some_offset();
    ProducerState at_base(config(1));
    Offset from = partition_.log.start;
    if (const Snapshot* snapshot = snapshot_at_most(wanted)) {
      at_base.load(snapshot->entries, snapshot->views, partition_.now_ms);
      from = std::max(from, snapshot->end);
    }
    Offset base = from;
    for (const auto& [first, batch] : partition_.log.batches) {
      const record::BatchView view(batch);
      if (view.last_offset() < from || view.last_offset() >= wanted) continue;
      at_base.replay(testing::identity_of(view), testing::stored_of(view), partition_.now_ms);
      base = view.next_offset();
    }
    snapshots_.push_back({base, at_base.snapshot(), at_base.views()});
    std::ranges::sort(snapshots_, {}, &Snapshot::end);
    partition_.log.delete_below(wanted);
  }
  const Snapshot* snapshot_at_most(Offset offset) const {
    const Snapshot* found = nullptr;
    for (const Snapshot& snapshot : snapshots_)
      if (snapshot.end <= offset) found = &snapshot;
    return found;
  }

  /// What is known of the same (producer, epoch, range), in the log now.
  const Entry* stored(const Producer& producer, const Sent& sent) const {
    for (const Entry& entry : std::span(producer.history).subspan(producer.known_from))
      if (entry.sent.epoch == sent.epoch && entry.sent.base_sequence == sent.base_sequence &&
          entry.sent.records == sent.records && entry.last_offset >= partition_.log.start)
        return &entry;
    return nullptr;
  }
  bool was_ever_stored(const Producer& producer, const Sent& sent) const {
    std::set<int32_t> sequences;
    for (const Entry& entry : producer.history)
      for (int32_t i = 0; entry.sent.epoch == sent.epoch && i < entry.sent.records; ++i)
        sequences.insert(Sequence{entry.sent.base_sequence}.plus(i).value);
    for (int32_t i = 0; i < sent.records; ++i)
      if (!sequences.contains(Sequence{sent.base_sequence}.plus(i).value)) return false;
    return true;
  }

  void check(const Sent& sent) {
    Producer& producer = producers_[sent.producer_id];
    const Entry* last = newest(producer);
    const bool is_next =
        last != nullptr && last->sent.epoch == sent.epoch &&
        Sequence{last->sent.base_sequence}.plus(last->sent.records).value == sent.base_sequence;
    const bool starts_epoch =
        last != nullptr && sent.epoch > last->sent.epoch && sent.base_sequence == 0;
    const bool may_append = last == nullptr || is_next || starts_epoch;
    const bool is_fenced = last != nullptr && sent.epoch < last->sent.epoch;
    const Answer answer = partition_.send(sent);
    SCOPED_TRACE(::testing::Message()
                 << "pid " << sent.producer_id << " epoch " << sent.epoch << " seq "
                 << sent.base_sequence << " x" << sent.records << " -> "
                 << static_cast<int>(answer.reason) << " " << answer.text);
    EXPECT_EQ(answer.is_appended, may_append);
    EXPECT_EQ(answer.code == ErrorCode::kInvalidProducerEpoch, is_fenced);
    if (answer.is_appended) {
      remember(producer, sent, answer);
    } else if (!is_fenced) {
      check_refused(producer, sent, answer);
    }
  }

  void check_refused(const Producer& producer, const Sent& sent, const Answer& answer) {
    const Entry* entry = stored(producer, sent);
    const bool is_deleted = entry == nullptr && was_ever_stored(producer, sent);
    if (answer.code == ErrorCode::kNone) {
      const auto is_it = [&](const Entry& stored_one) {
        return stored_one.sent.epoch == sent.epoch && stored_one.sent.content == sent.content &&
               stored_one.sent.base_sequence == sent.base_sequence &&
               stored_one.sent.records == sent.records &&
               stored_one.first_offset == answer.base_offset;
      };
      EXPECT_TRUE(std::ranges::any_of(producer.history, is_it));
    } else if (answer.code == ErrorCode::kDuplicateSequenceNumber) {
      EXPECT_TRUE(is_deleted);
    } else {
      EXPECT_EQ(answer.code, ErrorCode::kOutOfOrderSequenceNumber);
      EXPECT_TRUE(entry == nullptr || entry->sent.content != sent.content) << "was stored";
    }
  }

  void remember(Producer& producer, const Sent& sent, const Answer& answer) {
    if (!producer.is_known) producer.known_from = producer.history.size();
    producer.is_known = true;
    producer.history.push_back(
        {sent, answer.base_offset, answer.base_offset + (sent.records - 1), partition_.now_ms});
    producer.last_append_ms = partition_.now_ms;
  }

  void pass_time() {
    partition_.now_ms += below(60'000);
    partition_.state.expire_step(partition_.now_ms, 100);
    agree();
  }

  /// Forgetting by time must be right; otherwise the model follows what a reload brought back.
  void agree() {
    for (auto& [id, producer] : producers_) {
      const auto view = partition_.state.find(ProducerId{id});
      if (!view) {
        const bool in_log = producer.is_known && producer.history.size() > producer.known_from &&
                            producer.history.back().last_offset >= partition_.log.start;
        const bool has_expired = partition_.now_ms - producer.last_append_ms > 100'000;
        EXPECT_TRUE(!in_log || has_expired) << "producer " << id << " was forgotten too early";
        producer.is_known = false;
        continue;
      }
      ASSERT_FALSE(producer.history.empty());
      EXPECT_EQ(view->epoch.value, producer.history.back().sent.epoch);
      EXPECT_EQ(view->batches.back().last_offset, producer.history.back().last_offset);
      if (!producer.is_known || producer.known_from == producer.history.size()) {
        producer.is_known = true;
        producer.known_from = producer.history.size() - 1;
      }
    }
  }

  void take_snapshot() {
    snapshots_.push_back(
        {partition_.log.end, partition_.state.snapshot(), partition_.state.views()});
  }

  void restart() {
    const uint32_t kind = below(3);
    if (kind == 2) {
      reload(partition_.log.end, false);
    } else {
      partition_.restart(true, kind == 1);
    }
    agree();
  }

  void truncate() {
    const int64_t span = partition_.log.end - partition_.log.start;
    const Offset wanted =
        partition_.log.end -
        static_cast<int64_t>(below(static_cast<uint32_t>(std::min<int64_t>(span, 30) + 1)));
    partition_.log.truncate(wanted);
    for (auto& [id, producer] : producers_) {
      while (!producer.history.empty() && producer.history.back().last_offset >= partition_.log.end)
        producer.history.pop_back();
      if (!producer.history.empty()) producer.last_append_ms = producer.history.back().appended_ms;
      producer.known_from = std::min(producer.known_from, producer.history.size());
    }
    std::erase_if(snapshots_,
                  [&](const Snapshot& snapshot) { return snapshot.end > partition_.log.end; });
    reload(partition_.log.end, true);
    agree();
  }

  void reload(Offset end, bool is_rebuild) {
    if (is_rebuild)
      partition_.state.start_rebuild();
    else
      partition_.state = ProducerState(config(1));
    Offset from = partition_.log.start;
    if (snapshot_at_most(end) != nullptr) {
      const Snapshot& snapshot = *snapshot_at_most(end);
      const bool with_sidecar = below(2) == 0;
      partition_.state.load(
          snapshot.entries,
          with_sidecar ? std::span(snapshot.views) : std::span<const ProducerView>{},
          partition_.now_ms);
      from = std::max(from, snapshot.end);
    }
    partition_.replay(from, end);
    if (is_rebuild) partition_.state.finish_rebuild(end);
  }

  std::mt19937 random_;
  TestPartition partition_;
  std::map<int64_t, Producer> producers_;
  std::vector<Snapshot> snapshots_;
  int contents_ = 0;
};

class ProducerStateModel : public ::testing::TestWithParam<uint32_t> {};

TEST_P(ProducerStateModel, AgreesWithFullHistory) { Model(GetParam()).run(1500); }

// Each of these once found a fault.
INSTANTIATE_TEST_SUITE_P(Found, ProducerStateModel, ::testing::Values(2127u, 2963u, 3127u));
INSTANTIATE_TEST_SUITE_P(Seeds, ProducerStateModel, ::testing::Range(1u, 25u));

}  // namespace
}  // namespace semel::log
