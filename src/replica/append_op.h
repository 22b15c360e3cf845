// AppendOp: one produced batch on its way into one partition, embedded in its request and recycled.
//
//   fill in the inputs → Partition::submit() → settled() at once or later → read `outcome`
//
// Race: `outstanding_` counts who may still touch the op: its submitter, its settlement, an expiry
// under way. Who leaves last hands it to its owner: the submitter by its return value, the others
// by mail. So an append that nobody contends costs no mail, and an op is never recycled under
// somebody's hands.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.h"
#include "bytes/buffer.h"
#include "log/leader_append.h"
#include "record/batch_validator.h"
#include "rt/combiner.h"
#include "rt/executor.h"

namespace semel::replica {

class AckList;
class Partition;

/// Something that happens to a partition, one at a time and in the order of pushing; except that
/// appends which follow one another are written together.
class PartitionEntry : public rt::Combiner::Entry {
 public:
  virtual ~PartitionEntry() = default;
  /// Under the partition's combiner, when all appends before it are done. The entry may be gone
  /// afterwards.
  virtual void perform() = 0;
  virtual bool is_append() const { return false; }
};

/// The answer to one batch. `code` kNone: it is stored, as acks demands.
struct AppendOutcome {
  ErrorCode code = ErrorCode::kNone;
  std::string message;  // for ErrorMessage; empty = none
  Offset base_offset = kNoOffset;
  int64_t append_time_ms = -1;
  Offset log_start = kNoOffset;
};

class AppendOp final : public PartitionEntry {
 public:
  /// Told on the op's executor that the op is settled, if submit() or resume() said "later".
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_settled(AppendOp& op) = 0;
  };

  AppendOp() = default;
  AppendOp(const AppendOp&) = delete;
  AppendOp& operator=(const AppendOp&) = delete;

  // Inputs, for submit().
  std::shared_ptr<Partition> partition;
  record::ProduceVerdict verdict;  // of `records`; not malformed
  bytes::Buffer records;           // keeps the bytes that verdict.batch points to
  int16_t acks = -1;
  /// Set by an appender that knows the epoch it writes in; kNoLeaderEpoch = whatever leads.
  LeaderEpoch expected_epoch = kNoLeaderEpoch;
  bool stamps_append_time = false;  // message.timestamp.type=LogAppendTime
  rt::Executor* executor = nullptr;
  Owner* owner = nullptr;
  size_t tag = 0;  // the owner's own

  // Results, once settled.
  /// The log must be read before the batch can be answered: run Partition::look_up() on the I/O
  /// pool, then Partition::resume(). `outcome` is not set yet.
  bool needs_look_up = false;
  AppendOutcome outcome;

  /// Lets go of everything, for the next use.
  void clear();
  log::BatchIdentity identity() const;

 private:
  friend class AckList;
  friend class Partition;

  void perform() override;
  bool is_append() const override { return true; }
  /// One of two has done with it; true if that was the last.
  bool let_go() { return outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  void leave();

  struct News final : rt::Mail {
    explicit News(AppendOp& o) : op(o) {}
    void run() override { op.owner->on_settled(op); }
    AppendOp& op;
  };
  /// Ends the wait of an op whose time is up.
  struct Expiry final : PartitionEntry {
    explicit Expiry(AppendOp& o) : op(o) {}
    void perform() override;
    AppendOp& op;
  };

  std::atomic<int32_t> outstanding_{0};
  News news_{*this};
  Expiry expiry_{*this};
  log::BatchIdentity identity_;  // while it is appended
  log::LeaderBatch leader_batch_;
  AppendOp* next_in_group_ = nullptr;
  log::Decision decision_;   // what dedup said, while needs_look_up
  log::LookupResult found_;  // what the look-up said
  bool was_looked_up_ = false;
  bool was_found_out_ = false;  // found_ is valid
  /// Waits until this is below the high watermark, or flushed.
  Offset required_end_;
  AppendOp* previous_ = nullptr;
  AppendOp* next_waiting_ = nullptr;
  AckList* list_ = nullptr;
};

/// Ops that wait for an offset, in ascending order of what they wait for.
class AckList {
 public:
  bool empty() const { return first_ == nullptr; }
  void insert(AppendOp& op);
  void remove(AppendOp& op);
  /// Takes the first op that needs no more than `end`; null if there is none.
  AppendOp* take_up_to(Offset end);
  /// Takes any op; null if there is none.
  AppendOp* take();

 private:
  AppendOp* first_ = nullptr;
  AppendOp* last_ = nullptr;
};

}  // namespace semel::replica
