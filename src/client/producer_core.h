// ProducerCore: what a producer decides, without any I/O: which records go into which batch, when a
// batch is ready, which sequence it carries, and what an answer means. Plain functions of inputs
// and time.
//
// A partition (idempotent mode; `outstanding` = batches that have a sequence and no final answer):
//
// clang-format off
//   state       input                                  next         what happens
//   kRunning    answer 0 or 46                         kRunning     reported as stored
//   kRunning    retriable code, cut, timeout           kRecovering  the batch waits with its sequence
//   kRunning    45, 47 or 59                           kRecovering  the same
//   kRunning    10, more than one record               kRecovering  split; the parts share its sequences
//   any         final refusal, delivery.timeout.ms     kRecovering  reported; leaves a gap in the sequences
//   kRecovering nothing in flight, and the oldest      kRecovering  the oldest is sent again, alone
//               is not proven absent
//   kRecovering stored, nothing older outstanding      kRecovering  a gap before it is closed: it was stored
//   kRecovering nothing outstanding, no gap            kRunning
//   kRecovering nothing in flight, and a gap or        kRunning     epoch + 1, sequences from 0
//               all outstanding proven absent (KIP-360)
//   kRecovering the same, epoch 32767 used up          kWaiting     a new producer id is asked for
//   kWaiting    new identity                           kRunning
// clang-format on
//
// A batch whose fate is unknown is never renumbered: if it can no longer be placed it is reported
// as kMaybeStored. Epochs belong to partitions: a bump moves only the partition that needs it
// (KAFKA-12152); the others follow when nothing of theirs is outstanding. Source: KIP-98, KIP-360,
// KIP-91.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/producer_batch.h"
#include "client/producer_config.h"
#include "client/ready_list.h"
#include "rt/plants.h"
#include "rt/random.h"

namespace semel::client {

/// The broker's answer about one batch.
struct BatchAnswer {
  ErrorCode code = ErrorCode::kNone;
  Offset base_offset = kNoOffset;
  int64_t log_append_time = -1;  // ms; −1: the records keep their timestamps
  std::string message;
};

/// Names a batch that was drained.
struct BatchRef {
  std::string topic;
  int32_t partition = 0;
  Identity identity;
  Sequence base_sequence;
  uint64_t serial = 0;  // of this attempt
};

struct DrainedBatch {
  BatchRef ref;
  bytes::Buffer bytes;
};

/// Not thread-safe; everything on one executor.
class ProducerCore {
 public:
  /// `config`, `random`, `listener` and `plants` outlive it.
  ProducerCore(const ProducerConfig& config, rt::Random& random, DeliveryListener& listener,
               const rt::Plants* plants = nullptr);
  ~ProducerCore();
  ProducerCore(const ProducerCore&) = delete;
  ProducerCore& operator=(const ProducerCore&) = delete;

  // Topology
  /// Partition i has leader leaders[i], −1 = none now. Partitions that vanish keep their sequences.
  void set_topic(const std::string& topic, const std::vector<int32_t>& leaders);
  /// 0: not known.
  int32_t partition_count(std::string_view topic) const;
  /// True (once) if an answer or a missing leader makes new metadata worth fetching.
  bool take_metadata_request();

  // Records
  enum class Append : uint8_t { kAccepted, kNoRoom, kUnknownTopic };
  /// Errors: kMessageTooLarge (larger than max.request.size or buffer.memory), kInvalidRequest (no
  /// such partition, negative timestamp).
  Result<Append> append(const ProducerRecord& record, uint64_t tag, rt::Instant now,
                        int64_t unix_ms);
  size_t memory_used() const { return memory_used_; }
  bool is_empty() const { return batches_ == 0; }
  /// Everything accepted so far counts as ready, whatever linger.ms says.
  void begin_flush();
  void end_flush() { --flushes_; }
  /// True if nothing that was accepted before `mark` (of flush_mark) is left.
  uint64_t flush_mark() const { return last_number_; }
  bool is_flushed(uint64_t mark) const {
    return unreported_.empty() || unreported_.begin()->first > mark;
  }
  /// Somebody waits for room: ready at once.
  void set_memory_pressure(bool is_on);

  // Identity
  bool needs_identity() const { return config_.is_idempotent && needs_identity_; }
  void set_identity(Identity identity);
  Identity identity() const { return identity_; }

  // Sending
  /// Brokers that have something to be sent now.
  std::vector<int32_t> ready_brokers(rt::Instant now);
  /// The batches of one request to `broker`, at most one per partition and max.request.size
  /// together; those that wait longest, ordered by topic and partition.
  std::vector<DrainedBatch> drain(int32_t broker, rt::Instant now);
  void on_answer(const BatchRef& ref, const BatchAnswer& answer, rt::Instant now);
  /// The request ended without an answer. `was_sent` false: not a byte left.
  void on_lost(const BatchRef& ref, const Error& why, bool was_sent, rt::Instant now);
  /// acks=0: it is on its way.
  void on_written(const BatchRef& ref, rt::Instant now);
  /// Gives up what is older than delivery.timeout.ms.
  void expire(rt::Instant now);
  /// Reports everything as failed with `why`.
  void fail_all(const Error& why);
  /// When something becomes ready or expires; rt::Instant max if nothing will.
  rt::Instant next_wake(rt::Instant now) const;
  /// Partitions looked at so far: what a wake-up costs grows with what is ready, not with how many
  /// partitions were ever written to.
  uint64_t partitions_looked_at() const { return looked_at_; }

 private:
  enum class State : uint8_t { kRunning, kRecovering, kWaiting };
  struct Partition {
    std::string topic;
    int32_t index = 0;
    int32_t leader = -1;
    State state = State::kRunning;
    std::deque<std::unique_ptr<ProducerBatch>> queue;  // oldest first; those with a sequence first
    std::map<uint64_t, ProducerBatch*> in_flight;      // by serial
    int32_t in_flight_broker = -1;
    Identity identity;
    Sequence next_sequence{0};
    bool is_established =
        false;             // the broker has a batch of this identity; before, one at a time is sent
    bool has_gap = false;  // a sequence was given up and may be missing at the broker
    Sequence gap;          // the newest such
    int32_t failures = 0;  // in a row, for the backoff
    rt::Instant retry_at{0};
    ReadySlot slot;  // lane = the leader, −1: waits for one
  };
  struct Unreported {
    Partition* partition;
    ProducerBatch* batch;
  };
  struct Topic {
    std::vector<std::unique_ptr<Partition>> partitions;
    int32_t count = 0;  // as metadata says; partitions beyond it have vanished
    int32_t sticky = -1;
    size_t sticky_bytes = 0;
  };

  Result<Append> append_to(Topic& topic, Partition& partition, const record::RecordInput& input,
                           uint64_t tag, rt::Instant now);
  int32_t choose_partition(Topic& topic, const ProducerRecord& record);
  int32_t draw_partition(const Topic& topic);
  ProducerBatch& open_batch(Partition& partition, rt::Instant now);
  void set_state(Partition& partition, State next, const char* why);
  std::optional<rt::Instant> due(const Partition& partition) const;
  size_t in_flight_allowed(const Partition& partition) const;
  void schedule(Partition& partition);
  void schedule_waiting();
  ProducerBatch* next_batch(const Partition& partition, rt::Instant now) const;
  void give_sequence(Partition& partition, ProducerBatch& batch);
  void settle(Partition& partition);
  void renumber(Partition& partition);
  bool take_next_epoch(Partition& partition);
  void retry(Partition& partition, ProducerBatch& batch, const Error& why, rt::Instant now);
  void split_batch(Partition& partition, ProducerBatch& batch, rt::Instant now);
  void on_stored(Partition& partition, ProducerBatch& batch, const BatchAnswer& answer);
  void give_up(Partition& partition, ProducerBatch& batch, Error why);
  void report(const Partition& partition, ProducerBatch& batch, const Delivery& outcome);
  std::unique_ptr<ProducerBatch> take_out(Partition& partition, const ProducerBatch& batch);
  void watch(Partition& partition, ProducerBatch& batch);
  void unwatch(const ProducerBatch& batch);
  Partition* find(const BatchRef& ref);
  ProducerBatch* take_in_flight(Partition* partition, const BatchRef& ref);
  void leave_gap(Partition& partition, const ProducerBatch& batch);
  record::BatchOptions batch_options() const;
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [name, topic] : topics_) {
      looked_at_ += topic.partitions.size();
      for (auto& partition : topic.partitions) visit(*partition);
    }
  }

  const ProducerConfig& config_;
  rt::Random& random_;
  DeliveryListener& listener_;
  const rt::Plants* plants_;
  bytes::Compressor compressor_;
  record::RecordScratch scratch_;
  std::map<std::string, Topic, std::less<>> topics_;
  ReadyList<Partition> ready_;  // who has something to send, now or at a time that is known
  std::multimap<uint64_t, Unreported> unreported_;  // by number, so the oldest first
  Identity identity_;
  bool needs_identity_ = true;
  bool needs_metadata_ = false;
  bool is_under_pressure_ = false;
  int32_t flushes_ = 0;
  uint64_t last_number_ = 0;
  uint64_t last_serial_ = 0;
  uint64_t last_partition_ = 0;
  mutable uint64_t looked_at_ = 0;
  size_t memory_used_ = 0;
  size_t batches_ = 0;
};

}  // namespace semel::client
