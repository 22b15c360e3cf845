// Partition: one partition that this broker has a replica of: its log, who leads it, what is
// committed.
//
// Threads: submit(), resume(), expire(), lead(), resign(), fail() push onto the partition's
// Combiner and may be called from any executor; what they push happens one at a time. Reading takes
// no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/duplicate_lookup.h"
#include "log/flusher.h"
#include "log/log.h"
#include "replica/append_op.h"
#include "replica/read_waiter.h"
#include "rt/combiner.h"
#include "rt/runtime.h"

namespace semel::replica {

/// `semel.flush`: what an acknowledgement promises.
enum class FlushPolicy : uint8_t { kAuto, kAck, kOs };

/// A setting that may change while others read it. Any thread.
template <class T>
class Adjustable {
 public:
  Adjustable(T value) : value_(value) {}  // NOLINT: stands for its value
  Adjustable(const Adjustable& other) : value_(other.get()) {}
  Adjustable& operator=(const Adjustable& other) {
    value_.store(other.get(), std::memory_order_relaxed);
    return *this;
  }
  T get() const { return value_.load(std::memory_order_relaxed); }
  operator T() const { return get(); }

 private:
  std::atomic<T> value_;
};

/// Broker settings that every partition shares.
struct PartitionConfig {
  BrokerId self;
  Adjustable<FlushPolicy> flush = FlushPolicy::kAuto;
  Adjustable<uint64_t> lookup_bytes_max = uint64_t{64} << 20;  // semel.dedup.lookup.bytes
};

/// How many searches of older batches run in this broker.
class LookupSlots {
 public:
  explicit LookupSlots(int32_t slots) : free_(slots) {}
  bool try_enter();
  void leave() { free_.fetch_add(1, std::memory_order_release); }

 private:
  std::atomic<int32_t> free_;
};

/// What the controller said about a partition that this broker leads.
struct Leadership {
  LeaderEpoch epoch;
  int32_t partition_epoch = 0;
  std::vector<BrokerId> isr;  // with this broker
  std::vector<BrokerId> replicas;
  int32_t isr_min = 1;  // min.insync.replicas
  int64_t flush_messages =
      log::kNoLimit;  // flush.messages: a flush begins at so many; 1 = class `ack`
};

enum class Isolation : uint8_t { kUncommitted, kCommitted };

struct ReadQuery {
  Offset from;
  int32_t bytes_max = 0;
  LeaderEpoch current_epoch = kNoLeaderEpoch;       // what the reader believes; none = not checked
  LeaderEpoch last_fetched_epoch = kNoLeaderEpoch;  // none = no divergence check
  Isolation isolation = Isolation::kUncommitted;
  bool at_least_one = false;  // the first batch comes whole, whatever its size
};

struct ReadAnswer {
  ErrorCode code = ErrorCode::kNone;
  Offset high_watermark = kNoOffset;
  Offset last_stable = kNoOffset;
  Offset log_start = kNoOffset;
  rt::FileRange range;                           // size 0: nothing
  bool is_fresh = false;                         // log::ReadSlice
  std::vector<log::AbortedTransaction> aborted;  // only with kCommitted
  std::optional<log::EpochEndOffset> diverging;  // the reader's log differs from here on
};

/// Offsets at one moment.
struct PartitionOffsets {
  Offset log_start;
  Offset high_watermark;
  Offset last_stable;
  Offset log_end;
};

class Partition final : public log::LogListener, public std::enable_shared_from_this<Partition> {
 public:
  /// `config`, `flusher` and `lookup_slots` outlive it. It is led by nobody at first.
  static std::shared_ptr<Partition> make(const PartitionConfig& config,
                                         std::shared_ptr<log::Log> log, log::Flusher& flusher,
                                         LookupSlots& lookup_slots, const rt::Runtime& runtime);
  ~Partition() override;

  const TopicPartition& name() const { return log_->name(); }
  /// "topic-3"
  std::string_view text() const { return text_; }
  log::Log& log() { return *log_; }
  const log::Log& log() const { return *log_; }
  const std::shared_ptr<log::Log>& shared_log() const { return log_; }

  // ---- leadership, from the metadata ----

  void lead(Leadership leadership);
  /// Another broker leads it, or none; waiting appends are answered with kNotLeaderOrFollower.
  void resign(LeaderEpoch epoch);
  /// For good: deleted (kUnknownTopicOrPartition) or its directory is offline (kKafkaStorageError).
  void fail(ErrorCode code);

  /// kNone if this broker leads it (in `expected` epoch, unless that is none); else Kafka's code.
  ErrorCode check_leadership(LeaderEpoch expected = kNoLeaderEpoch) const;
  LeaderEpoch leader_epoch() const { return epoch_of(role_.load(std::memory_order_acquire)); }

  // ---- appending ----

  /// True: the op is settled. False: its owner is told.
  bool submit(AppendOp& op);
  /// submit() in three steps, so that the ops of several requests are written together: enqueue()
  /// for each, drain() once for each partition, then submitted() for each.
  void enqueue(AppendOp& op);
  void drain();
  static bool submitted(AppendOp& op) { return op.let_go(); }
  /// For an op with needs_look_up: reads the log; blocks, so on the I/O pool.
  void look_up(AppendOp& op);
  /// After look_up(): goes on as submit().
  bool resume(AppendOp& op);
  /// The op's time is up: if it still waits, it is settled with kRequestTimedOut. On its executor,
  /// after submit() or resume() returned false and before the owner was told; the owner is still
  /// told once.
  void expire(AppendOp& op);

  // ---- reading ----

  PartitionOffsets offsets() const;
  ReadAnswer read(const ReadQuery& query) const;
  /// kOffsetNotAvailable while a new leader has not reached the start of its epoch.
  Result<Offset> latest_offset(Isolation isolation, LeaderEpoch current_epoch) const;
  /// Blocks. Offset −1 if there is no such record. `timestamp` ≥ 0.
  Result<log::TimestampAndOffset> offset_for_timestamp(int64_t timestamp,
                                                       Isolation isolation) const;
  ReadWaiterList& waiters() { return waiters_; }

  /// log::LogListener. Any thread.
  void on_flushed(Offset end) override;

 private:
  friend class AppendOp;
  Partition(const PartitionConfig& config, std::shared_ptr<log::Log> log, log::Flusher& flusher,
            LookupSlots& lookup_slots, const rt::Runtime& runtime);
  class Change;
  struct FlushNews final : PartitionEntry {
    explicit FlushNews(Partition& p) : partition(p) {}
    void perform() override;
    Partition& partition;
  };

  // role_: leader epoch in the high 32 bits, code in the low 16, bit 16 = leads.
  static constexpr uint64_t kLeads = 1u << 16;
  static LeaderEpoch epoch_of(uint64_t role) {
    return LeaderEpoch{static_cast<int32_t>(role >> 32)};
  }
  void set_role(LeaderEpoch epoch, bool leads, ErrorCode code);

  /// Onto the combiner; on the I/O pool while the log's directory is slow.
  void put(PartitionEntry& entry);
  bool push(AppendOp& op);
  void append(AppendOp& op);
  bool may_append(AppendOp& op);
  void append_group();
  void conclude(AppendOp& op);
  void answer_refused(AppendOp& op, const log::Decision& decision);
  void await_ack(AppendOp& op, Offset required_end);
  void settle(AppendOp& op);
  void refuse(AppendOp& op, ErrorCode code, std::string message = {});
  void refuse_all(ErrorCode code);
  void advance();
  Offset committed_end() const;
  bool is_ack_class() const;
  Offset last_stable() const;

  const PartitionConfig& config_;
  const std::shared_ptr<log::Log> log_;
  const std::string text_;
  log::Flusher& flusher_;
  LookupSlots& lookup_slots_;
  rt::Disk& disk_;
  rt::Executor& home_;
  const rt::Plants* plants_;
  std::unique_ptr<rt::Combiner> combiner_;

  std::atomic<uint64_t> role_;
  std::atomic<int64_t> epoch_start_{0};  // log end when this broker became leader
  ReadWaiterList waiters_;

  // Under the combiner.
  Leadership leadership_;
  bool leads_ = false;
  ErrorCode failure_ = ErrorCode::kNone;
  AckList wait_for_commit_;
  AckList wait_for_flush_;
  int64_t bytes_since_notice_ = 0;
  AppendOp* group_first_ = nullptr;  // appends of this turn that are not written yet
  AppendOp* group_last_ = nullptr;

  std::atomic<bool> flush_news_is_out_{false};
  std::atomic<bool> look_up_runs_{false};
  FlushNews flush_news_{*this};
};

}  // namespace semel::replica
